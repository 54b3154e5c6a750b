"""An image with its whole tree, from anywhere to anywhere; and what goes wrong on the way."""

from __future__ import annotations

import json
import os
import subprocess
import tracemalloc
from pathlib import Path

import httpx
import pytest

from hashtag.errors import AccessDenied, ManifestMissing, RegistryError, RegistryUnreachable
from hashtag.oci.copying import copy_image
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.reference import Repository
from hashtag.registry import Registry
from hashtag.testing import MemoryRegistry
from registry.faults import BASE, CHALLENGE, REPOSITORY, blob_of, client, error
from registry.trees import all_bytes, put_image, put_tree
from servers.debian import require
from servers.docker_registry import RunningRegistry
from servers.scripted import Clock, Reply, Script
from servers.zuul_registry import PASSWORD, USER, start_zuul_registry


@pytest.fixture(scope="module")
def zuul(tmp_path_factory: pytest.TempPathFactory):
    running = start_zuul_registry(tmp_path_factory.mktemp("zuul"))
    yield running
    running.stop()


def places(docker: RunningRegistry, zuul: RunningRegistry, folder: Path) -> tuple[Registry, dict[str, str]]:
    config = {"auths": {zuul.host: {"username": USER, "password": PASSWORD}}}
    environ = {"DOCKER_AUTH_CONFIG": json.dumps(config)}
    unique = Digest.of(str(folder).encode()).hex[:12]
    registry = Registry.from_environment(f"{docker.host}/own", environ=environ, layout_root=folder)
    return registry, {
        "docker-registry": f"{docker.host}/{unique}",
        "zuul-registry": f"{zuul.host}/{unique}",
        "folder": "oci-layout:store",
    }


@pytest.mark.integration
@pytest.mark.parametrize("end", ["docker-registry", "zuul-registry", "folder"])
@pytest.mark.parametrize("start", ["docker-registry", "zuul-registry", "folder"])
def test_a_tree_is_copied_byte_for_byte(docker_registry, zuul, tmp_path, start, end):
    registry, named = places(docker_registry, zuul, tmp_path)
    separator = lambda name: ":" if name == "folder" else "/"  # noqa: E731
    source = Repository.parse(f"{named[start]}{separator(start)}source").tagged("1")
    target = Repository.parse(f"{named[end]}{separator(end)}target").tagged("2")
    with registry:
        index = put_tree(registry, source)

        assert copy_image(registry, source.with_digest(index.digest), target) == index.digest
        assert registry.resolve(target) == index.descriptor
        expected = all_bytes(registry, source.repository, index.digest)
        assert all_bytes(registry, target.repository, index.digest) == expected
        assert len(expected) > 15


def memory(tag: str = "1") -> tuple[MemoryRegistry, Manifest]:
    registry = MemoryRegistry()
    return registry, put_tree(registry, registry.repository.tagged(tag))


_ELSEWHERE = Repository.parse("other.example/app").tagged("1")


def test_memory_copies_too_and_the_tag_comes_last():
    registry, index = memory()
    registry.requests.clear()
    copy_image(registry, registry.repository.at(index.digest), _ELSEWHERE)

    assert registry.requests[-1] == ("PUT", str(_ELSEWHERE))
    assert all_bytes(registry, _ELSEWHERE.repository, index.digest) == all_bytes(
        registry, registry.repository, index.digest
    )


def test_what_is_there_is_not_sent_again():
    registry, index = memory()
    copy_image(registry, registry.repository.at(index.digest), _ELSEWHERE)
    registry.requests.clear()
    copy_image(registry, registry.repository.at(index.digest), _ELSEWHERE.repository.tagged("2"))

    assert [request for request in registry.requests if request[0] in ("PUT", "POST")] == [
        ("PUT", "other.example/app:2")
    ]


def test_on_one_server_blobs_are_mounted_and_none_is_read():
    registry, index = memory()
    registry.requests.clear()
    target = registry.repository.child("copy").tagged("1")
    copy_image(registry, registry.repository.at(index.digest), target)

    mine = [what for method, what in registry.requests if method == "GET"]
    manifests = {str(registry.repository.at(digest)) for digest in registry._manifests[registry.repository]}
    assert {what for what in mine if "referrers" not in what} <= manifests


