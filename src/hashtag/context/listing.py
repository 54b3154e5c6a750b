"""Listings: what a build context holds, without the contents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What an entry of a file system is; the value is what stands in a file set."""

    FILE = "file"
    FOLDER = "dir"
    SYMLINK = "symlink"
    FIFO = "fifo"
    SOCKET = "socket"
    DEVICE = "device"


class Entry(NamedTuple):
    """
    One entry of a build context.

    Attributes:
        path: Relative to the context, with `/`, undecodable bytes as surrogate escapes.
        mode: The permission bits with setuid, setgid and sticky, as they are on disk.
        size: In bytes; 0 for all but files.
        target: The text of a symbolic link; `c:MAJOR:MINOR` or `b:MAJOR:MINOR` of a device.
    """

    path: str
    kind: Kind
    mode: int
    size: int = 0
    target: str = ""


class Listing(Mapping[str, Entry]):
    """
    The visible entries of one context by path, in byte order of their paths' components.

    The context's root itself is not an entry. A folder that is ignored but holds visible
    entries is one.
    """

    def __init__(self, entries: Mapping[str, Entry], *, name: str = "") -> None:
        self._entries = entries
        self._children: dict[str, list[str]] | None = None
        self.name = name

    def __getitem__(self, path: str) -> Entry:
        return self._entries[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def children(self, folder: str) -> list[str]:
        """Return the names in a folder (`""` is the root), in byte order."""
        if self._children is None:
            self._children = _by_folder(self._entries)
        return self._children.get(folder, [])


def _by_folder(entries: Mapping[str, Entry]) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {}
    for path in entries:
        folder, _, name = path.rpartition("/")
        children.setdefault(folder, []).append(name)
    for names in children.values():
        names.sort(key=lambda name: name.encode("utf-8", "surrogateescape"))
    return children
