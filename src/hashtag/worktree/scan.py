"""One pass over folders: what is in them, what ignore rules leave, and the content of what is taken whole."""

from __future__ import annotations

import math
import os
import stat
import time
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag.errors import UnreadableFile
from hashtag.worktree.descent import NAMES_ARE_UTF8, Descent, read_error, shown
from hashtag.worktree.hashing import Reading
from hashtag.worktree.scanned import (
    LARGE_FILE,
    NO_CONTENT,
    Heads,
    Row,
    Scanned,
    Taken,
    block,
    framed,
    order_of,
)
from hashtag.worktree.stat_cache import Memory
from hashtag.worktree.views import State, States

if TYPE_CHECKING:
    from hashtag.worktree.scanned import Lines
    from hashtag.worktree.stat_cache import StatCache
    from hashtag.worktree.views import Views


_MOST_SECONDS = 0.03


class _Folder:
    """A folder that is being read; its rows are complete when all below it is done."""

    __slots__ = ("below", "has_large", "mode", "name", "path", "rows", "state", "waiting")

    def __init__(self, name: str, path: str, mode: int, state: State) -> None:
        self.name, self.path, self.mode, self.state = name, path, mode, state
        self.rows: list[Row] = []
        self.has_large = False
        self.waiting: list[_Folder] = []
        # For each Whole, by the name of a folder in this one, the lines below that.
        self.below: dict[int, dict[str, Lines]] = {}


