"""Capabilities of files, the one extended attribute that a build carries into an image."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from hashtag.worktree.descent import encoded

# BuildKit cache/contenthash, NewFromStat, counts others, too, but no layer holds them.
ATTRIBUTE = "security.capability"


def capabilities(folder: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return the capabilities of those of a folder's files that have some, in hex, by path."""
    found: dict[str, str] = {}
    root = os.fsencode(folder)
    for path in paths:
        value = _read(root + b"/" + encoded(path))
        if value:
            found[path] = value.hex()
    return found


def keep_capability(reading: int, writing: int) -> None:
    """Give an open file the capabilities of another; raise OSError where this user may not."""
    value = _read(reading)
    if value:
        os.setxattr(writing, ATTRIBUTE, value)


def _read(file: bytes | int) -> bytes:
    if not hasattr(os, "getxattr"):  # another system than Linux
        return b""
    try:
        if isinstance(file, int):
            return os.getxattr(file, ATTRIBUTE)
        return os.getxattr(file, ATTRIBUTE, follow_symlinks=False)
    except OSError:  # none, or a file system without attributes; a file that is gone is found when it is read
        return b""
