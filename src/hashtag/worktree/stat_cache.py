"""The stat cache: digests of files that were hashed before and whose status has not changed since.

One file a walked root, in the user's own cache folder: a line that names the format, the SHA-256 of all
that follows, and plain columns. What is owned by another, writable by others, damaged or of another
version counts as empty, and is written anew.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag.worktree.cache_file import cache_path, read_cache, write_cache
from hashtag.worktree.scanned import LARGE_FILE
from hashtag.worktree.stamp import Stamp, stamp_of

if TYPE_CHECKING:
    from hashtag.worktree.hashing import Reading
    from hashtag.worktree.scanned import Row, Scanned, Taken

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

    def digests(self, path: str, start: bytes) -> str | None:
        """Return the digests of a folder's record if it starts so, which is names and stamps."""
        at = self._at.get(path)
        if at is None or not self._body.startswith(start, at):
            return None
        _, count = _LENGTHS.unpack_from(start)
        at += len(start)
        return self._body[at : at + 32 * count].hex()

    def raw(self, path: str) -> bytes:
        """Return the record of a folder; empty where there is none."""
        at = self._at.get(path)
        return b"" if at is None else self._raw(at)

    def _raw(self, at: int) -> bytes:
        size, count = _LENGTHS.unpack_from(self._body, at)
        return self._body[at : at + _LENGTHS.size + size + count * (_STAMP.size + 32)]


class Memory:
    """Reads the files of folders, but for those that are known, and notes what comes to be known."""

    def __init__(self, cache: StatCache, reading: Reading) -> None:
        self._cache, self._reading = cache, reading

    def rows(self, taken: Sequence[Taken], folder: int, path: str, found: Scanned) -> list[Row]:
        """
        Return the rows of files.

        Args:
            taken: Of one folder.
            folder: Its descriptor.
            path: Of the folder.
            found: Told what is new.
        """
        statuses = [entry.stat(follow_symlinks=False) for entry, _, _ in taken]
        stamps = [stamp_of(status) for status in statuses]
        texts = self._cache.digests(path, _names_and_stamps([name for _, name, _ in taken], stamps))
        if texts is None:
            return self._rows(taken, statuses, folder, path, found)
        digests = [texts[at : at + 64] for at in range(0, len(texts), 64)]
        return [
            (name, status.st_mode, status.st_size, digest, bits)
            for (_, name, bits), status, digest in zip(taken, statuses, digests, strict=True)
        ]

    def _rows(
        self,
        taken: Sequence[Taken],
        statuses: Sequence[os.stat_result],
        folder: int,
        path: str,
        found: Scanned,
    ) -> list[Row]:
        known, prefix = self._cache.folder(path), f"{path}/" if path else ""
        rows: list[Row] = []
        files: list[tuple[str, Stamp, str]] = []
        for (entry, name, bits), status in zip(taken, statuses, strict=True):
            stamp = stamp_of(status)
            before, digest = known.get(name, (None, ""))
            mode, size = status.st_mode, status.st_size
            if before != stamp:
                mode, size, digest = self._reading.small(entry, folder, prefix, name)
            rows.append((name, mode, size, digest, bits))
            # What is younger than the scan could be written once more without a sign of it.
            if digest == LARGE_FILE and self._reading.is_settled(status):
                found.large_stamps[prefix + name] = stamp
            elif before == stamp or self._reading.is_settled(status):
                files.append((name, stamp, digest))
        new = record(files)
        if new != self._cache.raw(path):
            found.known[path] = new
        return rows


def record(files: Iterable[tuple[str, Stamp, str]]) -> bytes:
    """Return the record of a folder's files: name, stamp, digest."""
    found = list(files)
    if not found:
        return b""
    digests = bytes.fromhex("".join([digest for _, _, digest in found]))
    return _names_and_stamps([name for name, _, _ in found], [stamp for _, stamp, _ in found]) + digests


def _names_and_stamps(names: Sequence[str], stamps: Sequence[Stamp]) -> bytes:
    text = "/".join(names).encode("utf-8", "surrogateescape")
    packed = b"".join([_STAMP.pack(*stamp) for stamp in stamps])
    return _LENGTHS.pack(len(text), len(names)) + text + packed
