"""The stamp of a file: what of its status changes with its content."""

from __future__ import annotations

import os
from typing import TypeAlias

# Size, mtime and ctime in ns, inode, mode.
Stamp: TypeAlias = tuple[int, int, int, int, int]


def stamp_of(status: os.stat_result) -> Stamp:
    """Return what of a file's status changes with its content."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode
