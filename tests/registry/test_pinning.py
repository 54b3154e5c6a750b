"""Bases pinned, and tags looked up."""

from __future__ import annotations

import json

import pytest

from hashtag.errors import (
    AccessDenied,
    ManifestMissing,
    RegistryError,
    RegistryUnreachable,
    SeveralErrors,
    UnknownBase,
)
from hashtag.images.bases import BaseImage
from hashtag.oci.manifest import OCI_INDEX, Manifest
from hashtag.oci.platform import LINUX_AMD64, Platform
from hashtag.oci.reference import Reference
from hashtag.registry import find, pin, pin_all

_DEBIAN = Reference.parse("debian:12")
_ARM = Platform.parse("linux/arm64")


def test_an_image_without_an_index_is_pinned_with_its_config(memory_registry):
    digest = memory_registry.add_image("debian:12", config={"Env": ["A=b"]})

    assert pin(memory_registry, _DEBIAN, LINUX_AMD64) == BaseImage(digest, {"Env": ["A=b"]})


def test_an_image_without_an_index_is_taken_for_any_platform_as_buildkit_does(memory_registry):
    digest = memory_registry.add_image("debian:12")

    assert pin(memory_registry, _DEBIAN, _ARM).digest == digest


def test_of_an_index_the_manifest_for_the_platform_is_pinned(memory_registry):
    index = memory_registry.add_image("debian:12", platforms=["linux/amd64", "linux/arm64"])

    amd64, arm64 = (pin(memory_registry, _DEBIAN, platform) for platform in (LINUX_AMD64, _ARM))

    assert amd64.index == arm64.index == index
    assert len({amd64.digest, arm64.digest, index}) == 3
    assert amd64.pinned_digest == index


def test_a_reference_with_a_digest_is_pinned_to_it(memory_registry):
    old = memory_registry.add_image("debian:12", config={"User": "old"})
    memory_registry.add_image("debian:12", config={"User": "new"})

    assert pin(memory_registry, _DEBIAN.with_digest(old), LINUX_AMD64).config == {"User": "old"}


@pytest.mark.parametrize("config", [None, [], "x", 7], ids=["null", "list", "text", "number"])
def test_a_config_that_is_none_is_empty(memory_registry, config):
    put_raw(memory_registry, json.dumps({"config": config}).encode())

    assert pin(memory_registry, _DEBIAN, LINUX_AMD64).config == {}


@pytest.mark.parametrize("content", [b"nonsense", b"[" * 100_000])
def test_a_config_that_is_not_json_is_an_error(memory_registry, content):
    put_raw(memory_registry, content)

    with pytest.raises(RegistryError, match="config is not JSON"):
        pin(memory_registry, _DEBIAN, LINUX_AMD64)


def put_raw(registry, config: bytes) -> None:
    digest = registry.put_blob(_DEBIAN.repository, config)
    descriptor = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": str(digest),
        "size": len(config),
    }
    content = json.dumps({"schemaVersion": 2, "config": descriptor, "layers": []}).encode()
    registry.put_manifest(Manifest("application/vnd.oci.image.manifest.v1+json", content), _DEBIAN)


def test_a_base_that_is_not_there_is_unknown_and_the_hint_can_be_pasted(memory_registry):
    with pytest.raises(UnknownBase) as caught:
        pin(memory_registry, _DEBIAN, LINUX_AMD64)

    assert str(caught.value) == "base debian:12 is not in its registry"
    assert caught.value.hint == "check the name, or give it with --base debian:12=DIGEST"


def test_a_base_whose_config_has_vanished_is_unknown(memory_registry):
    memory_registry.add_image("debian:12")
    memory_registry.fail("blob", ManifestMissing("gone"))

    with pytest.raises(UnknownBase):
        pin(memory_registry, _DEBIAN, LINUX_AMD64)


def test_a_base_for_other_platforms_is_unknown_and_they_are_named(memory_registry):
    memory_registry.add_image("debian:12", platforms=["linux/amd64", "linux/s390x"])

    with pytest.raises(UnknownBase, match=r"not made for linux/arm64; it is for: linux/amd64, linux/s390x"):
        pin(memory_registry, _DEBIAN, _ARM)


