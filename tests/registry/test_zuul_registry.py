"""The client against zuul-registry: what it lacks, and what it answers instead."""

from __future__ import annotations

import json

import pytest

from hashtag.apply import apply
from hashtag.errors import AccessDenied
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.reference import Reference
from hashtag.planning.change import AddTag
from hashtag.registry import Registry, find
from servers.docker_registry import RunningRegistry
from servers.zuul_registry import PASSWORD, USER, start_zuul_registry

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def zuul(tmp_path_factory: pytest.TempPathFactory):
    running = start_zuul_registry(tmp_path_factory.mktemp("zuul"))
    yield running
    running.stop()


def opened(running: RunningRegistry, creds: str | None = f"{USER}:{PASSWORD}", name: str = "app") -> Registry:
    return Registry.from_environment(f"{running.host}/{name}", environ={}, creds=creds, budget_seconds=3)


def put_image(registry: Registry, tag: str = "1") -> Reference:
    blob = b'{"architecture": "amd64", "os": "linux"}'
    digest = registry.put_blob(registry.repository, blob)
    config = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": str(digest),
        "size": len(blob),
    }
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    reference = registry.repository.tagged(tag)
    registry.put_manifest(Manifest(OCI_MANIFEST, json.dumps(document).encode()), reference)
    return reference


def test_an_image_goes_in_and_out_though_the_challenge_names_neither_service_nor_repository(zuul):
    with opened(zuul) as registry:
        reference = put_image(registry)

        assert registry.resolve(reference) == registry.manifest(reference).descriptor
        assert list(registry.tags(registry.repository)) == ["1"]


def test_an_alias_is_made_and_read_back(zuul):
    with opened(zuul, name="aliased") as registry:
        digest = registry.resolve(put_image(registry)).digest
        target = registry.repository.tagged("1742")

        assert len(apply([AddTag(digest, target)], registry).moved) == 1
        assert len(apply([AddTag(digest, target)], registry).unchanged) == 1
        assert registry.resolve(target).digest == digest


def test_forty_tags_are_looked_up(zuul):
    with opened(zuul, name="many") as registry:
        put_image(registry, "7")
        wanted = [registry.repository.tagged(str(number)) for number in range(40)]

        assert list(find(registry, wanted)) == [wanted[7]]


def test_a_stranger_reads_and_does_not_write(zuul):
    with opened(zuul, name="public") as writer:
        reference = put_image(writer)
    with opened(zuul, creds=None, name="public") as registry:
        assert registry.resolve(reference)
        with pytest.raises(AccessDenied):
            registry.put_blob(registry.repository, b"x")


def test_60_a_mount_is_not_known_and_the_bytes_are_sent(zuul):
    with opened(zuul, name="target") as registry, opened(zuul, name="source") as other:
        digest = other.put_blob(other.repository, b"layer")

        assert not registry.mount_blob(digest, other.repository, registry.repository)

        blob = Descriptor("application/octet-stream", digest, 5)
        registry.put_blob_pieces(registry.repository, blob, lambda: other.blob_pieces(other.repository, blob))
        assert registry.blob(registry.repository, digest) == b"layer"


def test_rights_are_proved_without_writing(zuul):
    with opened(zuul, name="checked") as registry:
        assert registry.check_access(push=True).username == USER


def test_what_is_absent_is_missing(zuul):
    with opened(zuul) as registry:
        assert registry.resolve(registry.repository.at(Digest.of(b"absent"))) is None
