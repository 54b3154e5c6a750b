"""Checksums that are written into a Dockerfile."""

from __future__ import annotations

import pytest

from hashtag.dockerfile.instruction import Copy
from hashtag.dockerfile.parser import parse
from hashtag.images.checksums import with_checksums
from hashtag.images.pinned import place_key

HEX = "a" * 64
FLAG = f" --checksum=sha256:{HEX}"


def places(dockerfile):
    found = [i for stage in dockerfile.stages for i in stage.instructions if isinstance(i, Copy) and i.is_add]
    return {place_key(add.location): HEX for add in found}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("FROM x\nADD", " https://e.x/a /\n", id="plain"),
        pytest.param("FROM x\n  add", "\t--chmod=600 https://e.x/a /\n", id="indented, in small letters"),
        pytest.param("\ufeffFROM x\r\n# ADD\r\nADD", " https://e.x/a /\r\nRUN ADD x\r\n", id="BOM and CRLF"),
        pytest.param("# escape=`\nFROM x\nADD", " `\n https://e.x/a `\n /\n", id="over lines"),
        pytest.param("FROM x\nRUN <<E\nADD y /\nE\nADD", " https://e.x/a /\n", id="after a here-document"),
    ],
)
def test_a_checksum_is_added_and_all_else_stays(before, after):
    text = before + after
    dockerfile = parse(text, "Dockerfile")

    assert with_checksums(text, dockerfile, places(dockerfile)) == before + FLAG + after


def test_several_get_one_each():
    text = "FROM x\nADD https://e.x/a /\nRUN y\nADD https://e.x/b /\n"
    dockerfile = parse(text, "Dockerfile")

    changed = with_checksums(text, dockerfile, {(2, 1): HEX, (4, 1): "b" * 64})

    adds = [i for i in parse(changed, "Dockerfile").stages[0].instructions if isinstance(i, Copy)]
    assert [add.checksum for add in adds] == [f"sha256:{HEX}", f"sha256:{'b' * 64}"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("FROM x\nA\\\nDD https://e.x/a /\n", id="a word over two lines"),
        pytest.param("FROM x\nADD\\\n https://e.x/a /\n", id="no blank behind it"),
    ],
)
def test_what_cannot_be_changed_surely_stays(text):
    dockerfile = parse(text, "Dockerfile")

    assert with_checksums(text, dockerfile, places(dockerfile)) == text


def test_a_trigger_of_a_base_stands_in_no_file():
    text = "FROM x\nRUN y\n"

    assert with_checksums(text, parse(text, "Dockerfile"), {(1, 1): HEX}) == text
