"""The graph: images lowered together, parents before children."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hashtag.dockerfile.parser import parse
from hashtag.errors import Cycle, DockerfileError, MissingParent, UnsupportedConstruct
from hashtag.images.bases import BaseImage, KnownBases
from hashtag.images.graph import Resolution, Source, resolve
from hashtag.images.linking import Links
from hashtag.images.model import Image
from hashtag.oci.platform import LINUX_AMD64, Platform
from hashtag.oci.reference import Reference, Repository

DIGEST, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
ARM64 = Platform("linux", "arm64")


def image(name: str, **settings: Any) -> Image:
    return Image(
        name=name,
        dockerfile=f"{name}/Dockerfile",
        context=name,
        repository=Repository("reg.example", f"p/{name}"),
        known_as=("{name}",),
        **settings,
    )


def resolved(
    texts: Mapping[str, str], *, bases: Mapping[str, BaseImage] | None = None, **settings: Any
) -> Resolution:
    images = {name: image(name, **settings.get(name, {})) for name in texts}
    sources = [
        Source(images[name], parse(text, f"{name}/Dockerfile") if text else DockerfileError("no file"))
        for name, text in texts.items()
    ]
    return resolve(sources, Links(images.values()), KnownBases(bases).find)


def test_a_child_sees_its_parents_computed_config() -> None:
    found = resolved({"web": "FROM base\nENV B=$A\n", "base": "FROM scratch\nENV A=1\nWORKDIR /srv\n"})

    config = found.lowered["web"][LINUX_AMD64].config
    assert found.order.index("base") < found.order.index("web")
    assert dict(config.environment)["B"] == "1"
    assert config.working_dir == "/srv"


def test_a_chain_in_any_order_is_lowered_from_its_root() -> None:
    found = resolved(
        {"c": "FROM b\nENV C=${B}c\n", "b": "FROM a\nENV B=${A}b\n", "a": "FROM scratch\nENV A=a\n"}
    )

    assert dict(found.lowered["c"][LINUX_AMD64].config.environment)["C"] == "abc"
    assert found.parents("c") == ("b",)


def test_a_trigger_of_a_parent_can_add_a_parent() -> None:
    found = resolved(
        {
            "web": "FROM base\n",
            "base": "FROM scratch\nONBUILD COPY --from=tools /t /t\n",
            "tools": "FROM scratch\n",
        }
    )

    assert found.parents("web") == ("base", "tools")
    assert found.order.index("tools") < found.order.index("web")


def test_bases_without_a_digest_are_listed_with_their_first_place() -> None:
    found = resolved({"a": "FROM debian:12\n", "b": "FROM debian:12\nCOPY --from=alpine /a /a\n"})

    unpinned = found.unpinned()
    assert {str(reference) for reference, _ in unpinned} == {
        "docker.io/library/debian:12",
        "docker.io/library/alpine:latest",
    }
    assert unpinned[Reference.parse("debian:12"), LINUX_AMD64].location.path == "a/Dockerfile"


def test_images_from_each_other_are_a_cycle_with_its_place() -> None:
    with pytest.raises(Cycle) as caught:
        resolved({"a": "FROM scratch AS s\nFROM b\n", "b": "FROM c\n", "c": "FROM a\n"})

    assert " → " in caught.value.what
    assert caught.value.where.endswith(("/Dockerfile:1:6", "/Dockerfile:2:6"))


def test_a_child_of_what_cannot_be_lowered_fails_with_it() -> None:
    found = resolved({"a": "", "b": "FROM a\n", "c": "FROM scratch\n"})

    assert set(found.errors) == {"a", "b"}
    assert isinstance(found.errors["b"], MissingParent)


def test_a_named_context_that_is_no_image_of_the_project_is_an_error() -> None:
    found = resolved({"a": "FROM lib\n"}, a={"contexts": {"lib": "target:none"}})

    assert isinstance(found.errors["a"], MissingParent)


def test_a_parent_has_to_be_built_for_the_platform() -> None:
    found = resolved({"a": "FROM --platform=linux/arm64 b\n", "b": "FROM scratch\n"})

    assert isinstance(found.errors["a"], UnsupportedConstruct)
    assert found.errors["a"].hint == 'add "linux/arm64" to the platforms of b'
    assert not resolved(
        {"a": "FROM --platform=linux/arm64 b\n", "b": "FROM scratch\n"},
        b={"platforms": (LINUX_AMD64, ARM64)},
    ).errors


def test_each_platform_is_lowered_for_itself() -> None:
    found = resolved(
        {"a": "ARG TARGETARCH\nFROM scratch\nARG TARGETARCH\nENV A=$TARGETARCH\n"},
        a={"platforms": (LINUX_AMD64, ARM64)},
    )

    values = [dict(build.config.environment)["A"] for build in found.lowered["a"].values()]
    assert values == ["amd64", "arm64"]


@pytest.mark.parametrize(
    ("asked", "digest"),
    [
        pytest.param("debian:12", OTHER, id="supposed"),
        pytest.param("alpine:3", DIGEST, id="given"),
        pytest.param("other:1", None, id="unknown"),
    ],
)
def test_what_is_supposed_of_a_base_wins_over_what_is_known(asked: str, digest: str | None) -> None:
    known = KnownBases(
        {"debian:12": BaseImage(DIGEST, {"Env": ["A=1"]}, index=DIGEST), "alpine:3": BaseImage(DIGEST)},
        {"docker.io/library/debian:12": OTHER},
    )

    image = known.find(Reference.parse(asked), asked, LINUX_AMD64)

    assert (str(image.digest) if image else None) == digest
    if asked == "debian:12":
        assert image == BaseImage(OTHER, {"Env": ["A=1"]})


def test_what_is_pinned_answers_for_its_platform() -> None:
    known = KnownBases()
    known.pin(Reference.parse("x"), ARM64, BaseImage(DIGEST))

    assert known.find(Reference.parse("x"), "x", ARM64) == BaseImage(DIGEST)
    assert known.find(Reference.parse("x"), "x", LINUX_AMD64) is None


def test_a_base_that_is_given_under_a_name_that_is_none_is_never_found() -> None:
    assert KnownBases({"No Name": BaseImage(DIGEST)}).find(Reference.parse("x"), "x", ARM64) is None
