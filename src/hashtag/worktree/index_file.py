"""Git's index file: which paths git compares by their status alone.

Source: git 2.39, Documentation/gitformat-index.txt.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_HEADER = struct.Struct(">4sLL")
_EXTENSION = struct.Struct(">4sL")
_ASSUMED_VALID, _EXTENDED, _STAGE = 0x8000, 0x4000, 0x3000
_SKIPPED_OR_INTENDED = 0x6000
_FILE_OR_LINK = (0o10, 0o12)


class IndexFile(NamedTuple):
    """
    What an index says of its entries.

    Attributes:
        compared: The paths, relative to the work tree, of the files and links that are looked at: none
            that is assumed to be unchanged, skipped, only intended to be added, in conflict or a submodule.
        newest: The latest mtime of a file or link, in whole seconds.
    """

    compared: frozenset[bytes]
    newest: int


def read_index(content: bytes, hash_size: int) -> IndexFile:
    """
    Return what an index file says.

    Args:
        hash_size: Of the repository's object ids, in bytes.

    Raises:
        ValueError: It is none, or of a kind that is not known here: split, sparse, of a new version.
    """
    try:
        return _read(content, hash_size)
    except (struct.error, IndexError) as error:
        raise ValueError("an index file that ends early") from error


def _read(content: bytes, hash_size: int) -> IndexFile:
    signature, version, count = _HEADER.unpack_from(content)
    if signature != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("no index file that is known")
    entry = struct.Struct(f">8xL12xL{12 + hash_size}xH")
    compared, newest = [], 0
    at, path = _HEADER.size, b""
    for _ in range(count):
        mtime, mode, flags = entry.unpack_from(content, at)
        start = at + entry.size
        more = 0
        if flags & _EXTENDED:
            more = int.from_bytes(content[start : start + 2], "big")
            start += 2
        if version == 4:
            kept, start = _kept(content, start, len(path))
            end = content.index(b"\0", start)
            path = path[:kept] + content[start:end]
            at = end + 1
        else:
            end = content.index(b"\0", start)
            path = content[start:end]
            at += (end - at + 8) & ~7  # one to eight NULs
        if mode >> 12 in _FILE_OR_LINK:
            newest = max(newest, mtime)
            if not (flags & (_ASSUMED_VALID | _STAGE) or more & _SKIPPED_OR_INTENDED):
                compared.append(path)
    _check_extensions(content, at, len(content) - hash_size)
    return IndexFile(frozenset(compared), newest)


def _kept(content: bytes, at: int, length: int) -> tuple[int, int]:
    """Return how many bytes of the path before are kept in version 4, and where the rest begins."""
    byte = content[at]
    cut = byte & 0x7F
    while byte & 0x80:
        at += 1
        byte = content[at]
        cut = ((cut + 1) << 7) + (byte & 0x7F)
    if cut > length:
        raise ValueError("no path in an index file")
    return length - cut, at + 1


def _check_extensions(content: bytes, at: int, end: int) -> None:
    """Raise ValueError for what changes the meaning of the entries: those with small letters."""
    while at < end:
        name, size = _EXTENSION.unpack_from(content, at)
        if not name[:1].isupper():
            raise ValueError(f"an index file with {name!r}")
        at += _EXTENSION.size + size
    if at != end:
        raise ValueError("an index file that ends early")
