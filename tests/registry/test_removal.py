"""Deleting tags and manifests: what registries support, and what is never lost with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest

from hashtag.apply import Receipt, apply, remove
from hashtag.errors import AccessDenied, RegistryError, StalePlan
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.reference import Reference, Repository
from hashtag.oci.removal import Pending, Refused, Removed, Unsupported
from hashtag.planning.change import RemoveTag
from hashtag.registry import Registry
from hashtag.registry.client import HttpRegistry
from hashtag.registry.credentials import Credentials
from hashtag.registry.retry import Retries
from hashtag.registry.transport import Transport
from hashtag.testing import MemoryRegistry
from servers.scripted import Clock, Reply, Script

_NUMBERS = count()
_TAG = Reference.parse("registry.example/group/app:1")
_URL = "https://registry.example/v2/group/app/manifests/1"
_DIGEST = Digest.of(b"any")
_HELD = Reply(
    200, b"", {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": str(_DIGEST), "Content-Length": "3"}
)
_GONE = Reply(404)


# ── all registries ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture(
    params=["memory", "memory by digest", "layout", pytest.param("http", marks=pytest.mark.integration)]
)
def registry(request, tmp_path) -> Iterator[MemoryRegistry | Registry]:
    match request.param:
        case "memory":
            yield MemoryRegistry()
        case "memory by digest":
            yield MemoryRegistry(deletes="digests")
        case kind:
            host = request.getfixturevalue("docker_registry").host if kind == "http" else "oci-layout:layout"
            name = f"{host}/app" if kind == "http" else f"{host}:app"
            with Registry.from_environment(name, environ={}, layout_root=tmp_path) as opened:
                yield opened


@pytest.fixture
def repository(registry) -> Repository:
    return registry.repository.child(f"removal-{next(_NUMBERS)}")


def put(registry, repository, text: str, *tags: str) -> Manifest:
    blob = text.encode()
    config = Descriptor("application/x", registry.put_blob(repository, blob), len(blob)).to_json()
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    manifest = Manifest(OCI_MANIFEST, json.dumps(document).encode())
    for tag in tags:
        registry.put_manifest(manifest, repository.tagged(tag))
    return manifest


def test_a_deleted_tag_is_gone_and_its_siblings_stay(registry, repository):
    put(registry, repository, "one", "old", "kept")

    removal = registry.remove_tag(repository.tagged("old"))

    if isinstance(removal, Unsupported):  # distribution 2.8 deletes no tags
        assert set(registry.tags(repository)) == {"old", "kept"}
        return
    assert removal == Removed()
    assert registry.resolve(repository.tagged("old")) is None
    assert registry.resolve(repository.tagged("kept")) is not None
    assert list(registry.tags(repository)) == ["kept"]


def test_a_deleted_manifest_takes_all_of_its_tags_and_no_others(registry, repository):
    manifest = put(registry, repository, "one", "a", "b")
    other = put(registry, repository, "two", "kept")

    assert registry.remove_manifest(repository, manifest.digest) == Removed()

    assert registry.resolve(repository.at(manifest.digest)) is None
    assert list(registry.tags(repository)) == ["kept"]
    assert registry.manifest(repository.at(other.digest)) == other


def test_56_what_is_not_there_is_deleted_already(registry, repository):
    put(registry, repository, "one", "kept")

    assert registry.remove_manifest(repository, _DIGEST) == Removed()
    assert isinstance(registry.remove_tag(repository.tagged("absent")), Removed | Unsupported)
    assert list(registry.tags(repository)) == ["kept"]


def test_a_folder_that_is_not_there_is_not_made_to_delete_in_it(tmp_path: Path):
    with Registry.from_environment("oci-layout:none", environ={}, layout_root=tmp_path) as registry:
        assert registry.remove_tag(registry.repository.tagged("1")) == Removed()
        assert registry.remove_manifest(registry.repository, _DIGEST) == Removed()

    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_which_nothing_can_be_deleted_says_so(tmp_path: Path):
    with Registry.from_environment("oci-layout:store", environ={}, layout_root=tmp_path) as registry:
        manifest = put(registry, registry.repository, "one", "a")
        blob = tmp_path / "store" / "blobs" / "sha256" / manifest.digest.hex
        blob.unlink()
        blob.mkdir()
        (blob / "busy").touch()

        # A folder is no blob: nothing is there to delete.
        assert registry.remove_manifest(registry.repository, manifest.digest) == Removed()


def test_a_registry_in_memory_deletes_nothing_when_told_so():
    registry = MemoryRegistry(deletes="nothing")
    digest = registry.add_image("registry.example/app:1")

    assert isinstance(registry.remove_tag(registry.repository.tagged("1")), Unsupported)
    assert isinstance(registry.remove_manifest(registry.repository, digest), Unsupported)
    assert registry.resolve(registry.repository.tagged("1")) is not None


# ── the change ───────────────────────────────────────────────────────────────────────────────────


def test_the_change_deletes_a_tag_that_holds_what_it_should(memory_registry):
    digest = memory_registry.add_image("registry.example/app:1")
    change = RemoveTag(memory_registry.repository.tagged("1"), digest)

    assert apply([change], memory_registry) == Receipt((change,), ())
    assert apply([change], memory_registry) == Receipt((), (change,))
    assert remove(change, memory_registry) == Removed()


def test_a_tag_that_moved_meanwhile_is_left(memory_registry):
    digest = memory_registry.add_image("registry.example/app:1", layers=[b"moved"])
    change = RemoveTag(memory_registry.repository.tagged("1"), _DIGEST)

    for carry_out in (remove, lambda change, registry: apply([change], registry)):
        with pytest.raises(StalePlan, match=str(digest)):
            carry_out(change, memory_registry)
    assert memory_registry.resolve(change.target) is not None


def test_the_change_fails_where_tags_cannot_be_deleted():
    registry = MemoryRegistry(deletes="digests")
    change = RemoveTag(registry.repository.tagged("1"), registry.add_image("registry.example/app:1"))

    assert isinstance(remove(change, registry), Unsupported)
    with pytest.raises(RegistryError, match="DIGEST_INVALID"):
        apply([change], registry)


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────


def http(script: Script, creds: str | None = None) -> tuple[HttpRegistry, Clock]:
    clock = Clock()
    retries = Retries(sleep=clock.sleep, clock=clock, now=clock, jitter=lambda: 0)
    credentials = Credentials.from_environment({}, creds=creds, registry="registry.example")
    return HttpRegistry(Transport(wire=httpx.MockTransport(script)), credentials, retries), clock


@pytest.mark.parametrize("status", [200, 202, 204, pytest.param(404, id="56 404")])
def test_a_tag_is_gone_when_head_says_so(status: int):
    script = Script().on("DELETE", _URL, Reply(status)).on("HEAD", _URL, _GONE)
    registry, _ = http(script)

    assert registry.remove_tag(_TAG) == Removed()
    assert script.log == [f"DELETE {_URL}", f"HEAD {_URL}"]


def test_54_a_registry_that_deletes_in_the_background_is_waited_for():
    script = Script().on("DELETE", _URL, Reply(202)).on("HEAD", _URL, _HELD, _HELD, _GONE)
    registry, clock = http(script)

    assert registry.remove_tag(_TAG) == Removed()
    assert 0 < clock.elapsed < 1


def test_54_what_is_still_there_after_a_while_is_pending():
    script = Script().on("DELETE", _URL, Reply(202)).on("HEAD", _URL, _HELD)
    registry, clock = http(script)

    assert registry.remove_tag(_TAG) == Pending()
    assert clock.elapsed < 5
    with pytest.raises(RegistryError, match="still there"):
        apply([RemoveTag(_TAG, _DIGEST)], registry)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        pytest.param(400, "DIGEST_INVALID", id="distribution 2.8"),
        pytest.param(405, "UNSUPPORTED", id="deletion switched off"),
        pytest.param(501, "", id="not implemented"),
    ],
)
def test_55_a_registry_that_deletes_no_tags_says_so(status: int, code: str):
    body = json.dumps({"errors": [{"code": code, "message": "no"}]}).encode()
    script = Script().on("DELETE", _URL, Reply(status, body))
    registry, _ = http(script)

    removal = registry.remove_tag(_TAG)

    assert isinstance(removal, Unsupported)
    assert str(status) in removal.reason
    assert code in removal.reason
    assert script.log == [f"DELETE {_URL}"]  # and nothing by its digest


def test_404_for_what_is_there_is_no_deletion():
    registry, _ = http(Script().on("DELETE", _URL, Reply(404)).on("HEAD", _URL, _HELD))

    assert isinstance(registry.remove_tag(_TAG), Unsupported)


@pytest.mark.parametrize("status", [409, 412, 423])
def test_an_immutable_tag_is_refused_alone(status: int):
    script = Script().on("DELETE", _URL, Reply(status)).on("HEAD", _URL, _HELD)
    registry, _ = http(script)

    assert isinstance(registry.remove_tag(_TAG), Refused)
    with pytest.raises(RegistryError, match=str(status)):
        apply([RemoveTag(_TAG, _DIGEST)], registry)


@pytest.mark.parametrize("status", [401, 403])
def test_denied_deletion_is_denied(status: int):
    registry, _ = http(Script().on("DELETE", _URL, Reply(status)), creds="ci:s3cret")

    with pytest.raises(AccessDenied) as caught:
        registry.remove_tag(_TAG)

    assert "delete" in caught.value.hint
    assert "s3cret" not in str(caught.value) + caught.value.hint


def test_an_answer_that_nobody_expects_is_an_error():
    registry, _ = http(Script().on("DELETE", _URL, Reply(418)))

    with pytest.raises(RegistryError, match="418"):
        registry.remove_tag(_TAG)


def test_a_deleted_manifest_is_not_remembered(tmp_path):
    manifest = Manifest(OCI_MANIFEST, b'{"schemaVersion": 2, "layers": []}')
    url = f"https://registry.example/v2/group/app/manifests/{manifest.digest}"
    found = Reply(200, manifest.content, {"Content-Type": OCI_MANIFEST})
    script = Script().on("GET", url, found, _GONE).on("DELETE", url, Reply(202)).on("HEAD", url, _GONE)
    registry, _ = http(script)
    reference = _TAG.repository.at(manifest.digest)
    registry.manifest(reference)

    assert registry.remove_manifest(_TAG.repository, manifest.digest) == Removed()
    with pytest.raises(RegistryError):
        registry.manifest(reference)
