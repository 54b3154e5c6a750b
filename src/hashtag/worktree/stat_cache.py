"""The stat cache: digests of files that were hashed before and whose status has not changed since.

One file a walked root, in the user's own cache folder: a line that names the format, the SHA-256 of all
that follows, and plain columns. What is owned by another, writable by others, damaged or of another
version counts as empty, and is written anew.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from hashtag.worktree.cache_file import cache_path, read_cache, write_cache
from hashtag.worktree.scanned import LARGE_FILE

if TYPE_CHECKING:
    from hashtag.worktree.hashing import Reading
    from hashtag.worktree.scanned import Scanned

# Size, mtime and ctime in ns, inode, mode.
Stamp: TypeAlias = tuple[int, int, int, int, int]

_FORMAT = b"hashtag stat cache 1\n"
_STAMP = struct.Struct("<QqqQI")
_COUNTS = struct.Struct("<QQQ")
_LENGTHS = struct.Struct("<II")
# Behind the path of a folder: its large files, which were hashed after it was read.
_LARGE = "//"


class StatCache:
    """What is known of the files below one root."""

    def __init__(self, path: Path, body: bytes) -> None:
        self._path, self._body = path, body
        self._at: dict[str, int] = {}
        self._end = 0
        if body:
            folders, offsets, self._end = _COUNTS.unpack_from(body)
            names = body[self._end : self._end + folders].decode("utf-8", "surrogateescape")
            places = array("Q", body[self._end + folders : self._end + folders + offsets])
            self._at = dict(zip(names.split("\0"), places, strict=True))

    @classmethod
    def open(cls, folder: Path, root: Path) -> StatCache:
        """Return what is known of a root, nothing where the file in `folder` cannot be trusted."""
        path = cache_path(folder, "stat", os.path.realpath(root))
        try:
            return cls(path, read_cache(path, _FORMAT))
        except (OSError, ValueError, struct.error):
            return cls(path, b"")

    def folder(self, path: str) -> Mapping[str, tuple[Stamp, str]]:
        """Return stamp and digest of the files of a folder that are known, by name."""
        found: dict[str, tuple[Stamp, str]] = {}
        for key in (path, path + _LARGE):
            at = self._at.get(key)
            if at is not None:
                found.update(self._decoded(at))
        return found

    def _decoded(self, at: int) -> Iterable[tuple[str, tuple[Stamp, str]]]:
        size, count = _LENGTHS.unpack_from(self._body, at)
        at += _LENGTHS.size
        names = self._body[at : at + size].decode("utf-8", "surrogateescape").split("/")
        at += size
        stamps: Iterable[Stamp] = _STAMP.iter_unpack(self._body[at : at + count * _STAMP.size])
        at += count * _STAMP.size
        digests = self._body[at : at + 32 * count].hex()
        texts = (digests[64 * number : 64 * number + 64] for number in range(count))
        return zip(names, zip(stamps, texts, strict=True), strict=True)

    def update(
        self, known: Mapping[str, bytes], large: Mapping[str, Stamp], digests: Mapping[str, str]
    ) -> None:
        """
        Write what is new; do nothing where that is nothing, or where it cannot be written.

        Args:
            known: The new records of folders.
            large: The stamps of files that were hashed after their folders were read.
            digests: Of these files.
        """
        records = dict(known)
        files: dict[str, list[tuple[str, Stamp, str]]] = {}
        for path, stamp in large.items():
            folder, _, name = path.rpartition("/")
            files.setdefault(folder, []).append((name, stamp, digests[path]))
        for folder, each in files.items():
            records[folder + _LARGE] = record(each)
        if records:
            try:
                write_cache(self._path, _FORMAT, self._joined(records, known))
            except OSError:
                return

    def _joined(self, records: Mapping[str, bytes], folders: Iterable[str]) -> bytes:
        # A folder's new record holds its large files, too.
        outdated = records.keys() | {folder + _LARGE for folder in folders}
        kept = {key: self._raw(at) for key, at in self._at.items() if key not in outdated}
        chunks = {**kept, **{key: chunk for key, chunk in records.items() if chunk}}
        offsets, at = array("Q"), _COUNTS.size
        for chunk in chunks.values():
            offsets.append(at)
            at += len(chunk)
        names = "\0".join(chunks).encode("utf-8", "surrogateescape")
        places = offsets.tobytes()
        header = _COUNTS.pack(len(names), len(places), at)
        return b"".join((header, *chunks.values(), names, places)) if chunks else b""

    def _raw(self, at: int) -> bytes:
        size, count = _LENGTHS.unpack_from(self._body, at)
        return self._body[at : at + _LENGTHS.size + size + count * (_STAMP.size + 32)]


class Memory:
    """What is known of the files of one folder, and what comes to be known."""

    __slots__ = ("_files", "_hits", "_known", "_large", "_path", "_reading")

    def __init__(self, cache: StatCache, path: str, reading: Reading) -> None:
        self._known, self._path, self._reading = cache.folder(path), path, reading
        self._files: list[tuple[str, Stamp, str]] = []
        self._large: dict[str, Stamp] = {}
        self._hits = 0

    def content(self, entry: os.DirEntry[str], folder: int, prefix: str, name: str) -> tuple[int, int, str]:
        """Return what `Reading.small` returns, from memory where the file's stamp is the same."""
        status = entry.stat(follow_symlinks=False)
        stamp = stamp_of(status)
        known = self._known.get(name)
        if known is not None and known[0] == stamp:
            self._hits += 1
            self._files.append((name, stamp, known[1]))
            return status.st_mode, status.st_size, known[1]
        mode, size, digest = self._reading.small(entry, folder, prefix, name)
        # What is younger than the scan could be written once more without a sign of it.
        if status.st_ctime_ns < self._reading.settled and status.st_dev == self._reading.device:
            if digest == LARGE_FILE:
                self._large[prefix + name] = stamp
            else:
                self._files.append((name, stamp, digest))
        return mode, size, digest

    def hand_over(self, found: Scanned) -> None:
        """Add what is new to what a task found."""
        found.large_stamps.update(self._large)
        if self._hits < max(len(self._files), len(self._known)):
            found.known[self._path] = record(self._files)


def record(files: Iterable[tuple[str, Stamp, str]]) -> bytes:
    """Return the record of a folder's files: name, stamp, digest."""
    found = list(files)
    if not found:
        return b""
    names = "/".join(name for name, _, _ in found).encode("utf-8", "surrogateescape")
    stamps = b"".join(_STAMP.pack(*stamp) for _, stamp, _ in found)
    digests = bytes.fromhex("".join(digest for _, _, digest in found))
    return _LENGTHS.pack(len(names), len(found)) + names + stamps + digests


def stamp_of(status: os.stat_result) -> Stamp:
    """Return what of a file's status changes with its content."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode
