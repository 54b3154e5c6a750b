"""Reading one whole file of the repository, bounded."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hashtag.errors import FileChanged, UnreadableFile
from hashtag.worktree.descent import Descent, encoded, read_error, shown, unreadable

# O_NONBLOCK: a FIFO must not hold us up before it is refused.
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
# As many as Linux itself follows.
_MOST_LINKS = 40


def read_file(path: Path, *, limit: int) -> bytes:
    """
    Return the content of a file, which may be a link to one.

    Args:
        path: The file.
        limit: Bytes; a longer file is an error.

    Raises:
        UnreadableFile: If it is missing, not a file, denied or too long.
    """
    where = shown(path, "")
    try:
        descriptor = os.open(path, _OPEN)
    except OSError as error:
        raise unreadable(error, where) from error
    return _content(descriptor, where, limit)


def read_file_inside(root: Path, path: str, *, limit: int) -> bytes:
    """
    Return the content of a file below `root`; no link leads out of it.

    As BuildKit does for paths of a build context, links are resolved as if `root` were `/`: absolute
    targets start there, and `..` stops there.

    Raises:
        UnreadableFile: If it is missing, not a file, denied or too long.
        FileChanged: If it is replaced meanwhile.
    """
    where = shown(root, path)
    with Descent(root) as descent:
        name = _final_name(descent, path, where)
        try:
            descriptor = os.open(encoded(name), _OPEN | os.O_NOFOLLOW, dir_fd=descent.descriptor)
        except OSError as error:
            raise read_error(error, where) from error
        return _content(descriptor, where, limit)


def is_file_inside(root: Path, path: str) -> bool:
    """Return whether `read_file_inside` finds a file; raise UnreadableFile if even that is denied."""
    where = shown(root, path)
    with Descent(root) as descent:
        try:
            name = _final_name(descent, path, where)
            status = os.lstat(encoded(name), dir_fd=descent.descriptor)
        except (FileNotFoundError, _Nowhere):
            return False
        except OSError as error:
            raise unreadable(error, where) from error
        return stat.S_ISREG(status.st_mode)


class _Nowhere(UnreadableFile):
    """A path that leads to a folder, to nothing, or in circles."""


def _final_name(descent: Descent, path: str, where: str) -> str:
    """Stand in the folder that holds what `path` leads to, and return its name there."""
    names = _names(path)
    links = 0
    while names:
        name = names.pop()
        target = _link_target(descent, name, where)
        if target is not None:
            links += 1
            if links > _MOST_LINKS:
                raise _Nowhere("cannot be read: too many levels of symbolic links", where=where)
            names += _names(target)
            if target.startswith("/"):
                descent.go_to("")
        elif name == "..":
            descent.go_to(descent.folder.rpartition("/")[0])
        elif not names:
            return name
        else:
            _enter(descent, name, where)
    raise _Nowhere("cannot be read: it is a folder", where=where)


def _names(path: str) -> list[str]:
    """Return the components, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in {"", "."}]


def _enter(descent: Descent, name: str, where: str) -> None:
    try:
        descent.enter(name)
    except FileChanged as error:
        raise _Nowhere("cannot be read: a folder on the way to it is missing", where=where) from error


def _link_target(descent: Descent, name: str, where: str) -> str | None:
    if name == "..":
        return None
    try:
        status = os.lstat(encoded(name), dir_fd=descent.descriptor)
        if not stat.S_ISLNK(status.st_mode):
            return None
        return os.readlink(encoded(name), dir_fd=descent.descriptor).decode("utf-8", "surrogateescape")
    except FileNotFoundError as error:
        raise _Nowhere("cannot be read: no such file or directory", where=where) from error
    except OSError as error:
        raise unreadable(error, where) from error


def _content(descriptor: int, where: str, limit: int) -> bytes:
    """Return what an open file holds, and close it."""
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a file"
            raise UnreadableFile(f"cannot be read: it is {kind}", where=where)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise unreadable(error, where) from error
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise UnreadableFile(f"is longer than {limit} bytes", where=where)
    return content
