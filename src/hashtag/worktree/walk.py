"""One walk over a build context, which follows no link and opens nothing but folders."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hashtag.context.listing import Entry, Kind, Listing
from hashtag.errors import UnreadableFile
from hashtag.worktree.descent import Descent, encoded, read_error, shown

if TYPE_CHECKING:
    from hashtag.context.ignore import IgnoreRules
    from hashtag.context.ignore_verdict import Verdict

_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.FOLDER,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFIFO: Kind.FIFO,
    stat.S_IFSOCK: Kind.SOCKET,
    stat.S_IFCHR: Kind.DEVICE,
    stat.S_IFBLK: Kind.DEVICE,
}
_NAMES_ARE_UTF8 = sys.getfilesystemencoding().lower() == "utf-8"


def read_listing(context: Path, rules: IgnoreRules | None = None, *, name: str = "") -> Listing:
    """
    Return the entries of a context that the rules leave in.

    Args:
        context: The folder; itself opened through symbolic links, below it none is followed.
        rules: Its ignore rules; None: everything is in.
        name: Of a named context; empty for the main one.

    Raises:
        UnreadableFile: For a folder that may not be listed, unless it is excluded.
        FileChanged: For what vanishes meanwhile.
    """
    root = rules.root if rules is not None and rules.patterns else None
    with Descent(context) as descent:
        return Listing({entry.path: entry for entry in _walk(descent, root)}, name=name)


class _Found(NamedTuple):
    name: str
    entry: Entry
    verdict: Verdict | None


def _walk(descent: Descent, root: Verdict | None) -> Iterator[Entry]:
    """Yield the visible entries; an excluded folder once something in it shows, as fsutil filter.go does."""
    # Excluded folders on the way down that nothing has shown in yet.
    pending: list[Entry] = []
    levels = [_scan(descent, "", root)]
    while levels:
        found = next(levels[-1], None)
        if found is None:
            levels.pop()
            if levels:
                _leave(descent, pending)
            continue
        if found.verdict is not None and found.verdict.is_excluded:
            pending.append(found.entry)
        else:
            yield from pending
            pending.clear()
            yield found.entry
        if found.entry.kind is not Kind.FOLDER:
            continue
        if _enter(descent, found):
            levels.append(_scan(descent, found.entry.path, found.verdict))
        else:
            pending.pop()


def _enter(descent: Descent, folder: _Found) -> bool:
    try:
        descent.enter(folder.name)
    except UnreadableFile:
        # fsutil filter.go: what is excluded need not be readable.
        if folder.verdict is None or not folder.verdict.is_excluded:
            raise
        return False
    return True


def _leave(descent: Descent, pending: list[Entry]) -> None:
    if pending and pending[-1].path == descent.folder:
        pending.pop()
    descent.leave()


def _scan(descent: Descent, folder: str, verdict: Verdict | None) -> Iterator[_Found]:
    """Return what is to be looked at in the folder one stands in, in byte order of the names."""
    prefix = f"{folder}/" if folder else ""
    found = []
    try:
        with os.scandir(descent.descriptor) as entries:
            for entry in entries:
                name = _name(entry)
                below: Verdict | None = None
                if verdict is not None:
                    if not entry.is_dir(follow_symlinks=False):
                        if verdict.excludes(name):
                            continue
                    elif not (below := verdict.enter(name)).is_entered:
                        continue
                found.append(_Found(name, _entry(descent, entry, prefix + name), below))
    except OSError as error:
        raise read_error(error, shown(descent.root, folder)) from error
    found.sort(key=lambda each: encoded(each.name))
    return iter(found)


def _name(entry: os.DirEntry[str]) -> str:
    if _NAMES_ARE_UTF8:
        return entry.name
    return os.fsencode(entry.name).decode("utf-8", "surrogateescape")


def _entry(descent: Descent, entry: os.DirEntry[str], path: str) -> Entry:
    try:
        status = entry.stat(follow_symlinks=False)
        kind = _KINDS[stat.S_IFMT(status.st_mode)]
        mode = stat.S_IMODE(status.st_mode)
        match kind:
            case Kind.FILE:
                return Entry(path, kind, mode, status.st_size)
            case Kind.SYMLINK:
                return Entry(path, kind, mode, 0, _target(descent, path))
            case Kind.DEVICE:
                return Entry(path, kind, mode, 0, _device(status))
            case _:
                return Entry(path, kind, mode)
    except OSError as error:
        raise read_error(error, shown(descent.root, path)) from error


def _target(descent: Descent, path: str) -> str:
    name = encoded(path.rpartition("/")[2])
    return os.readlink(name, dir_fd=descent.descriptor).decode("utf-8", "surrogateescape")


def _device(status: os.stat_result) -> str:
    letter = "c" if stat.S_ISCHR(status.st_mode) else "b"
    return f"{letter}:{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
