"""The fingerprint changes if and only if BuildKit's result does, as a real BuildKit judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import hashtag
from fidelity.buildkit_cases import VECTORS, Build, Edit, edits, write
from fidelity.verdicts import FALSE_MISSES

GOLDEN = VECTORS.with_name("golden.json")


def outcome(build: Build, folder: Path, *, modes: str = "full") -> str:
    """Return the cache tag, or the code of the error."""
    arguments = write(build, folder, http="http://127.0.0.1:1")
    bases = {name: hashtag.BaseImage(**base) for name, base in build.bases.items()}
    try:
        return hashtag.fingerprint(**arguments, bases=bases, modes=modes, remote_add="url").tag
    except hashtag.HashtagError as error:
        return error.code


def is_refused(outcome: str) -> bool:
    return outcome.startswith("HT")


@pytest.mark.parametrize("edit", [pytest.param(edit, id=edit.id) for edit in edits()])
def test_an_edit_is_judged_as_buildkit_judges_it(edit: Edit, tmp_path: Path) -> None:
    before = outcome(edit.before, tmp_path / "before")
    after = outcome(edit.after, tmp_path / "after")

    assert not is_refused(before)
    match edit.expect:
        case "must_change":
            assert after != before
            assert not is_refused(after)
        case "must_not_change" if edit.id in FALSE_MISSES:
            assert after != before, "no longer a false miss: take it off the list"
        case "must_not_change":
            assert after == before
        case "either":
            assert not is_refused(after)
        case "change_or_error":
            assert after != before


def _cases() -> Iterator[tuple[str, Build]]:
    seen: dict[str, Build] = {}
    for edit in edits():
        seen.setdefault(edit.case, edit.before)
    yield from seen.items()


def test_the_recipe_is_frozen(tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text())

    found = {
        name: {
            modes: outcome(build, tmp_path / modes / name, modes=modes)
            for modes in ("full", "git")
            if not build.document.get("http")
        }
        for name, build in _cases()
    }

    assert found == golden