def test_progress_ends_at_all_of_the_bytes():
    registry, index = memory()
    told: list[tuple[int, int]] = []
    copy_image(
        registry,
        registry.repository.at(index.digest),
        _ELSEWHERE,
        lambda done, total: told.append((done, total)),
    )

    assert told[-1][0] == told[-1][1] > 5000
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        pytest.param("blob", ManifestMissing("gone"), id="61 a blob vanishes"),
        pytest.param("manifest", ManifestMissing("gone"), id="61 a manifest vanishes"),
        pytest.param("put_blob_pieces", RegistryUnreachable("down"), id="62 the target breaks"),
        pytest.param("put_manifest", RegistryError("no"), id="a manifest is refused"),
        pytest.param("referrers", RegistryUnreachable("down"), id="what refers to it is not known"),
    ],
)
def test_after_a_fault_nothing_is_tagged_and_a_second_try_goes_through(operation, fault):
    registry, index = memory()
    registry.fail(operation, fault)
    with pytest.raises(type(fault)):
        copy_image(registry, registry.repository.at(index.digest), _ELSEWHERE)

    assert registry.resolve(_ELSEWHERE) is None
    copy_image(registry, registry.repository.at(index.digest), _ELSEWHERE)
    assert registry.resolve(_ELSEWHERE)


def test_27_an_index_in_an_index_is_copied_to_a_bounded_depth():
    registry = MemoryRegistry()
    manifest = put_image(registry, registry.repository)
    for _ in range(10):
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [manifest.descriptor.to_json()]}
        manifest = Manifest(OCI_INDEX, json.dumps(document).encode())
        registry.put_manifest(manifest, registry.repository.at(manifest.digest))

    with pytest.raises(RegistryError, match="deep"):
        copy_image(registry, registry.repository.at(manifest.digest), _ELSEWHERE)


def test_27_an_index_of_ten_thousand_children_is_not_copied_to_its_end():
    registry = MemoryRegistry()
    child = put_image(registry, registry.repository).descriptor.to_json()
    images = [Manifest(OCI_MANIFEST, json.dumps({"config": child, "x": n}).encode()) for n in range(10_000)]
    for image in images:
        registry.put_manifest(image, registry.repository.at(image.digest))
    document = {"mediaType": OCI_INDEX, "manifests": [image.descriptor.to_json() for image in images]}
    index = Manifest(OCI_INDEX, json.dumps(document).encode())
    registry.put_manifest(index, registry.repository.at(index.digest))
    registry.requests.clear()

    with pytest.raises(RegistryError, match="more than 2000 manifests"):
        copy_image(registry, registry.repository.at(index.digest), _ELSEWHERE)
    assert len(registry.requests) < 2100


def test_an_image_without_its_digest_is_not_copied():
    with pytest.raises(RegistryError, match="digest"):
        copy_image(MemoryRegistry(), MemoryRegistry().repository.tagged("1"), _ELSEWHERE)


# ── streams ──────────────────────────────────────────────────────────────────────────────────────

_CONTENT = bytes(range(256)) * 40
_BLOB = blob_of(_CONTENT)
_BLOB_URL = f"{BASE}/blobs/{_BLOB.digest}"
_UPLOADS = f"{BASE}/blobs/uploads/"
_UP = "https://registry.example/up"


def breaking(content: bytes):
    yield content
    raise httpx.ReadError("reset")


def test_62_a_read_that_breaks_goes_on_where_it_broke():
    script = Script().on(
        "GET",
        _BLOB_URL,
        Reply(200, breaking(_CONTENT[:9000])),
        Reply(206, _CONTENT[9000:], {"Content-Range": f"bytes 9000-{len(_CONTENT) - 1}/{len(_CONTENT)}"}),
    )

    assert b"".join(client(script).blob_pieces(REPOSITORY, _BLOB)) == _CONTENT
    assert script.requests[1].headers["range"] == "bytes=9000-"


