"""The recipe is the same by every way to read files: alone, forked, from the stat cache, remembered."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fidelity.test_buildkit import GOLDEN

_TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the outcomes of a process of its own, as only one without threads may fork."""
    done = subprocess.run(
        [sys.executable, "-m", "fidelity.engine_outcomes", str(tmp_path_factory.mktemp("engines"))],
        cwd=_TESTS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "engine",
    ["serial", "forked", "filling the cache", "cached", "forked and cached", "remembering", "remembered"],
)
def test_the_golden_vectors_hold_with_every_engine(found: dict[str, Any], engine: str) -> None:
    golden = {name: outcomes for name, outcomes in json.loads(GOLDEN.read_text()).items() if outcomes}

    assert found["outcomes"][engine] == golden


@pytest.mark.skipif(sys.platform != "linux", reason="only there do we fork")
def test_the_forked_engine_was_forked(found: dict[str, Any]) -> None:
    assert found["forked"]


def test_what_is_remembered_is_not_read_again(found: dict[str, Any]) -> None:
    assert found["read"]["remembering"] == found["read"]["serial"] > 0
    assert found["read"]["remembered"] == 0
