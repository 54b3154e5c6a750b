"""Where keys stand in a TOML document."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.worktree.positions import positions

DOCUMENT = '''\
# a comment = "not a key"
repository = "registry.example/group"   # trailing
"quoted key" = 1
text = """
external = "in a text"
"quoted" and \\""" escaped"""
raw = \'\'\'
modes = 'raw'
\'\'\'
external = [
    "one",  # the first
    { a = "x", "b.c" = [1, 2] },
]
when = 1979-05-27 07:32:00
a.b.c = "dotted"

[mirrors]
"docker.io" = 'mirror.example/docker.io'

[[image]]
name = "web"
args = { APP = "1", OTHER = "]}" }

[[image]]
name = "docs"

[image.args]
EMPTY = ""

[[image.nested]]
x = 1
[[image.nested]]
x = 2
'''


@pytest.mark.parametrize(
    ("path", "place"),
    [
        pytest.param(("repository",), (2, 1), id="a plain key"),
        pytest.param(("quoted key",), (3, 1), id="a quoted key"),
        pytest.param(("text",), (4, 1), id="a text of several lines"),
        pytest.param(("raw",), (7, 1), id="after a text that holds escaped quotes"),
        pytest.param(("external",), (10, 1), id="after a literal text of several lines"),
        pytest.param(("external", 0), (11, 5), id="an item of an array"),
        pytest.param(("external", 1), (12, 5), id="a table in an array"),
        pytest.param(("external", 1, "a"), (12, 7), id="a key of a table in an array"),
        pytest.param(("external", 1, "b.c", 1), (12, 28), id="an item in a table in an array"),
        pytest.param(("when",), (14, 1), id="a time with a space in it"),
        pytest.param(("a", "b", "c"), (15, 1), id="a dotted key"),
        pytest.param(("mirrors",), (17, 1), id="a table"),
        pytest.param(("mirrors", "docker.io"), (18, 1), id="a key with a dot, quoted"),
        pytest.param(("image",), (20, 1), id="an array of tables"),
        pytest.param(("image", 0), (20, 1), id="the first table of an array"),
        pytest.param(("image", 0, "args", "OTHER"), (22, 21), id="a key of an inline table"),
        pytest.param(("image", 1), (24, 1), id="the second table of an array"),
        pytest.param(("image", 1, "args", "EMPTY"), (28, 1), id="a table below the second table"),
        pytest.param(("image", 1, "nested", 1, "x"), (33, 1), id="an array of tables below a table"),
    ],
)
def test_a_key_stands_where_it_was_written(path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    tomllib.loads(DOCUMENT)

    assert positions(DOCUMENT)[path] == place


def test_texts_and_comments_hold_no_keys() -> None:
    assert ("modes",) not in positions(DOCUMENT)


def test_an_empty_document_has_no_keys() -> None:
    assert positions("") == {}
    assert positions("# only a comment") == {}


KEYS = st.text(alphabet="ab-_1", min_size=1, max_size=3) | st.sampled_from(["a.b", "x y", "#", "[", "="])
SCALARS = st.one_of(
    st.integers(-99, 99),
    st.booleans(),
    st.text(alphabet="ab'\"#[]{},=\\\n ", max_size=6),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def _text(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {_text(item)}" for key, item in value.items()) + "}"
        case list():
            return "[ # items\n" + ",\n".join(_text(item) for item in value) + "]"
        case _:
            return json.dumps(value)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = {path} if path else set()
    return found.union(*(_paths(item, (*path, key)) for key, item in items))


@given(
    document=st.dictionaries(KEYS, VALUES, max_size=4),
    tables=st.lists(st.dictionaries(KEYS, VALUES, max_size=3)),
)
def test_the_scanner_finds_what_tomllib_finds(document: dict[str, Any], tables: list[dict[str, Any]]) -> None:
    document.pop("image", None)
    lines = [f"{json.dumps(key)} = {_text(value)}" for key, value in document.items()]
    for table in tables:
        lines += ["[[image]]", *(f"{json.dumps(key)} = {_text(value)}" for key, value in table.items())]
    text = "\n".join(lines)

    assert positions(text).keys() == _paths(tomllib.loads(text))
