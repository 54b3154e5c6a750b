"""Linking: which references mean an image of this project."""

from __future__ import annotations

import pytest

from hashtag.errors import DuplicateImage
from hashtag.images.linking import Links, matches
from hashtag.images.model import Image
from hashtag.oci.reference import Reference, Repository


def image(name: str, *known_as: str) -> Image:
    return Image(
        name=name,
        dockerfile=f"{name}/Dockerfile",
        context=name,
        repository=Repository.parse(f"reg.example/p/{name}"),
        known_as=known_as,
    )


@pytest.mark.parametrize(
    ("pattern", "reference", "is_match"),
    [
        ("qemu/debian10", "qemu/debian10", True),
        ("qemu/debian10", "qemu/debian10:7", True),
        ("qemu/debian10", "quay.io/qemu/debian10:7", True),
        ("qemu/debian10", "other/debian10", False),
        ("qemu:debian10", "qemu:debian10", True),
        ("qemu:debian10", "qemu:debian11", False),
        ("qemu:debian10", "qemu", False),
        ("quay.io/qemu/debian10", "qemu/debian10", False),
        ("*:current-passed-ci", "quay.io/org/x:current-passed-ci", True),
        ("*:current-passed-ci", "quay.io/org/x:other", False),
        ("localhost:5000/x", "localhost:5000/x:1", True),
        ("x", "docker.io/library/x:1", True),
        ("x:latest", "x", True),
    ],
)
def test_a_pattern_means_a_reference(pattern: str, reference: str, is_match: bool) -> None:
    assert matches(pattern, Reference.parse(reference)) is is_match


@pytest.mark.parametrize(
    ("reference", "parent"),
    [
        pytest.param("reg.example/p/base:old", "base", id="its repository, with any tag"),
        pytest.param("reg.example/p/base", "base", id="its repository, without a tag"),
        pytest.param("kolla/base:20.0.0", "base", id="what it is known as"),
        pytest.param("other.example/p/base", None, id="another host"),
        pytest.param("base", None, id="a name alone"),
        pytest.param("reg.example/p/base@sha256:" + "0" * 64, None, id="a digest is exact"),
        pytest.param("reg.example/p/web", None, id="never itself"),
        pytest.param("reg.example/p/base:frozen", None, id="what is listed as external"),
    ],
)
def test_a_from_links_to(reference: str, parent: str | None) -> None:
    links = Links([image("base", "kolla/{name}"), image("web", "kolla/{name}")], ["*:frozen"])

    assert links.parent(Reference.parse(reference), "web") == parent


def test_two_images_that_are_known_as_one_thing_are_an_error() -> None:
    links = Links([image("a", "x"), image("b", "x"), image("c")])

    with pytest.raises(DuplicateImage, match="a and as b"):
        links.parent(Reference.parse("x"), "c")


def test_an_unlinked_reference_can_resemble_an_image() -> None:
    links = Links([image("base"), image("web")], ["ours.example/*"])

    assert links.looks_internal(Reference.parse("other.example/x/base:1"), "web") == "base"
    assert links.looks_internal(Reference.parse("other.example/x/base:1"), "base") == ""
    assert links.looks_internal(Reference.parse("ours.example/base"), "web") == ""
    assert links.looks_internal(Reference.parse("debian"), "web") == ""
