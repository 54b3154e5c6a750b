"""The contract of `hashtag.oci.ports`: the same tests for every registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from hashtag.errors import ManifestMissing, RegistryError
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.ports import TagLister, Writer
from hashtag.oci.reference import Repository
from hashtag.registry import Registry
from hashtag.testing import MemoryRegistry

_NUMBERS = count()
_ABSENT = Digest.of(b"nobody stored this")


class Ports(Writer, TagLister):
    """All the ports."""


@pytest.fixture(
    params=["memory", "layout", pytest.param("http", marks=pytest.mark.integration)],
)
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ports]:
    if request.param == "memory":
        yield MemoryRegistry()
        return
    host = "oci-layout:layout"
    if request.param == "http":
        host = request.getfixturevalue("docker_registry").host
    name = f"{host}:app" if request.param == "layout" else f"{host}/app"
    with Registry.from_environment(name, environ={}, layout_root=tmp_path, budget_seconds=5) as opened:
        yield opened


@pytest.fixture
def repository(registry: Ports) -> Repository:
    """Return a repository that no other test uses."""
    return registry.repository.child(f"test-{next(_NUMBERS)}")


def put_image(registry: Ports, repository: Repository, text: str, media_type: str = OCI_MANIFEST) -> Manifest:
    """Put the blobs of an image; return its manifest, which is not put."""
    blob = text.encode()
    digest = registry.put_blob(repository, blob)
    config = Descriptor("application/vnd.oci.image.config.v1+json", digest, len(blob)).to_json()
    document = {"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": []}
    # Odd white space: whoever parses and writes it again has another digest.
    return Manifest(media_type, json.dumps(document, indent=5).encode() + b"\n\n")


def index_of(*children: Manifest, media_type: str = OCI_INDEX) -> Manifest:
    platform = {"os": "linux", "architecture": "amd64"}
    entries = [child.descriptor.to_json() | {"platform": platform} for child in children]
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
    return Manifest(media_type, json.dumps(document).encode())


def test_a_tag_in_a_repository_that_is_not_there_resolves_to_nothing(registry, repository):
    assert registry.resolve(repository.tagged("absent")) is None


def test_a_tag_that_is_not_there_resolves_to_nothing(registry, repository):
    registry.put_manifest(put_image(registry, repository, "one"), repository.tagged("there"))

    assert registry.resolve(repository.tagged("absent")) is None


def test_a_digest_that_is_not_there_resolves_to_nothing(registry, repository):
    assert registry.resolve(repository.at(_ABSENT)) is None


@pytest.mark.parametrize("version", ["tag", "digest"])
def test_a_manifest_that_is_not_there_is_missing(registry, repository, version):
    reference = repository.tagged("absent") if version == "tag" else repository.at(_ABSENT)

    with pytest.raises(ManifestMissing) as caught:
        registry.manifest(reference)

    assert str(reference) in str(caught.value)


def test_a_blob_that_is_not_there_is_missing(registry, repository):
    with pytest.raises(ManifestMissing):
        registry.blob(repository, _ABSENT)


def test_a_blob_comes_back_as_it_was_put(registry, repository):
    digest = registry.put_blob(repository, b"\0some bytes\r\n")

    assert digest == Digest.of(b"\0some bytes\r\n")
    assert registry.blob(repository, digest) == b"\0some bytes\r\n"


def test_a_blob_may_be_put_twice(registry, repository):
    assert registry.put_blob(repository, b"twice") == registry.put_blob(repository, b"twice")


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_an_image_comes_back_byte_for_byte_with_its_media_type(registry, repository, media_type):
    manifest = put_image(registry, repository, "image", media_type)
    reference = repository.tagged("1")

    assert registry.put_manifest(manifest, reference) == manifest.digest
    assert registry.manifest(reference) == manifest
    assert registry.resolve(reference) == manifest.descriptor


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_an_index_comes_back_byte_for_byte_and_not_one_of_its_children(registry, repository, media_type):
    child = put_image(registry, repository, "child", DOCKER_MANIFEST)
    registry.put_manifest(child, repository.at(child.digest))
    index = index_of(child, media_type=media_type)
    registry.put_manifest(index, repository.tagged("1"))

    assert registry.manifest(repository.tagged("1")) == index
    assert registry.resolve(repository.tagged("1")) == index.descriptor


def test_a_manifest_without_media_type_keeps_the_one_it_is_stored_under(registry, repository):
    blob = registry.put_blob(repository, b"config")
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": str(blob), "size": 6}
    document = json.dumps({"schemaVersion": 2, "config": config, "layers": []}).encode()
    registry.put_manifest(Manifest(OCI_MANIFEST, document), repository.tagged("1"))

    assert registry.manifest(repository.tagged("1")) == Manifest(OCI_MANIFEST, document)


def test_a_manifest_is_found_by_its_digest(registry, repository):
    manifest = put_image(registry, repository, "image")
    registry.put_manifest(manifest, repository.tagged("1"))

    assert registry.resolve(repository.at(manifest.digest)) == manifest.descriptor
    assert registry.manifest(repository.at(manifest.digest)) == manifest


def test_of_a_tag_and_a_digest_the_digest_decides(registry, repository):
    old, new = put_image(registry, repository, "old"), put_image(registry, repository, "new")
    registry.put_manifest(old, repository.tagged("1"))
    registry.put_manifest(new, repository.tagged("1"))

    assert registry.manifest(repository.tagged("1").with_digest(old.digest)) == old


def test_a_tag_moves_to_the_manifest_put_last(registry, repository):
    for text in ("old", "new"):
        manifest = put_image(registry, repository, text)
        registry.put_manifest(manifest, repository.tagged("1"))

    assert registry.resolve(repository.tagged("1")) == manifest.descriptor
    assert list(registry.tags(repository)) == ["1"]


def test_a_manifest_that_names_what_is_not_there_is_refused(registry, repository):
    absent = Descriptor("application/vnd.oci.image.config.v1+json", _ABSENT, 3).to_json()
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": absent, "layers": []}

    with pytest.raises(ManifestMissing):
        registry.put_manifest(Manifest(OCI_MANIFEST, json.dumps(document).encode()), repository.tagged("1"))

    assert registry.resolve(repository.tagged("1")) is None


def test_an_index_that_names_what_is_not_there_is_refused(registry, repository):
    child = put_image(registry, repository, "never put", DOCKER_MANIFEST)

    with pytest.raises(ManifestMissing):
        registry.put_manifest(index_of(child), repository.tagged("1"))


def test_a_manifest_put_under_a_digest_that_is_not_its_own_is_refused(registry, repository):
    manifest = put_image(registry, repository, "image")

    with pytest.raises(RegistryError):
        registry.put_manifest(manifest, repository.at(_ABSENT))


def test_every_tag_is_listed_once(registry, repository):
    manifest = put_image(registry, repository, "image")
    for tag in ("1", "latest", "h1-" + "a" * 64):
        registry.put_manifest(manifest, repository.tagged(tag))

    assert sorted(registry.tags(repository)) == sorted(["1", "latest", "h1-" + "a" * 64])


def test_a_repository_that_is_not_there_has_no_tags(registry, repository):
    assert list(registry.tags(repository)) == []


def test_repositories_do_not_share_their_tags(registry, repository):
    manifest = put_image(registry, repository, "image")
    registry.put_manifest(manifest, repository.tagged("1"))

    assert registry.resolve(repository.child("below").tagged("1")) is None
    assert list(registry.tags(repository.child("below"))) == []


def test_sixteen_threads_may_write_and_read_at_once(registry, repository):
    manifest = put_image(registry, repository, "image")
    references = [repository.tagged(str(number)) for number in range(48)]

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda reference: registry.put_manifest(manifest, reference), references))
        found = list(pool.map(registry.resolve, references))

    assert found == [manifest.descriptor] * 48
    assert set(registry.tags(repository)) == {str(number) for number in range(48)}
