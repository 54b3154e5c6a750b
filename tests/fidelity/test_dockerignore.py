"""What moby/patternmatcher and a real walk answered, row by row; `excluded_walk` is what a build sees."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest

from hashtag.context.ignore import IgnoreRules
from hashtag.errors import IgnoreError

_ROWS = json.loads((Path(__file__).parent / "vectors" / "dockerignore.json").read_text(encoding="utf-8"))
_FILES = [
    pytest.param(text, list(rows), id=f"{topic}: {text!r}")
    for (topic, text), rows in groupby(_ROWS, key=lambda row: (row["topic"], row["dockerignore"]))
]


def test_no_row_is_left_out() -> None:
    assert sum(len(param.values[1]) for param in _FILES) == len(_ROWS) == 1225


@pytest.mark.parametrize(("text", "rows"), _FILES)
def test_a_build_sees_what_the_rules_leave(text: str, rows: list[dict]) -> None:
    expected = {row["path"]: "refused" if "error" in row else row["excluded_walk"] for row in rows}

    assert {path: _answer(text, path) for path in expected} == expected


@pytest.mark.parametrize(("text", "rows"), _FILES)
def test_bytes_read_as_text_does(text: str, rows: list[dict]) -> None:
    paths = [row["path"] for row in rows]

    assert [_answer(text.encode(), path) for path in paths] == [_answer(text, path) for path in paths]


def _answer(text: str | bytes, path: str) -> bool | str:
    try:
        return IgnoreRules.parse(text).excludes(path)
    except IgnoreError:
        return "refused"