def test_62_a_server_without_ranges_is_read_again_and_what_was_had_is_passed_over():
    script = Script().on("GET", _BLOB_URL, Reply(200, breaking(_CONTENT[:9000])), Reply(200, _CONTENT))

    assert b"".join(client(script).blob_pieces(REPOSITORY, _BLOB)) == _CONTENT


def test_62_what_was_had_is_passed_over_in_whatever_pieces_it_comes():
    again = [_CONTENT[:4000], _CONTENT[4000:8000], _CONTENT[8000:]]
    script = Script().on("GET", _BLOB_URL, Reply(200, breaking(_CONTENT[:9000])), Reply(200, again))

    assert b"".join(client(script).blob_pieces(REPOSITORY, _BLOB)) == _CONTENT


def test_15_a_blob_that_ends_too_early_is_asked_for_the_rest():
    ranges = {"Content-Range": f"bytes 9000-{len(_CONTENT) - 1}/{len(_CONTENT)}"}
    script = Script().on("GET", _BLOB_URL, Reply(200, _CONTENT[:9000]), Reply(206, _CONTENT[9000:], ranges))

    assert b"".join(client(script).blob_pieces(REPOSITORY, _BLOB)) == _CONTENT


def test_an_empty_blob_is_verified_without_a_request():
    assert list(client(Script()).blob_pieces(REPOSITORY, blob_of(b""))) == []


def test_a_login_page_in_place_of_a_blob_is_no_blob():
    page = Reply(200, b"<html>", {"Content-Type": "text/html"})
    script = Script().on("GET", _BLOB_URL, page).on("GET", "https://registry.example/v2/", page)

    with pytest.raises(RegistryUnreachable, match="web page"):
        list(client(script).blob_pieces(REPOSITORY, _BLOB))


@pytest.mark.parametrize("status", [401, 403])
def test_a_blob_that_may_not_be_looked_at_is_not_missing(status):
    with pytest.raises(AccessDenied):
        client(Script().on("HEAD", _BLOB_URL, Reply(status))).has_blob(REPOSITORY, _BLOB.digest)


def test_61_a_false_blob_leaves_nothing_in_a_folder(tmp_path):
    registry = Registry.from_environment("oci-layout:store", environ={}, layout_root=tmp_path)
    with pytest.raises(RegistryError, match="not those of its digest"):
        registry.put_blob_pieces(registry.repository, _BLOB, lambda: iter((b"x" * len(_CONTENT),)))

    assert not registry.has_blob(registry.repository, _BLOB.digest)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name == "sha256"]


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(Reply(206, b"x", {"Content-Range": "bytes 0-0/1"}), id="another range"),
        pytest.param(Reply(206, b"x"), id="a part without a range"),
        pytest.param(Reply(416), id="416"),
        pytest.param(Reply(404), id="vanished"),
    ],
)
def test_62_a_rest_that_is_none_is_an_error(second):
    script = Script().on("GET", _BLOB_URL, Reply(200, breaking(_CONTENT[:9000])), second)

    with pytest.raises(RegistryError):
        list(client(script).blob_pieces(REPOSITORY, _BLOB))


def test_a_read_that_breaks_for_ever_is_unreachable_within_the_budget():
    clock = Clock()
    script = Script().on("GET", _BLOB_URL, httpx.ReadError("reset"))

    with pytest.raises(RegistryUnreachable):
        list(client(script, clock).blob_pieces(REPOSITORY, _BLOB))

    assert clock.elapsed <= 30


@pytest.mark.parametrize(
    "content", [_CONTENT[:-1] + b"x", _CONTENT + b"x"], ids=["61 other bytes", "61 more bytes"]
)
def test_the_last_bytes_of_a_false_blob_are_never_passed_on(content):
    passed: list[bytes] = []
    script = Script().on("GET", _BLOB_URL, Reply(200, [content[:5000], content[5000:]]))
    with pytest.raises(RegistryError):
        passed.extend(client(script).blob_pieces(REPOSITORY, _BLOB))

    assert b"".join(passed) in (b"", content[:5000])


