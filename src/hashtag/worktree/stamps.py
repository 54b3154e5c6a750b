"""Stamps: the status of what a walk sees and git does not look at, to know that nothing changed.

A folder's stamp tells whether entries of whatever kind came or went: git itself shows no pipes, no
sockets, and nothing called `.git`.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Collection, Iterable
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from hashtag.worktree.stat_cache import Stamp, stamp_of
from hashtag.worktree.views import State, States, Views

# Path below the root, its status, and of a folder the names in it.
Stamped: TypeAlias = tuple[bytes, Stamp, bytes]

_STAMP = struct.Struct("<QqqQI16s")
_NO_NAMES = bytes(16)


class Unsettled(Exception):  # no error: it is not remembered, that is all
    """Something is too young, or on a file system with a clock of its own."""


class _Folder(NamedTuple):
    path: bytes
    state: State
    names: bytes


def survey(root: bytes, views: Views, compared: Collection[bytes], settled: tuple[int, int]) -> list[Stamped]:
    """
    Return the stamps of all that any context sees, or looks into, and git does not compare.

    Args:
        root: Absolute.
        compared: Paths below the root that git compares with its index.
        settled: The device it has to be on, and the ctime in ns it has to be older than; see
            `settled_before`.

    Raises:
        Unsettled: Something may have changed since that time, or could once more without a sign.
        OSError: Something vanished, or may not be looked at.
    """
    found: list[Stamped] = []
    states = States(views)
    folders: list[_Folder] = []
    waiting = [(b"", states.of(""))]
    while waiting:
        path, state = waiting.pop()
        prefix = path + b"/" if path else b""
        with os.scandir(_join(root, path)) as scanned:
            entries = list(scanned)
        folders.append(_Folder(path, state, _digest(entries)))
        for entry in entries:
            name = entry.name.decode("utf-8", "surrogateescape")
            at = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                below = states.enter(state, name, at.decode("utf-8", "surrogateescape"))
                if below is not None:
                    waiting.append((at, below))
            elif state.bits & ~(state.excludes(name) if state.excludes else 0):
                stamp = _settled(entry.stat(follow_symlinks=False), settled)
                if at not in compared:
                    found.append((at, stamp, _NO_NAMES))
    # Only now: so that nothing was moved while they were read.
    found += [
        (each.path, _settled(os.lstat(_join(root, each.path)), settled), each.names) for each in folders
    ]
    return found


def are_unchanged(root: bytes, stamped: Iterable[Stamped]) -> bool:
    """Whether all stamps still hold; a folder may have been written to if the names in it are the same."""
    try:
        for path, before, names in stamped:
            now = stamp_of(os.lstat(_join(root, path)))
            if now != before and not _holds_the_same(_join(root, path), now, before, names):
                return False
    except OSError:
        return False
    return True


def is_settled(status: os.stat_result, settled: tuple[int, int]) -> bool:
    """Whether something did not change since shortly before `settled_before` was asked."""
    device, before = settled
    return status.st_dev == device and status.st_ctime_ns < before


def packed(stamped: Collection[Stamped]) -> bytes:
    """Return the bytes that `unpacked` reads."""
    stamps = b"".join(_STAMP.pack(*stamp, names) for _, stamp, names in stamped)
    return stamps + b"\0".join(path for path, _, _ in stamped)


def unpacked(count: int, content: bytes) -> Iterable[Stamped]:
    """Return so many stamps; raise ValueError or struct.error."""
    end = count * _STAMP.size
    paths = content[end:].split(b"\0")
    rows = _STAMP.iter_unpack(content[:end])
    return [(path, row[:5], row[5]) for path, row in zip(paths, rows, strict=True)]


def _holds_the_same(path: bytes, now: Stamp, before: Stamp, names: bytes) -> bool:
    # Inode and mode; a file that is replaced has a stamp of its own, or is git's to compare.
    if now[3:] != before[3:] or not stat.S_ISDIR(now[4]):
        return False
    with os.scandir(path) as entries:
        return _digest(entries) == names


def _digest(entries: Iterable[os.DirEntry[bytes]]) -> bytes:
    found = sorted(entry.name + (b"/" if entry.is_dir(follow_symlinks=False) else b"") for entry in entries)
    return sha256(b"\0".join(found)).digest()[:16]


def _settled(status: os.stat_result, settled: tuple[int, int]) -> Stamp:
    if not is_settled(status, settled):
        raise Unsettled
    return stamp_of(status)


def _join(root: bytes, path: bytes) -> bytes:
    return root + b"/" + path if path else root