class Scanner:
    """
    Reads folders below a root, task by task.

    Args:
        root: Opened through symbolic links; below it none is followed.
        views: The contexts, and the folders that are taken whole: files in these are hashed at once.
        cache: Asked before a file is opened.
    """

    def __init__(self, root: Path, views: Views, cache: StatCache | None = None) -> None:
        self._descent = Descent(root)
        self._states = States(views)
        self._is_shared = len(views.contexts) > 1
        self._heads = [Heads(whole.modes) for whole in views.wholes]
        self._reading = Reading(root)
        self._memory = Memory(cache, self._reading) if cache is not None else None
        self._found = Scanned()
        self._spent = 0
        self._start = 0.0

    def close(self) -> None:
        """Close all folders."""
        self._descent.close()

    def scan(self, folders: list[str], most: float) -> Scanned:
        """
        Return what is in the folders and below them.

        Args:
            most: After so many entries, folders that nothing excludes are left to others.

        Raises:
            UnreadableFile: For a folder that may not be listed, unless it is excluded.
            FileChanged: For what vanishes or changes meanwhile.
        """
        found = self._found = Scanned()
        self._spent = 0
        self._start = time.monotonic()
        for at, path in enumerate(folders):
            if self._is_over(most):
                found.rest.extend(folders[at:])
                break
            self._descent.go_to(path)
            self._scan(_Folder("", path, 0, self._states.of(path)), most)
        return found

    def _is_over(self, most: float) -> bool:
        """Whether a task has gone on for long enough: by its entries, or on a slow disk by the clock."""
        return self._spent >= most or (most < math.inf and time.monotonic() - self._start > _MOST_SECONDS)

    def _scan(self, top: _Folder, most: float) -> None:
        stack = [top]
        self._read(top)
        self._spent += len(top.rows) + 1
        while stack:
            folder = stack[-1]
            if folder.waiting:
                self._go_on(folder, stack, most)
            else:
                stack.pop()
                self._finish(folder, stack[-1] if stack else None)
                if stack:
                    self._descent.leave()

    def _go_on(self, folder: _Folder, stack: list[_Folder], most: float) -> None:
        child = folder.waiting.pop()
        if self._is_over(most) and not child.state.excluded and child.state.seen:
            self._found.rest.append(child.path)
            _add_row(folder, child, child.state.bits)
            for number, _, _ in child.state.wholes:
                folder.below.setdefault(number, {})[child.name] = (0, 0, [(child.path, False)])
        elif self._enter(child):
            stack.append(child)
            self._read(child)
            self._spent += len(child.rows) + 1

    def _enter(self, child: _Folder) -> bool:
        try:
            self._descent.enter(child.name)
        except UnreadableFile:
            # fsutil filter.go: what is excluded need not be readable.
            if not child.state.excluded or child.state.excluded != child.state.bits:
                raise
            return False
        return True

    def _read(self, folder: _Folder) -> None:
        """Add a row for all but the folders in it, which have to wait."""
        descent, state, path = self._descent, folder.state, folder.path
        descriptor = descent.descriptor
        prefix = f"{path}/" if path else ""
        bits, excludes, hashed = state.bits, state.excludes, state.hashed
        taken: list[Taken] = []
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    name = entry.name if NAMES_ARE_UTF8 else _in_utf8(entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        self._wait(folder, entry, name, prefix + name)
                        continue
                    if excludes is not None:
                        bits = state.bits & ~excludes(name)
                    if not bits:
                        continue
                    if bits & hashed and entry.is_file(follow_symlinks=False):
                        taken.append((entry, name, bits))
                    else:
                        folder.rows.append(self._listed(entry, name, prefix, descriptor, bits))
            if taken:
                self._take(folder, taken, descriptor, prefix)
        except OSError as error:
            raise read_error(error, shown(descent.root, path)) from error

    def _take(self, folder: _Folder, taken: list[Taken], descriptor: int, prefix: str) -> None:
        """Add a row with the content for each file, and note the large ones."""
        found = self._found
        if self._memory is not None:
            rows = self._memory.rows(taken, descriptor, folder.path, found)
        else:
            rows, small = [], self._reading.small
            for entry, name, bits in taken:
                mode, size, digest = small(entry, descriptor, prefix, name)
                rows.append((name, mode, size, digest, bits))
        folder.rows += rows
        large = [(prefix + row[0], row[2]) for row in rows if row[3] == LARGE_FILE]
        folder.has_large = bool(large)
        found.large += large
        found.hashed += len(taken) - len(large)
        found.hashed_size += sum([row[2] for row in rows]) - sum([size for _, size in large])

    def _wait(self, folder: _Folder, entry: os.DirEntry[str], name: str, path: str) -> None:
        state = self._states.enter(folder.state, name, path)
        if state is None:
            return
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
        except OSError as error:
            raise read_error(error, shown(self._descent.root, path)) from error
        folder.waiting.append(_Folder(name, path, mode, state))

    def _listed(self, entry: os.DirEntry[str], name: str, prefix: str, descriptor: int, bits: int) -> Row:
        try:
            status = entry.stat(follow_symlinks=False)
            mode = status.st_mode
            if stat.S_ISREG(mode):
                return name, mode, status.st_size, "", bits
            if stat.S_ISLNK(mode):
                target = os.readlink(os.fsencode(entry.name), dir_fd=descriptor)
            elif stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                target = _device(status)
            else:
                return name, mode, 0, NO_CONTENT, bits
        except OSError as error:
            raise read_error(error, shown(self._descent.root, prefix + name)) from error
        self._found.targets[prefix + name] = target.decode("utf-8", "surrogateescape")
        return name, mode, 0, sha256(target).hexdigest(), bits

    def _finish(self, folder: _Folder, above: _Folder | None) -> None:
        """Frame the lines of a folder that is complete, and hand them to the one above."""
        rows, state, found = folder.rows, folder.state, self._found
        order = order_of(rows)
        if rows:
            rows.sort(key=_name if order is str else lambda row: order(row[0]))
            found.folders[folder.path] = rows
        for number, bit, prefix in state.wholes:
            seen = [row for row in rows if row[4] & bit] if self._is_shared else rows
            below = folder.below.get(number)
            lines = framed(seen, self._heads[number], prefix, folder.path, below, has_large=folder.has_large)
            if above is not None and prefix:
                above.below.setdefault(number, {})[folder.name] = lines
            else:
                found.blocks.append(block(number, folder.path, lines))
        if above is not None:
            bits = state.bits
            if state.excluded:
                shown_bits = 0
                for row in rows:
                    shown_bits |= row[4]
                bits &= ~state.excluded | shown_bits
            _add_row(above, folder, bits)


def _add_row(above: _Folder, folder: _Folder, bits: int) -> None:
    # A context that begins with this folder does not hold it.
    bits &= above.state.bits
    if bits:
        above.rows.append((folder.name, folder.mode, 0, NO_CONTENT, bits))


_name = itemgetter(0)


def _in_utf8(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def _device(status: os.stat_result) -> bytes:
    letter = "c" if stat.S_ISCHR(status.st_mode) else "b"
    return f"{letter}:{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}".encode()