def uploading(*puts: Reply | Exception) -> Script:
    script = Script().on("HEAD", _BLOB_URL, Reply(404)).on("PUT", _UP, *puts)
    return script.on("POST", _UPLOADS, Reply(202, headers={"Location": "/up"})).on("DELETE", _UP, Reply(204))


def send(script: Script, pieces=lambda: iter((_CONTENT[:5000], _CONTENT[5000:]))):
    client(script).put_blob_pieces(REPOSITORY, _BLOB, pieces)


def test_an_upload_says_its_length_and_its_digest():
    script = uploading(Reply(201))
    send(script)

    put = script.requests[-1]
    assert put.headers["content-length"] == str(len(_CONTENT))
    assert "transfer-encoding" not in put.headers
    assert put.url.params["digest"] == str(_BLOB.digest)
    assert put.content == _CONTENT


def test_62_an_upload_that_breaks_is_cancelled_and_begun_again():
    script = uploading(httpx.WriteError("reset"), Reply(201))
    send(script)

    methods = [line.split()[0] for line in script.log]
    assert methods == ["POST", "PUT", "DELETE", "HEAD", "POST", "PUT"]
    assert script.requests[-1].content == _CONTENT


@pytest.mark.parametrize("reply", [error(400, "DIGEST_INVALID"), error(416), error(413)])
def test_an_upload_that_is_refused_is_cancelled(reply):
    script = uploading(reply)

    with pytest.raises(RegistryError):
        send(script)

    assert script.log[-1] == f"DELETE {_UP}"


def test_61_a_source_that_fails_cancels_the_upload():
    def vanishing():
        yield _CONTENT[:5000]
        raise ManifestMissing("gone")

    script = uploading(Reply(201))
    with pytest.raises(ManifestMissing):
        send(script, vanishing)

    assert script.log[-1] == f"DELETE {_UP}"


def test_a_server_that_cannot_cancel_changes_nothing():
    script = uploading(error(400, "X")).on("DELETE", _UP, httpx.ReadError("reset"))

    with pytest.raises(RegistryError, match="400"):
        send(script)


_MOUNT = f"{_UPLOADS}?mount={str(_BLOB.digest).replace(':', '%3A')}&from=group%2Fsource"
_SOURCE = Repository.parse("registry.example/group/source")


@pytest.mark.parametrize(
    ("replies", "mounted", "cancelled"),
    [
        pytest.param([Reply(201)], True, False, id="201"),
        pytest.param([Reply(202, headers={"Location": "/up"})], False, True, id="60 202 opens an upload"),
        pytest.param([Reply(404)], False, False, id="60 404"),
        pytest.param([Reply(405)], False, False, id="60 405"),
        pytest.param([error(403, "DENIED")], False, False, id="no right to the source"),
    ],
)
def test_a_mount_is_done_or_the_bytes_have_to_be_sent(replies, mounted, cancelled):
    script = Script().on("POST", _MOUNT, *replies).on("DELETE", _UP, Reply(204))

    assert client(script).mount_blob(_BLOB.digest, _SOURCE, REPOSITORY) is mounted
    assert (f"DELETE {_UP}" in script.log) is cancelled


def test_60_a_mount_whose_token_is_denied_is_none():
    script = Script().on("POST", _MOUNT, Reply(401, b"", CHALLENGE))
    script.on("GET", "https://auth.example/token", Reply(403))

    assert not client(script).mount_blob(_BLOB.digest, _SOURCE, REPOSITORY)


def test_another_server_is_not_asked_to_mount():
    assert not client(Script()).mount_blob(_BLOB.digest, Repository.parse("other.example/x"), REPOSITORY)


# ── referrers ────────────────────────────────────────────────────────────────────────────────────

_REFERRERS = f"{BASE}/referrers/{_BLOB.digest}"
_LISTED = Descriptor("application/vnd.oci.image.manifest.v1+json", Digest.of(b"r"), 7)


def listing(*descriptors: Descriptor, **headers: str) -> Reply:
    document = {"schemaVersion": 2, "manifests": [each.to_json() for each in descriptors]}
    return Reply(200, json.dumps(document).encode(), {"Content-Type": OCI_INDEX, **headers})


