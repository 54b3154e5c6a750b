"""Dockerfiles with every image named by digest."""

from __future__ import annotations

import pytest

from hashtag.dockerfile.parser import parse
from hashtag.dockerfile.places import image_places
from hashtag.errors import UnsupportedBuild
from hashtag.images.pinned import pinned_dockerfile, place_key

PIN = "registry.example/app@sha256:" + "1" * 64


def pinned(text, *names):
    """Replace the names that are given by PIN."""
    places = image_places(text, "Dockerfile")
    replacements = {place_key(place.location): PIN for place in places if place.name in names}
    return pinned_dockerfile(text, parse(text, "Dockerfile"), replacements)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("FROM debian:12\n", "debian:12", id="FROM"),
        pytest.param("# a comment\n\nFROM   debian:12   AS  base  \n", "debian:12", id="FROM with a name"),
        pytest.param("FROM --platform=linux/arm64 debian:12 AS x\n", "debian:12", id="FROM with a platform"),
        pytest.param("from \\\n# why\n  debian:12 as base\n", "debian:12", id="a continued FROM"),
        pytest.param("\ufeffFROM debian:12\r\nRUN x\r\n", "debian:12", id="BOM and CRLF"),
        pytest.param("# escape=`\nFROM `\n debian:12\n", "debian:12", id="another escape character"),
        pytest.param("# syntax=docker/dockerfile:1\nFROM debian:12\n", "debian:12", id="a syntax directive"),
        pytest.param("ARG V=12\nFROM debian:${V:-11}\n", "debian:${V:-11}", id="FROM with a variable"),
        pytest.param(
            "FROM scratch\nCOPY --chown=1:1 --from=lib/x:1 --link /a /b\n", "lib/x:1", id="COPY --from"
        ),
        pytest.param(
            "FROM scratch\nRUN --mount=type=bind,from=lib/x:1,source=/a,target=/from=b cat /from=b\n",
            "lib/x:1",
            id="a mount",
        ),
        pytest.param(
            "FROM scratch\nRUN --mount=FROM=lib/x:1,target=/a --mount=type=cache,target=/c \\\n  true\n",
            "lib/x:1",
            id="a mount in capitals",
        ),
    ],
)
def test_a_name_is_replaced_and_all_else_stays(text, name):
    before, _, after = text.partition(name)

    assert pinned(text, name) == before + PIN + after


def test_a_name_over_two_lines_is_replaced_as_one():
    assert pinned("FROM deb\\\nian:12 AS x\n", "debian:12") == f"FROM {PIN}\\\n AS x\n"


def test_a_quoted_source_loses_its_quotes():
    text = 'FROM scratch\nCOPY --from="lib/x" a b\n'

    assert pinned(text, "lib/x") == f"FROM scratch\nCOPY --from={PIN} a b\n"


def test_a_quoted_mount_is_replaced_within_its_quotes():
    text = 'FROM scratch\nRUN --mount="type=bind,from=lib/x,target=/x" true\n'

    assert pinned(text, "lib/x") == text.replace("lib/x", PIN)


def test_the_last_of_two_sources_of_a_mount_counts():
    text = "FROM scratch\nRUN --mount=from=a,from=b,target=/x true\n"

    assert pinned(text, "b") == text.replace("from=b", f"from={PIN}")


def test_here_documents_comments_and_triggers_are_no_places():
    text = (
        "FROM debian:12 AS debian\n"
        "# FROM debian:12\n"
        "ONBUILD COPY --from=debian:12 a b\n"
        "RUN <<E\nFROM debian:12\nCOPY --from=debian:12 a b\nE\n"
        "COPY <<F /x\nFROM debian:12\nF\n"
    )

    assert pinned(text, "debian:12") == text.replace("debian:12", PIN, 1)


def test_only_the_places_that_are_given_are_replaced():
    text = "FROM a AS b\nFROM b\nCOPY --from=b /x /x\nCOPY --from=0 /y /y\n"

    assert pinned(text, "a") == text.replace("FROM a", f"FROM {PIN}")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('FROM scratch\nCOPY --fr"om"=lib/x a b\n', id="a flag in pieces"),
        pytest.param(
            'FROM scratch\nRUN --mount=type=bind,fr"om"=lib/x,target=/x true\n', id="an option in pieces"
        ),
    ],
)
def test_what_is_written_too_cleverly_is_refused(text):
    with pytest.raises(UnsupportedBuild, match="lib/x"):
        pinned(text, "lib/x")


def test_a_place_that_is_not_there_is_refused():
    with pytest.raises(UnsupportedBuild, match="no image is named there"):
        pinned_dockerfile("FROM a\n", parse("FROM a\n", "Dockerfile"), {(7, 1): PIN})


def test_bytes_that_are_no_utf8_stay():
    text = b"FROM a\nLABEL x=\xff\n".decode("utf-8", "surrogateescape")

    assert (
        pinned(text, "a").encode("utf-8", "surrogateescape") == f"FROM {PIN}".encode() + b"\nLABEL x=\xff\n"
    )
