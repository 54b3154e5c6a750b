"""What a pass over folders hands over: plain columns and framed lines, which marshal carries."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from hashtag.context.fileset import shown_mode
from hashtag.context.listing import Entry, Kind
from hashtag.images.model import Modes

FILE, FOLDER, SYMLINK, FIFO, SOCKET, DEVICE = "fdlpsc"
KINDS = {
    FILE: Kind.FILE,
    FOLDER: Kind.FOLDER,
    SYMLINK: Kind.SYMLINK,
    FIFO: Kind.FIFO,
    SOCKET: Kind.SOCKET,
    DEVICE: Kind.DEVICE,
}
LETTERS = {
    stat.S_IFREG: FILE,
    stat.S_IFDIR: FOLDER,
    stat.S_IFLNK: SYMLINK,
    stat.S_IFIFO: FIFO,
    stat.S_IFSOCK: SOCKET,
    stat.S_IFCHR: DEVICE,
    stat.S_IFBLK: DEVICE,
}
NO_CONTENT = "-"
# Stands for the digest of a file that is hashed apart.
LARGE_FILE = "?"
_UNREAD = "0" * 64
UNREAD = bytes(32)

# Name, kind, mode, size, content as in a line (empty: not read), bits of the contexts that see it.
Row: TypeAlias = tuple[str, str, int, int, str, int]
# Bytes, or what is another task's: the lines below a folder, or the digest of a file (True).
Part: TypeAlias = bytes | tuple[str, bool]
# How many, of how many bytes, and the lines in the order of their paths.
Lines: TypeAlias = tuple[int, int, list[Part]]
# Number of the Whole, path of the folder, and its Lines.
Block: TypeAlias = tuple[int, str, int, int, list[Part]]
# Path, names, kinds, modes, sizes, digests of the files, bits.
Columns: TypeAlias = tuple[str, str, str, tuple[int, ...], tuple[int, ...], bytes, tuple[int, ...]]


class Scanned:
    """
    What one task found.

    Attributes:
        folders: The columns of each that holds something visible.
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
        self.folders: list[Columns] = []
        self.targets: dict[str, str] = {}
        self.blocks: list[Block] = []
        self.rest: list[str] = []
        self.large: list[tuple[str, int]] = []
        self.known: dict[str, bytes] = {}
        self.large_stamps: dict[str, tuple[int, int, int, int, int]] = {}
        self.hashed = 0
        self.hashed_size = 0


def columns(path: str, rows: Sequence[Row], *, is_shared: bool) -> Columns:
    """Return the rows of a folder, which are in order, as columns; without the bits of an only context."""
    names, kinds, modes, sizes, contents, bits = zip(*rows, strict=True)
    letters = "".join(kinds)
    digests = "".join(contents)
    if len(digests) != 64 * len(letters) or letters != FILE * len(letters):
        pairs = zip(contents, kinds, strict=True)
        files = [content for content, kind in pairs if kind == FILE]
        digests = "".join([content if len(content) == 64 else _UNREAD for content in files])
    return path, "/".join(names), letters, modes, sizes, bytes.fromhex(digests), bits if is_shared else ()


class Heads(dict[tuple[str, int], str]):
    """What stands before the content in a line, by kind and mode."""

    def __init__(self, modes: Modes) -> None:
        super().__init__()
        self._modes = modes

    def __missing__(self, key: tuple[str, int]) -> str:
        entry = Entry("", KINDS[key[0]], key[1])
        text = self[key] = f"{entry.kind.value} {shown_mode(entry, self._modes)} "
        return text


def heads_of(modes: Modes) -> Heads:
    """Return the heads for a setting."""
    return Heads(modes)


def framed(
    rows: Sequence[Row],
    heads: Mapping[tuple[str, int], str],
    prefix: str,
    path: str,
    below: Mapping[str, Lines] | None,
    *,
    is_ascii: bool,
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
    texts = [f"{heads[kind, mode]}{content} {prefix}{name}\0" for name, kind, mode, _, content, _ in rows]
    size = sum([row[3] for row in rows])
    if not below and not has_large:
        return len(rows), size, [_encoded("".join(texts))]
    # The lines of a folder stand where its name with a slash would: `a`, `a-b`, `a/c`.
    keyed: list[tuple[str, list[Part]]] = []
    for row, text in zip(rows, texts, strict=True):
        keyed.append((row[0], _apart(text, row, path) if row[4] == LARGE_FILE else [_encoded(text)]))
    count = len(rows)
    for name, (more, bytes_below, parts) in (below or {}).items():
        keyed.append((f"{name}/", parts))
        count += more
        size += bytes_below
    keyed.sort(key=_key if is_ascii else _encoded_key)
    return count, size, _joined(part for _, parts in keyed for part in parts)


def _apart(text: str, row: Row, path: str) -> list[Part]:
    """Return the line of a large file around the place of its digest."""
    head, _, rest = text.partition(LARGE_FILE)
    return [_encoded(head), (f"{path}/{row[0]}" if path else row[0], True), _encoded(rest)]


def _joined(parts: Iterable[Part]) -> list[Part]:
    """Return parts with neighbouring bytes as one."""
    found: list[Part] = []
    run: list[bytes] = []
    for part in parts:
        if isinstance(part, bytes):
            run.append(part)
        else:
            found += (b"".join(run), part)
            run = []
    return [*found, b"".join(run)]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _key(pair: tuple[str, list[Part]]) -> str:
    return pair[0]


def _encoded_key(pair: tuple[str, list[Part]]) -> bytes:
    return pair[0].encode("utf-8", "surrogateescape")
