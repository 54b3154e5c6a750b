"""Generated patterns and what moby/patternmatcher v0.6.1, walked as fsutil walks, answered to them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hashtag.context.ignore import IgnoreRules
from hashtag.errors import HashtagError

_ROWS = json.loads((Path(__file__).parent / "vectors" / "patternmatcher.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: ascii(row.get("dockerignore", row.get("exclude"))))
def test_patterns_exclude_what_patternmatcher_excludes(row: dict) -> None:
    if row.get("refused"):
        with pytest.raises(HashtagError):
            _rules(row)
        return

    rules = _rules(row)

    assert [path for path in (*row["excluded"], *row["seen"]) if rules.excludes(path)] == row["excluded"]


def _rules(row: dict) -> IgnoreRules:
    if "exclude" in row:
        return IgnoreRules.of(row["exclude"])
    return IgnoreRules.parse(row["dockerignore"].encode("utf-8", "surrogateescape"))
