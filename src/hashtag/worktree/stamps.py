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
from typing import NamedTuple

from hashtag.worktree.stamp import Stamp, stamp_of
from hashtag.worktree.views import State, States, Views

_STAMP = struct.Struct("<QqqQI")
_DIGEST_SIZE = 16


class Stamps(NamedTuple):
    """
    Stamps of what lies below a root.

    Attributes:
        paths: From the root.
        statuses: One for each path.
        names: The digests of the names in each folder; of all that is no folder, zeros.
    """

    paths: list[bytes]
    statuses: list[Stamp]
    names: list[bytes]


class Unsettled(Exception):  # no error: it is not remembered, that is all
    """Something is too young, or on a file system with a clock of its own."""


class _Folder(NamedTuple):
    path: bytes
    state: State
    names: bytes


def survey(root: bytes, views: Views, compared: Collection[bytes], settled: tuple[int, int]) -> Stamps:
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
    found = Stamps([], [], [])
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
                    _add(found, at, stamp, bytes(_DIGEST_SIZE))
    # Only now: so that nothing was moved while they were read.
    for folder in folders:
        status = os.lstat(_join(root, folder.path))
        _add(found, folder.path, _settled(status, settled), folder.names)
    return found


def are_unchanged(root: bytes, stamps: Stamps) -> bool:
    """Whether all stamps still hold; a folder may have been written to if the names in it are the same."""
    prefix = root + b"/"
    paths = [prefix + path if path else root for path in stamps.paths]
    try:
        # As stamp_of, but thousands at once.
        now = [
            (each.st_size, each.st_mtime_ns, each.st_ctime_ns, each.st_ino, each.st_mode)
            for each in map(os.lstat, paths)
        ]
        rows = zip(paths, now, stamps.statuses, stamps.names, strict=True)
        return now == stamps.statuses or all(row[1] == row[2] or _holds_the_same(*row) for row in rows)
    except OSError:
        return False


def is_settled(status: os.stat_result, settled: tuple[int, int]) -> bool:
    """Whether something did not change since shortly before `settled_before` was asked."""
    device, before = settled
    return status.st_dev == device and status.st_ctime_ns < before


def packed(stamps: Stamps) -> bytes:
    """Return the bytes that `unpacked` reads."""
    statuses = b"".join(_STAMP.pack(*status) for status in stamps.statuses)
    return statuses + b"".join(stamps.names) + b"\0".join(stamps.paths)


def unpacked(count: int, content: bytes) -> Stamps:
    """Return so many stamps; raise ValueError or struct.error."""
    names = count * _STAMP.size
    end = names + count * _DIGEST_SIZE
    digests = [content[at : at + _DIGEST_SIZE] for at in range(names, end, _DIGEST_SIZE)]
    paths = content[end:].split(b"\0")
    if len(paths) != count:
        raise ValueError("stamps that end early")
    return Stamps(paths, list(_STAMP.iter_unpack(content[:names])), digests)


def _add(stamps: Stamps, path: bytes, status: Stamp, names: bytes) -> None:
    stamps.paths.append(path)
    stamps.statuses.append(status)
    stamps.names.append(names)


def _holds_the_same(path: bytes, now: Stamp, before: Stamp, names: bytes) -> bool:
    # Inode and mode; a file that is replaced has a stamp of its own, or is git's to compare.
    if now[3:] != before[3:] or not stat.S_ISDIR(now[4]):
        return False
    with os.scandir(path) as entries:
        return _digest(entries) == names


def _digest(entries: Iterable[os.DirEntry[bytes]]) -> bytes:
    found = sorted(entry.name + (b"/" if entry.is_dir(follow_symlinks=False) else b"") for entry in entries)
    return sha256(b"\0".join(found)).digest()[:_DIGEST_SIZE]


def _settled(status: os.stat_result, settled: tuple[int, int]) -> Stamp:
    if not is_settled(status, settled):
        raise Unsettled
    return stamp_of(status)


def _join(root: bytes, path: bytes) -> bytes:
    return root + b"/" + path if path else root
