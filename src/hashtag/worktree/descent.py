"""Standing in folders below a root, one open step at a time, so that no symbolic link leads out."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from hashtag.errors import FileChanged, HashtagError, UnreadableFile

NAMES_ARE_UTF8 = sys.getfilesystemencoding().lower() == "utf-8"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MOST_OPEN = 64
# What another process's rename, removal or replacement looks like from here.
_CHANGED = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ESTALE, errno.ENXIO}


def encoded(name: str) -> bytes:
    """Return the bytes on disk of a name or path of a listing."""
    return name.encode("utf-8", "surrogateescape")


def shown(root: Path, path: str) -> str:
    r"""Return `root/path` as it can be printed: bytes that are not UTF-8 as `\xNN`."""
    whole = os.fsencode(root) + (b"/" + encoded(path) if path else b"")
    return whole.decode("utf-8", "backslashreplace")


def read_error(error: OSError, where: str) -> HashtagError:
    """Return what an error below the root means: the tree changed, or cannot be read."""
    if error.errno in _CHANGED:
        return FileChanged(
            "it vanished or was replaced while the build context was read",
            where=where,
            hint="run again when nothing writes to the build context",
        )
    return unreadable(error, where)


def unreadable(error: OSError, where: str) -> UnreadableFile:
    """Return the error for what is missing, denied or of another kind from the start."""
    reason = (error.strerror or "unknown error").lower()
    hint = f"check the rights: ls -ld {_word(where)}" if error.errno in {errno.EACCES, errno.EPERM} else ""
    return UnreadableFile(f"cannot be read: {reason}", where=where, hint=hint)


def _word(path: str) -> str:
    """Return a path as a shell reads it, on one line."""
    if path.isprintable():
        return shlex.quote(path)
    inner = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in path.replace("\\", "\\\\"))
    return "$'" + inner.replace("'", "\\'") + "'"


class _Step:
    """A folder on the way; its identity is asked for once its descriptor is let go."""

    __slots__ = ("descriptor", "identity", "name")

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self.descriptor: int | None = descriptor
        self.identity: tuple[int, int] | None = None


class Descent:
    """
    The folder one stands in, as a descriptor, and the way back to the root.

    The root is opened through symbolic links; below it none is followed. Few descriptors are held
    however deep the tree: an ancestor let go is opened again as `..`, and must be the same folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            descriptor = os.open(root, _FOLDER)
        except OSError as error:
            raise unreadable(error, shown(root, "")) from error
        self._steps = [_Step("", descriptor)]
        self._first_open = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all folders."""
        for step in self._steps:
            if step.descriptor is not None:
                os.close(step.descriptor)
        self._steps.clear()

    @property
    def descriptor(self) -> int:
        """The folder one stands in."""
        descriptor = self._steps[-1].descriptor
        assert descriptor is not None  # noqa: S101 - the last step is always open
        return descriptor

    @property
    def folder(self) -> str:
        """Its path, relative to the root."""
        return "/".join(step.name for step in self._steps[1:])

    def enter(self, name: str) -> None:
        """Step into a folder; FileChanged if it is one no more, UnreadableFile without the right."""
        try:
            descriptor = os.open(encoded(name), _FOLDER | os.O_NOFOLLOW, dir_fd=self.descriptor)
        except OSError as error:
            raise read_error(error, shown(self.root, f"{self.folder}/{name}".lstrip("/"))) from error
        self._steps.append(_Step(name, descriptor))
        if len(self._steps) - self._first_open > _MOST_OPEN:
            self._let_go(self._steps[self._first_open])

    def leave(self) -> None:
        """Step back into the folder above."""
        below = self._steps.pop()
        above = self._steps[-1]
        assert below.descriptor is not None  # noqa: S101 - the last step is always open
        try:
            if above.descriptor is None:
                self._take_again(above, below.descriptor)
        finally:
            os.close(below.descriptor)

    def go_to(self, folder: str) -> None:
        """Stand in `folder`, by the shortest way from where one stands."""
        names = folder.split("/") if folder else []
        shared = 0
        for step, name in zip(self._steps[1:], names, strict=False):
            if step.name != name:
                break
            shared += 1
        while len(self._steps) - 1 > shared:
            self.leave()
        for name in names[shared:]:
            self.enter(name)

    def _let_go(self, step: _Step) -> None:
        if step.descriptor is not None:
            step.identity = _identity(step.descriptor)
            os.close(step.descriptor)
        step.descriptor = None
        self._first_open += 1

    def _take_again(self, above: _Step, below: int) -> None:
        descriptor = os.open("..", _FOLDER, dir_fd=below)
        above.descriptor = descriptor
        self._first_open -= 1
        if _identity(descriptor) != above.identity:
            raise FileChanged("it was moved while it was read", where=shown(self.root, self.folder))


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
