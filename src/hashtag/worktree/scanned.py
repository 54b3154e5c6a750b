"""What a pass over folders hands over: plain rows and framed lines, which marshal carries."""

from __future__ import annotations

import os
import stat
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from hashtag.context.fileset import shown_mode
from hashtag.context.listing import Entry, Kind
from hashtag.images.model import Modes

KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.FOLDER,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFIFO: Kind.FIFO,
    stat.S_IFSOCK: Kind.SOCKET,
    stat.S_IFCHR: Kind.DEVICE,
    stat.S_IFBLK: Kind.DEVICE,
}
NO_CONTENT = "-"
# Stands for the digest of a file that is hashed apart.
LARGE_FILE = "?"

# Name, mode with the type, size, content as in a line (empty: not read), bits of the contexts that see it.
Row: TypeAlias = tuple[str, int, int, str, int]
# What becomes a row: the entry of a file whose content is taken, its name, and the bits.
Taken: TypeAlias = tuple["os.DirEntry[str]", str, int]
# Lines, or what is another task's: the lines below a folder, or the digest of a file (True).
Part: TypeAlias = str | tuple[str, bool]
# How many, of how many bytes, and the lines in the order of their paths.
Lines: TypeAlias = tuple[int, int, list[Part]]
# Number of the Whole, path of the folder, and its Lines, encoded.
Block: TypeAlias = tuple[int, str, int, int, list[bytes | tuple[str, bool]]]


class Scanned:
    """
    What one task found.

    Attributes:
        folders: The rows of each that holds something visible, by path, in order.
        targets: Of links and devices, by path.
        blocks: Of the folders that the task began with, and of those that are taken whole.
        rest: Folders that are left to other tasks.
        large: Files that are left to other tasks, with their sizes.
        known: For the stat cache, the records of folders that it does not have so.
        large_stamps: For the stat cache, of files that are left to other tasks.
    """

    __slots__ = (
        "blocks",
        "folders",
        "hashed",
        "hashed_size",
        "known",
        "large",
        "large_stamps",
        "rest",
        "targets",
    )

    def __init__(self) -> None:
        self.folders: dict[str, list[Row]] = {}
        self.targets: dict[str, str] = {}
        self.blocks: list[Block] = []
        self.rest: list[str] = []
        self.large: list[tuple[str, int]] = []
        self.known: dict[str, bytes] = {}
        self.large_stamps: dict[str, tuple[int, int, int, int, int]] = {}
        self.hashed = 0
        self.hashed_size = 0


class Heads(dict[int, str]):
    """What stands before the content in a line, by mode with the type."""

    def __init__(self, modes: Modes) -> None:
        super().__init__()
        self._modes = modes

    def __missing__(self, mode: int) -> str:
        entry = Entry("", KINDS[stat.S_IFMT(mode)], stat.S_IMODE(mode))
        text = self[mode] = f"{entry.kind.value} {shown_mode(entry, self._modes)} "
        return text


def framed(
    rows: Sequence[Row],
    heads: Mapping[int, str],
    prefix: str,
    path: str,
    below: Mapping[str, Lines] | None,
    *,
    has_large: bool,
) -> Lines:
    """
    Return the lines of all below a folder, as `Line.framed` and the order of `lines` have them.

    Args:
        rows: In order.
        prefix: What stands before the names.
        path: Of the folder.
        below: By name, the lines of the folders in it.
        has_large: The digest of a file is another task's.
    """
    texts = [f"{heads[mode]}{content} {prefix}{name}\0" for name, mode, _, content, _ in rows]
    count, size = len(rows), sum([row[2] for row in rows])
    if not below and not has_large:
        return count, size, ["".join(texts)]
    parts: list[Part] = []
    at, order, below = 0, order_of(rows), below or {}
    names = [order(row[0]) for row in rows]
    # The lines of a folder stand where its name with a slash would: `a`, `a-b`, `a/c`.
    for place, name in sorted([(order(f"{name}/"), name) for name in below]):
        end = bisect_left(names, place)
        parts += _own(rows[at:end], texts[at:end], path, has_large=has_large)
        more, bytes_below, lines = below[name]
        parts += lines
        at, count, size = end, count + more, size + bytes_below
    parts += _own(rows[at:], texts[at:], path, has_large=has_large)
    return count, size, parts


def order_of(rows: Sequence[Row]) -> Callable[[str], str | bytes]:
    """Return what makes of a name what is in the order of its bytes."""
    # So are code points, but for the surrogates that stand for single bytes.
    return str if "".join([row[0] for row in rows]).isascii() else _encoded


def block(number: int, path: str, lines: Lines) -> Block:
    """Return lines as they are hashed, neighbouring ones as one."""
    found: list[bytes | tuple[str, bool]] = []
    run: list[str] = []
    count, size, parts = lines
    for part in parts:
        if isinstance(part, str):
            run.append(part)
        else:
            found += (_encoded("".join(run)), part)
            run = []
    return number, path, count, size, [*found, _encoded("".join(run))]


def _own(rows: Sequence[Row], texts: Sequence[str], path: str, *, has_large: bool) -> list[Part]:
    if not has_large:
        return ["".join(texts)]
    return [part for row, text in zip(rows, texts, strict=True) for part in _around_digest(row, text, path)]


def _around_digest(row: Row, text: str, path: str) -> list[Part]:
    """Return a line, that of a large file around the place of its digest."""
    if row[3] != LARGE_FILE:
        return [text]
    head, _, rest = text.partition(LARGE_FILE)
    return [head, (f"{path}/{row[0]}" if path else row[0], True), rest]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