def test_referrers_are_listed_page_by_page():
    other = Descriptor(_LISTED.media_type, Digest.of(b"s"), 8)
    script = Script().on("GET", f"{_REFERRERS}?n=2", listing(other))
    script.on("GET", _REFERRERS, listing(_LISTED, Link="<?n=2>; rel=next"))

    assert client(script).referrers(REPOSITORY, _BLOB.digest) == (_LISTED, other)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(404), id="not known"),
        pytest.param(Reply(303, headers={"Location": "https://github.com/x"}), id="sent elsewhere"),
        pytest.param(Reply(400), id="not understood"),
        pytest.param(Reply(200, b"{}", {"Content-Type": "application/json"}), id="something else"),
    ],
)
def test_without_a_list_the_fallback_tag_is_read_and_the_server_not_asked_again(reply):
    tag = f"{BASE}/manifests/sha256-{_BLOB.digest.hex}"
    script = Script().on("GET", _REFERRERS, reply).on("GET", tag, listing(_LISTED))
    asked = client(script)

    assert asked.referrers(REPOSITORY, _BLOB.digest) == (_LISTED,)
    assert asked.referrers(REPOSITORY, _BLOB.digest) == (_LISTED,)
    assert script.log.count(f"GET {_REFERRERS}") == 1


def test_without_a_fallback_tag_nothing_refers_to_it():
    tag = f"{BASE}/manifests/sha256-{_BLOB.digest.hex}"

    script = Script().on("GET", _REFERRERS, Reply(404)).on("GET", tag, Reply(404))
    assert client(script).referrers(REPOSITORY, _BLOB.digest) == ()


# ── with real servers ────────────────────────────────────────────────────────────────────────────


@pytest.mark.integration
def test_a_large_layer_passes_in_bounded_memory_and_leaves_no_upload(docker_registry, tmp_path):
    layer = os.urandom(1024) * 60_000
    registry = Registry.from_environment(f"{docker_registry.host}/own", environ={}, layout_root=tmp_path)
    source = Repository.parse("oci-layout:store:source")
    with registry:
        manifest = put_image(registry, source, layer)
        del layer
        tracemalloc.start()
        target = Repository.parse(f"{docker_registry.host}/large").tagged("1")
        copy_image(registry, source.at(manifest.digest), target)
        back = Repository.parse("oci-layout:back:target").tagged("1")
        copy_image(registry, target.with_digest(manifest.digest), back)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert registry.resolve(back) == manifest.descriptor

    assert peak < 16_000_000


@pytest.mark.integration
def test_on_docker_registry_blobs_are_mounted_and_never_read(docker_registry, tmp_path):
    registry = Registry.from_environment(f"{docker_registry.host}/mount-source", environ={})
    with registry:
        index = put_tree(registry, registry.repository.tagged("1"))
        before = len(docker_registry.access_log())
        target = Repository.parse(f"{docker_registry.host}/mount-target").tagged("1")
        copy_image(registry, registry.repository.at(index.digest), target)

    log = docker_registry.access_log()[before:]
    assert [line for line in log if line.startswith("GET") and "/blobs/" in line] == []
    assert [line for line in log if line.startswith("PUT") and "/blobs/" in line] == []


@pytest.mark.integration
def test_skopeo_reads_a_copy(docker_registry, tmp_path):
    skopeo = require("skopeo", "skopeo")
    registry = Registry.from_environment(f"{docker_registry.host}/own", environ={}, layout_root=tmp_path)
    with registry:
        source = Repository.parse("oci-layout:store:source").tagged("1")
        index = put_tree(registry, source)
        target = Repository.parse(f"{docker_registry.host}/for-skopeo").tagged("1")
        copy_image(registry, source.with_digest(index.digest), target)

    command = [skopeo, "inspect", "--tls-verify=false", "--raw", f"docker://{target}"]
    seen = subprocess.run(command, capture_output=True, check=True, env={"HOME": str(tmp_path)}).stdout
    assert seen == index.content
