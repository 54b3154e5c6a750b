"""The table of faults: each of the 64 has a test that its number finds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
# `test_05_…`, `test_22_and_23_…`, `test_19_to_21_…`; or the id of a parameter: `61 a blob vanishes`.
_NAME = re.compile(r"test_(\d\d)(?:_(and|to)_(\d\d))?_")
_ID = re.compile(r"(\d{1,2}) \w")


def numbers_of_name(name: str) -> set[int]:
    found = _NAME.match(name)
    if not found:
        return set()
    first, last = int(found[1]), int(found[3] or found[1])
    return set(range(first, last + 1)) if found[2] == "to" else {first, last}


def ids(function: ast.FunctionDef) -> Iterator[str]:
    """Yield the ids of a test's parameters: `id="…"`, and those of `ids=["…"]`."""
    decorations = (node for each in function.decorator_list for node in ast.walk(each))
    for keyword in (node for node in decorations if isinstance(node, ast.keyword)):
        if keyword.arg in ("id", "ids"):
            texts = (node.value for node in ast.walk(keyword.value) if isinstance(node, ast.Constant))
            yield from (text for text in texts if isinstance(text, str))


@cache
def numbered() -> dict[int, list[str]]:
    """Return the tests of each number."""
    found: dict[int, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                of_ids = {int(match[1]) for text in ids(node) if (match := _ID.match(text))}
                # An id may begin with a number of anything; that of a fault stands in a test of faults.
                of_ids = of_ids if path.parent.name == "registry" or "prun" in path.name else set()
                for number in numbers_of_name(node.name) | of_ids:
                    found.setdefault(number, []).append(f"{path.relative_to(TESTS)}::{node.name}")
    return found


@pytest.mark.parametrize("number", range(1, 65))
def test_a_fault_has_a_test_of_its_number(number: int) -> None:
    assert numbered().get(number), f"no test is called test_{number:02}_… and none has an id '{number} …'"


def test_no_test_has_a_number_beyond_the_table() -> None:
    assert set(numbered()) <= set(range(1, 65))


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("test_05_a", {5}),
        ("test_22_and_23_a", {22, 23}),
        ("test_19_to_21_a", {19, 20, 21}),
        ("test_5_a", set()),
        ("test_a_05_b", set()),
    ],
)
def test_a_name_says_its_numbers(name: str, numbers: set[int]) -> None:
    assert numbers_of_name(name) == numbers
