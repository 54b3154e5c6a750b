"""Copies over connections that break: one blob is sent again, the others are not; and what is not copied."""

from __future__ import annotations

import os
import subprocess
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from hashtag.errors import ManifestMissing, RegistryError, RegistryUnreachable
from hashtag.oci.copying import copy_image
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import Descriptor, Manifest
from hashtag.oci.reference import Reference, Repository
from hashtag.registry import Registry
from hashtag.testing import MemoryRegistry
from registry.trees import LAYER, put_image, put_image_with_urls, put_tree
from servers.debian import require
from servers.docker_registry import RunningRegistry
from servers.proxy import proxied
from servers.web import web

_SIZE = 8_000_000
_NOWHERE = "http://127.0.0.1:1/layer"
_RESTRICTED = [
    pytest.param("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", id="OCI"),
    pytest.param("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", id="Docker"),
]


def opened(host: str, folder: Path) -> Registry:
    return Registry.from_environment(f"{host}/own", environ={}, layout_root=folder, budget_seconds=5)


def blobs(log: list[str], method: str, repository: Repository) -> list[str]:
    """Return the requests of one method for blobs of a repository."""
    return [line for line in log if line.startswith(f"{method} /v2/{repository.name}/blobs/")]


def put_layers(registry: Registry, repository: Repository) -> Manifest:
    """Put an image of a large layer and two small ones."""
    return put_image(registry, repository, os.urandom(_SIZE), b"one", b"two")


@pytest.mark.integration
def test_62_a_download_that_breaks_at_90_percent_goes_on_there_and_no_other_blob_is_read_twice(
    docker_registry: RunningRegistry, tmp_path: Path
) -> None:
    with opened(docker_registry.host, tmp_path) as registry:
        there = registry.repository.child(tmp_path.name)
        manifest = put_layers(registry, there)
    before = len(docker_registry.access_log())
    with proxied(docker_registry.host) as proxy, opened(proxy.host, tmp_path) as registry:
        source = Repository(proxy.host, there.name)
        proxy.cut_received = int(_SIZE * 0.9)
        target = Repository.parse("oci-layout:store:copied").tagged("1")
        copy_image(registry, source.at(manifest.digest), target)

        assert proxy.cut_received is None
        assert registry.resolve(target) == manifest.descriptor
        assert proxy.received < _SIZE * 1.5

    read = blobs(docker_registry.access_log()[before:], "GET", there)
    assert len(read) == len(manifest.blobs()) + 1
    assert len(set(read)) == len(manifest.blobs())


@pytest.mark.integration
def test_62_an_upload_that_breaks_at_90_percent_is_begun_again_alone(
    docker_registry: RunningRegistry, tmp_path: Path
) -> None:
    with proxied(docker_registry.host) as proxy, opened(proxy.host, tmp_path) as registry:
        source = Repository.parse("oci-layout:store:source")
        manifest = put_layers(registry, source)
        target = registry.repository.child(tmp_path.name).tagged("1")
        before = len(docker_registry.access_log())
        proxy.cut_sent = int(_SIZE * 0.9)
        copy_image(registry, source.at(manifest.digest), target)

        assert proxy.cut_sent is None
        assert registry.resolve(target) == manifest.descriptor
        assert proxy.sent < _SIZE * 2.5

    log = docker_registry.access_log()[before:]
    begun = blobs(log, "POST", target.repository)
    assert len(begun) == len(manifest.blobs()) + 1


@pytest.mark.integration
def test_a_second_run_sends_only_what_is_not_there(docker_registry: RunningRegistry, tmp_path: Path) -> None:
    with proxied(docker_registry.host) as proxy, opened(proxy.host, tmp_path) as registry:
        source = Repository.parse("oci-layout:store:source")
        manifest = put_layers(registry, source)
        target = registry.repository.child(tmp_path.name).tagged("1")
        large = max(manifest.blobs(), key=lambda blob: blob.size)
        (tmp_path / "store/blobs/sha256" / large.digest.hex).rename(tmp_path / "aside")
        with pytest.raises(RegistryError, match=str(large.digest)):
            copy_image(registry, source.at(manifest.digest), target)
        assert registry.resolve(target) is None

        (tmp_path / "aside").rename(tmp_path / "store/blobs/sha256" / large.digest.hex)
        before = len(docker_registry.access_log())
        copy_image(registry, source.at(manifest.digest), target)
        assert registry.resolve(target) == manifest.descriptor

    (written,) = blobs(docker_registry.access_log()[before:], "PUT", target.repository)
    assert str(large.digest) in unquote(written)


@pytest.mark.integration
def test_64_megabytes_pass_from_server_to_server_in_bounded_memory(
    docker_registry: RunningRegistry, tmp_path: Path
) -> None:
    with opened(docker_registry.host, tmp_path) as registry:
        store = Repository.parse("oci-layout:store:source")
        manifest = put_image(registry, store, os.urandom(1024) * 65_536)
        there = registry.repository.child(tmp_path.name)
        copy_image(registry, store.at(manifest.digest), there.tagged("1"))
        # By another name, so that it is another server, which mounts nothing.
        target = Repository.parse(f"{docker_registry.host.replace('127.0.0.1', 'localhost')}/{there.name}-2")
        tracemalloc.start()
        copy_image(registry, there.at(manifest.digest), target.tagged("1"))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert registry.resolve(target.tagged("1")) == manifest.descriptor
    assert peak < 8_000_000