def test_a_base_that_may_not_be_read_is_denied_and_not_unknown(memory_registry):
    memory_registry.fail("manifest", AccessDenied("missing or no permission"))

    with pytest.raises(AccessDenied):
        pin(memory_registry, _DEBIAN, LINUX_AMD64)


def test_27_indexes_in_indexes_have_an_end(memory_registry):
    memory_registry.add_image("debian:12")
    repository = _DEBIAN.repository
    manifest = memory_registry.manifest(_DEBIAN)
    for depth in range(5):
        child = manifest.descriptor.to_json() | {"platform": {"os": "linux", "architecture": "amd64"}}
        content = json.dumps({"schemaVersion": 2, "manifests": [child]}).encode()
        manifest = Manifest(OCI_INDEX, content)
        memory_registry.put_manifest(manifest, repository.tagged(f"deep-{depth}"))

    assert pin(memory_registry, repository.tagged("deep-2"), LINUX_AMD64)
    with pytest.raises(RegistryError, match="an index in an index"):
        pin(memory_registry, repository.tagged("deep-4"), LINUX_AMD64)


def test_all_bases_are_pinned_and_each_reference_is_read_once(memory_registry):
    index = memory_registry.add_image("debian:12", platforms=["linux/amd64", "linux/arm64"])
    alpine = memory_registry.add_image("alpine:3")
    wanted = [(_DEBIAN, LINUX_AMD64), (_DEBIAN, _ARM), (Reference.parse("alpine:3"), LINUX_AMD64)]

    pinned = pin_all(memory_registry, wanted * 2)

    assert list(pinned) == wanted
    assert [base.pinned_digest for base in pinned.values()] == [index, index, alpine]
    assert memory_registry.requests.count(("GET", "docker.io/library/debian:12")) == 1


def test_nothing_to_pin_is_nothing_pinned(memory_registry):
    assert pin_all(memory_registry, []) == {}


def test_all_bases_that_are_not_there_are_reported_together_and_once(memory_registry):
    names = ["a:1", "b:1", "c:1"]
    memory_registry.add_image("c:1")

    with pytest.raises(SeveralErrors) as caught:
        pin_all(
            memory_registry,
            [(Reference.parse(name), platform) for name in names for platform in (LINUX_AMD64, _ARM)],
        )

    assert [str(error) for error in caught.value.errors] == [
        "base a:1 is not in its registry",
        "base b:1 is not in its registry",
    ]


def test_all_platforms_that_are_not_there_are_reported_together(memory_registry):
    memory_registry.add_image("debian:12", platforms=["linux/s390x", "linux/ppc64le"])

    with pytest.raises(SeveralErrors, match=r"for linux/amd64(.|\n)*for linux/arm64"):
        pin_all(memory_registry, [(_DEBIAN, LINUX_AMD64), (_DEBIAN, _ARM)])


def test_a_bug_is_not_reported_as_a_missing_base():
    with pytest.raises(AttributeError):
        pin_all(object(), [(_DEBIAN, LINUX_AMD64)])


# ── find ─────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_there_is_found_in_the_order_asked_and_the_rest_is_left_out(memory_registry):
    repository = memory_registry.repository
    references = [repository.tagged(str(number)) for number in range(40)]
    for reference in references[::2]:
        memory_registry.add_image(str(reference))

    found = find(memory_registry, references)

    assert list(found) == references[::2]
    assert all(descriptor == memory_registry.resolve(reference) for reference, descriptor in found.items())


def test_each_reference_is_asked_for_once_by_a_head(memory_registry):
    reference = memory_registry.repository.tagged("1")
    find(memory_registry, [reference, reference])

    assert memory_registry.requests == [("HEAD", str(reference))]


def test_an_error_is_raised_and_never_taken_for_absent(memory_registry):
    references = [memory_registry.repository.tagged(str(number)) for number in range(8)]
    memory_registry.fail("resolve", RegistryUnreachable("down"), reference=str(references[5]))

    with pytest.raises(RegistryUnreachable):
        find(memory_registry, references)


def test_after_an_error_nothing_more_is_asked(memory_registry):
    references = [memory_registry.repository.tagged(str(number)) for number in range(500)]
    memory_registry.fail("resolve", RegistryUnreachable("down"), times=500)

    with pytest.raises(RegistryUnreachable):
        find(memory_registry, references, in_flight=1)

    assert len(memory_registry.requests) < 500
