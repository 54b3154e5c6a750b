"""Which image of an index is taken, as containerd decides."""

from __future__ import annotations

import pytest

from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_MANIFEST, Descriptor
from hashtag.oci.platform import Platform
from hashtag.registry.platforms import choose_child, platforms_of, runnable


def child(platform: str | None, **annotations: str) -> Descriptor:
    digest = Digest.of(f"{platform}{annotations}".encode())
    parsed = Platform.parse(platform) if platform else None
    return Descriptor(OCI_MANIFEST, digest, 1, parsed, annotations)


_ATTESTATION = child("unknown/unknown", **{"vnd.docker.reference.type": "attestation-manifest"})


@pytest.mark.parametrize(
    ("wanted", "there", "taken"),
    [
        ("linux/amd64", ["linux/arm64", "linux/amd64"], "linux/amd64"),
        ("linux/amd64", ["linux/amd64/v2", "linux/amd64"], "linux/amd64"),
        ("linux/amd64/v3", ["linux/amd64", "linux/amd64/v2"], "linux/amd64/v2"),
        ("linux/amd64/v3", ["linux/amd64/v4", "linux/amd64"], "linux/amd64"),
        ("linux/amd64", ["linux/386"], "linux/386"),
        ("linux/arm64", ["linux/arm64/v8"], "linux/arm64"),
        ("linux/arm64", ["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"),
        ("linux/arm64/v9", ["linux/arm64"], "linux/arm64"),
        ("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6"], "linux/arm/v6"),
        ("linux/arm/v6", ["linux/arm/v7", "linux/arm/v5"], "linux/arm/v5"),
        ("linux/arm", ["linux/arm/v7"], "linux/arm/v7"),
        ("linux/s390x", ["linux/s390x"], "linux/s390x"),
    ],
)
def test_the_exact_platform_or_the_nearest_below_is_taken(wanted, there, taken):
    found = choose_child([child(platform) for platform in there], Platform.parse(wanted))

    assert str(found.platform) == taken


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        ("linux/amd64", ["linux/arm64", "windows/amd64", "linux/amd64/v2"]),
        ("linux/arm/v5", ["linux/arm/v6"]),
        ("linux/386", ["linux/amd64"]),
        ("linux/riscv64", ["linux/amd64"]),
        ("linux/arm/weird", ["linux/arm/v6"]),
        ("linux/amd64", []),
    ],
)
def test_what_a_machine_cannot_run_is_not_taken(wanted, there):
    assert choose_child([child(platform) for platform in there], Platform.parse(wanted)) is None


def test_attestations_are_no_images():
    amd64 = child("linux/amd64")

    assert choose_child([_ATTESTATION, amd64], Platform.parse("linux/amd64")) == amd64
    assert choose_child([_ATTESTATION], Platform.parse("unknown/unknown")) is None
    assert platforms_of([_ATTESTATION, amd64]) == (Platform.parse("linux/amd64"),)


def test_a_single_image_that_does_not_say_for_what_is_taken():
    plain = child(None)

    assert choose_child([plain, _ATTESTATION], Platform.parse("linux/arm64")) == plain


def test_of_several_images_one_that_does_not_say_for_what_is_not_taken():
    assert choose_child([child(None), child("linux/amd64")], Platform.parse("linux/arm64")) is None


def test_the_first_of_two_for_one_platform_is_taken():
    first, second = child("linux/amd64", number="1"), child("linux/amd64", number="2")

    assert choose_child([first, second], Platform.parse("linux/amd64")) == first


def test_every_machine_runs_its_own_platform_first():
    for text in ("linux/amd64", "linux/arm/v7", "linux/arm64", "windows/amd64", "linux/mips64le"):
        assert next(runnable(Platform.parse(text))) == Platform.parse(text)
