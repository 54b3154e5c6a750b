"""`requires` of a project."""

from __future__ import annotations

import pytest

from hashtag.errors import ConfigError
from hashtag.worktree.requirement import check_requirement


@pytest.mark.parametrize(
    ("requirement", "version"),
    [
        (">=1.0", "1.0.0"),
        (">=1.0", "1.2"),
        (">=1.9", "1.10"),
        (">= 1.0, <2", "1.9.9"),
        ("==1.2", "1.2.0"),
        ("!=1.3", "1.2"),
        ("<=1.2", "1.2"),
        (">1", "1.0.1"),
        (">=1.2", "1.2rc1"),
    ],
)
def test_a_version_meets_a_requirement(requirement: str, version: str) -> None:
    check_requirement(requirement, version, where="here")


@pytest.mark.parametrize(
    ("requirement", "version"), [(">=1.0", "0.9"), (">=1.10", "1.9"), (">=1,<2", "2.0"), ("==1", "1.0.1")]
)
def test_a_version_misses_a_requirement(requirement: str, version: str) -> None:
    with pytest.raises(ConfigError, match=f"this is {version}") as caught:
        check_requirement(requirement, version, where="here")

    assert caught.value.hint.startswith("pip install")


@pytest.mark.parametrize("requirement", ["", "1.0", "~=1.0", ">=", ">=1.0,,", ">=x"])
def test_a_malformed_requirement_is_refused(requirement: str) -> None:
    with pytest.raises(ConfigError, match="is not a requirement"):
        check_requirement(requirement, "1.0", where="here")