def test_a_server_that_is_gone_in_the_middle_leaves_no_tag(tmp_path: Path) -> None:
    registry = MemoryRegistry()
    manifest = put_image(registry, registry.repository, b"x" * 100)
    target = Repository.parse("other.example/app").tagged("1")
    registry.fail("put_blob_pieces", RegistryUnreachable("down", where="other.example"))

    with pytest.raises(RegistryUnreachable):
        copy_image(registry, registry.repository.at(manifest.digest), target)

    assert registry.resolve(target) is None


class Slow(MemoryRegistry):
    """A registry that needs ten seconds for a large blob."""

    def blob_pieces(self, repository: Repository, blob: Descriptor) -> Iterator[bytes]:
        for piece in super().blob_pieces(repository, blob):
            for number in range(0, len(piece), 100):
                yield piece[number : number + 100]
                time.sleep(0.01 if len(piece) > 1000 else 0)


def test_a_blob_that_fails_ends_those_under_way() -> None:
    registry = Slow()
    manifest = put_image(registry, registry.repository, b"x" * 100_000, b"small")
    target = Repository.parse("other.example/app").tagged("1")
    small = manifest.blobs()[-1].digest
    gone = ManifestMissing("gone")
    registry.fail("blob", gone, reference=f"{registry.repository}@{small}")
    begun = time.monotonic()

    with pytest.raises(ManifestMissing) as caught:
        copy_image(registry, registry.repository.at(manifest.digest), target)

    assert caught.value is gone
    assert time.monotonic() - begun < 3


# ── foreign layers ───────────────────────────────────────────────────────────────────────────────


def copied(registry: MemoryRegistry, manifest: Manifest) -> tuple[Reference, list[str]]:
    """Copy an image to another registry; return where to, and the warnings."""
    warnings: list[str] = []
    target = Repository.parse("other.example/app").tagged("1")
    copy_image(registry, registry.repository.at(manifest.digest), target, warn=warnings.append)
    assert registry.manifest(target) == manifest
    return target, warnings


@pytest.mark.parametrize("kind", _RESTRICTED)
@pytest.mark.parametrize("content", [b"here, too", None], ids=["here, too", "not here"])
def test_a_layer_that_may_not_be_distributed_stays_and_is_named(kind: str, content: bytes | None) -> None:
    registry = MemoryRegistry()
    manifest = put_image_with_urls(
        registry, registry.repository, (kind, content), (LAYER, b"ours"), url=_NOWHERE
    )
    foreign, ours = manifest.foreign_layers()
    target, warnings = copied(registry, manifest)

    where = f"{registry.repository}@{manifest.digest}"
    assert warnings == [f"{where}: layer {foreign.digest} ({kind}) is foreign, and is not copied"]
    assert not registry.has_blob(target.repository, foreign.digest)
    assert registry.has_blob(target.repository, ours.digest)


@pytest.mark.parametrize("content", [b"a layer", None], ids=["here, too", "not here"])
def test_a_layer_that_is_elsewhere_too_is_copied_where_it_is_here(content: bytes | None) -> None:
    registry = MemoryRegistry()
    manifest = put_image_with_urls(registry, registry.repository, (LAYER, content), url=_NOWHERE)
    (layer,) = manifest.foreign_layers()
    target, warnings = copied(registry, manifest)

    assert registry.has_blob(target.repository, layer.digest) is (content is not None)
    assert [str(layer.digest) in warning for warning in warnings] == ([] if content else [True])


def test_the_urls_of_a_layer_are_never_asked(tmp_path: Path) -> None:
    (tmp_path / "layer").write_bytes(b"elsewhere")
    registry = opened("registry.invalid", tmp_path)
    with registry, web(tmp_path) as server:
        source = Repository.parse("oci-layout:store:source")
        kind = _RESTRICTED[0].values[0]
        layers = ((kind, None), (LAYER, None), (LAYER, b"here"))
        manifest = put_image_with_urls(registry, source, *layers, url=f"{server.url}/layer")
        copy_image(registry, source.at(manifest.digest), Repository.parse("oci-layout:other").tagged("1"))

        assert server.requests == []


# ── other clients ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.integration
def test_skopeo_copies_a_copied_index_with_its_attestations_and_reads_what_refers_to_it(
    docker_registry: RunningRegistry, tmp_path: Path
) -> None:
    skopeo = [require("skopeo", "skopeo"), "--insecure-policy"]
    source = Repository.parse("oci-layout:store:source").tagged("1")
    with opened(docker_registry.host, tmp_path) as registry:
        index = put_tree(registry, source)
        target = registry.repository.child(tmp_path.name).tagged("1")
        copy_image(registry, source.with_digest(index.digest), target)
        fallback = target.repository.tagged(f"sha256-{index.digest.hex}")
        listed = registry.manifest(fallback)

    def run(*words: str) -> bytes:
        return subprocess.run(
            [*skopeo, *words], capture_output=True, check=True, env={"HOME": str(tmp_path)}
        ).stdout

    copied = tmp_path / "copied"
    words = ("copy", "--all", "--preserve-digests", "--src-tls-verify=false")
    run(*words, f"docker://{target}", f"dir:{copied}")
    assert (copied / "manifest.json").read_bytes() == index.content
    for child in index.children():
        assert Digest.of((copied / f"{child.digest.hex}.manifest.json").read_bytes()) == child.digest
    assert run("inspect", "--raw", "--tls-verify=false", f"docker://{fallback}") == listed.content
    (signature,) = listed.children()
    signed = f"docker://{target.repository}@{signature.digest}"
    assert str(index.digest).encode() in run("inspect", "--raw", "--tls-verify=false", signed)
