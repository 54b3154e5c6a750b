"""Capabilities of files: read, and kept in a staged copy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hashtag.worktree.capabilities import ATTRIBUTE, capabilities, keep_capability

# capabilities(7): version 2, CAP_NET_BIND_SERVICE permitted and effective.
_VALUE = bytes.fromhex("0100000200040000" + "00" * 12)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file capabilities")


def test_the_files_that_have_capabilities_are_found(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("")
    (tmp_path / "l").symlink_to("a")
    os.setxattr(tmp_path / "a", ATTRIBUTE, _VALUE)

    assert capabilities(tmp_path, ["a", "b", "l", "gone"]) == {"a": _VALUE.hex()}


def test_a_copy_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    os.setxattr(tmp_path / "a", ATTRIBUTE, _VALUE)

    with (tmp_path / "a").open() as reading, (tmp_path / "b").open("w") as writing:
        keep_capability(reading.fileno(), writing.fileno())
        keep_capability(writing.fileno(), writing.fileno())

    assert os.getxattr(tmp_path / "b", ATTRIBUTE) == _VALUE
