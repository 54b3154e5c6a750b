"""Trees: what a walk found, kept as it came, and looked into only where it is asked for."""

from __future__ import annotations

import marshal
import stat
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from hashtag.context.fileset import FileSet, Line
from hashtag.context.listing import Entry, Kind, Listing
from hashtag.worktree.scanned import KINDS, LARGE_FILE, Row, Scanned
from hashtag.worktree.views import Views

_NO_DIGESTS = ("", LARGE_FILE)
_WITH_TARGET = (Kind.SYMLINK, Kind.DEVICE)


class Tree:
    """The folders that one walk read, for all its contexts."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._packed: list[bytes] = []
        self._folders: dict[str, list[Row]] = {}
        self._blocks: dict[tuple[int, str], tuple[int, int, list[bytes | tuple[str, bool]]]] = {}
        self.targets: dict[str, str] = {}
        # Of the files that were hashed apart from their folders.
        self.digests: dict[str, str] = {}
        # For the stat cache, as in Scanned.
        self.known: dict[str, bytes] = {}
        self.large_stamps: dict[str, tuple[int, int, int, int, int]] = {}

    def add(self, found: Scanned) -> None:
        """Add what a task in this process found."""
        self._add(found)
        self._folders.update(found.folders)

    def add_packed(self, found: Scanned, folders: bytes) -> None:
        """Add what a task of another process found; its folders are unpacked when one is asked for."""
        self._add(found)
        self._packed.append(folders)

    def _add(self, found: Scanned) -> None:
        self.targets.update(found.targets)
        self.known.update(found.known)
        self.large_stamps.update(found.large_stamps)
        for number, path, count, size, parts in found.blocks:
            self._blocks[number, path] = (count, size, parts)

    def folder(self, path: str) -> list[Row]:
        """Return the rows of a folder; none where it holds nothing visible."""
        while path not in self._folders and self._packed:
            self._folders.update(marshal.loads(self._packed.pop()))  # noqa: S302  # a worker of ours wrote it
        return self._folders.get(path, [])

    def file_set(self, number: int) -> FileSet | None:
        """Return what a Whole holds; None where there is no such folder, or nothing in it."""
        start = self._views.wholes[number].folder
        # The folder itself, of which only the content is meant.
        hasher = sha256(Line("", Kind.FOLDER.value, "-", "-").framed())
        count = size = 0
        waiting: list[Iterator[bytes | tuple[str, bool]]] = [iter(((start, False),))]
        while waiting:
            part = next(waiting[-1], None)
            match part:
                case None:
                    waiting.pop()
                case bytes():
                    hasher.update(part)
                case (path, True):
                    hasher.update(self.digests[path].encode())
                case (path, _):
                    if (number, path) in self._blocks:
                        # Once read it is of no more use.
                        more, bytes_below, parts = self._blocks.pop((number, path))
                        count += more
                        size += bytes_below
                        waiting.append(iter(parts))
        return FileSet(hasher.hexdigest(), count, size) if count else None

    def listing(self, view: int, name: str = "") -> TreeListing:
        """Return the listing of a context; `name` as in `Listing`."""
        return TreeListing(self, view, self._views.contexts[view].folder, name)


class TreeListing(Listing):
    """The visible entries of one context of a tree."""

    def __init__(self, tree: Tree, view: int, start: str, name: str) -> None:
        super().__init__({}, name=name)
        self._tree, self._bit = tree, 1 << view
        self._start = start
        self._read: dict[str, dict[str, Entry]] = {}
        self._hashed: dict[str, dict[str, str]] = {}

    def __getitem__(self, path: str) -> Entry:
        folder, _, name = path.rpartition("/")
        return self._folder(folder)[name]

    def __iter__(self) -> Iterator[str]:
        waiting = [iter(self._folder("").values())]
        while waiting:
            entry = next(waiting[-1], None)
            if entry is None:
                waiting.pop()
                continue
            yield entry.path
            if entry.kind is Kind.FOLDER:
                waiting.append(iter(self._folder(entry.path).values()))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def children(self, folder: str) -> list[str]:
        """Return the names in a folder (`""` is the root), in byte order."""
        return list(self._folder(folder))

    def digest(self, path: str) -> str | None:
        """Return the SHA-256 of a file that was hashed on the walk, in hex."""
        folder, _, name = path.rpartition("/")
        if name not in self._folder(folder):
            return None
        digest = self._digests(folder).get(name)
        # Of the others it was not read with its folder, if at all.
        return self._tree.digests.get(self._at(path)) if digest in _NO_DIGESTS else digest

    def _digests(self, folder: str) -> dict[str, str]:
        if folder not in self._hashed:
            rows = self._tree.folder(self._at(folder))
            self._hashed[folder] = {name: content for name, mode, _, content, _ in rows if stat.S_ISREG(mode)}
        return self._hashed[folder]

    def _at(self, path: str) -> str:
        return f"{self._start}/{path}".strip("/") if self._start else path

    def _folder(self, path: str) -> dict[str, Entry]:
        if path not in self._read:
            self._read[path] = self._decoded(path, self._tree.folder(self._at(path)))
        return self._read[path]

    def _decoded(self, folder: str, rows: Iterable[Row]) -> dict[str, Entry]:
        prefix = f"{folder}/" if folder else ""
        targets, at = self._tree.targets, self._at(folder)
        found = {}
        for name, mode, size, _, bits in rows:
            if bits & self._bit:
                kind = KINDS[stat.S_IFMT(mode)]
                target = targets[f"{at}/{name}" if at else name] if kind in _WITH_TARGET else ""
                found[name] = Entry(prefix + name, kind, stat.S_IMODE(mode), size, target)
        return found


class TreeContents(Mapping[str, str]):
    """The digests of the files of a listing that were hashed on the walk, by path."""

    def __init__(self, listing: TreeListing) -> None:
        self._listing = listing

    def __getitem__(self, path: str) -> str:
        digest = self._listing.digest(path)
        if digest is None:
            raise KeyError(path)
        return digest

    def __contains__(self, path: Any) -> bool:
        return self._listing.digest(path) is not None

    def __iter__(self) -> Iterator[str]:
        return (path for path in self._listing if path in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
