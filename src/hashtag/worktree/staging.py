"""Staging: a folder that holds what was selected of a build context, and nothing else."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from attrs import define

from hashtag.context.fileset import normalised_mode
from hashtag.context.listing import Entry, Kind, Listing
from hashtag.errors import FileChanged, HashtagError, StalePlan, UnsupportedBuild
from hashtag.images.model import Modes
from hashtag.worktree.capabilities import keep_capability
from hashtag.worktree.descent import Descent, encoded, read_error, shown

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_WRITE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1024 * 1024
# linux/fs.h, FICLONE: the new file shares the old one's blocks until either is written to.
_FICLONE = 0x40049409


def stage(
    target: Path,
    context: Path,
    paths: Collection[str],
    listing: Listing,
    contents: Mapping[str, str],
    modes: Modes,
) -> None:
    """
    Make the folder `target`, a copy of these entries of a context.

    Modes are the normalised ones, times are kept, and every file has the content that was hashed. No
    link is followed: neither in the context, nor in the copy.

    Args:
        target: Is made; its parent is the caller's alone.
        context: The folder that was listed.
        paths: Of the listing, each with all folders above it.
        contents: SHA-256 of each file, in hex, by its path.

    Raises:
        StalePlan: A file is not what was hashed any more.
        UnsupportedBuild: A device, which only root can make.
    """
    target.mkdir(mode=0o755)
    # A folder before what is in it.
    entries = [listing[path] for path in sorted(paths, key=lambda path: path.split("/"))]
    try:
        with Descent(context) as source, Descent(target) as copy:
            staging = _Staging(source, copy, contents, modes)
            for entry in entries:
                staging.add(entry)
            staging.finish(entries)
    except FileChanged as error:
        raise StalePlan(error.what, where=error.where, hint="plan again: hashtag plan") from error
    target.chmod(0o755)


@define
class _Staging:
    """One staging: where one stands in the context and in the copy."""

    source: Descent
    copy: Descent
    contents: Mapping[str, str]
    modes: Modes
    can_clone: bool = True

    def add(self, entry: Entry) -> None:
        folder, _, name = entry.path.rpartition("/")
        self.source.go_to(folder)
        self.copy.go_to(folder)
        match entry.kind:
            case Kind.FOLDER:
                # Ours alone until all is in it: the final mode may forbid writing.
                os.mkdir(encoded(name), 0o700, dir_fd=self.copy.descriptor)
            case Kind.FILE:
                self._copy_file(entry, name)
            case Kind.SYMLINK:
                os.symlink(encoded(entry.target), encoded(name), dir_fd=self.copy.descriptor)
                self._keep_time(name)
            case Kind.FIFO:
                os.mkfifo(encoded(name), dir_fd=self.copy.descriptor)
                self._keep_mode(entry, name)
            case Kind.DEVICE:
                self._make_device(entry, name)
            case Kind.SOCKET:  # BuildKit fsutil: sent as nothing that a build could open
                pass

    def finish(self, entries: Iterable[Entry]) -> None:
        """Give the folders their modes and times, the inner ones first."""
        folders = [entry for entry in entries if entry.kind is Kind.FOLDER]
        for entry in reversed(folders):
            folder, _, name = entry.path.rpartition("/")
            self.source.go_to(folder)
            self.copy.go_to(folder)
            self._keep_mode(entry, name)

    def _copy_file(self, entry: Entry, name: str) -> None:
        where = shown(self.source.root, entry.path)
        try:
            reading = os.open(encoded(name), _READ, dir_fd=self.source.descriptor)
        except OSError as error:
            raise read_error(error, where) from error
        try:
            before = os.fstat(reading)
            if not stat.S_ISREG(before.st_mode):
                raise _changed(where)
            writing = os.open(encoded(name), _WRITE, 0o600, dir_fd=self.copy.descriptor)
            try:
                if self._copy_content(reading, writing, entry.size) != self.contents[entry.path]:
                    raise _changed(where)
                os.fchmod(writing, normalised_mode(entry, self.modes))
                if self.modes is Modes.FULL:
                    _keep_capability(reading, writing, where)
                os.utime(writing, ns=(before.st_mtime_ns, before.st_mtime_ns))
            finally:
                os.close(writing)
        finally:
            os.close(reading)

    def _copy_content(self, reading: int, writing: int, size: int) -> str:
        """Copy an open file, no further than one chunk past its listed size; return the copy's digest."""
        if self.can_clone and self._clone(reading, writing):
            return _digest(writing)
        hasher = hashlib.sha256()
        done = 0
        while done <= size and (chunk := os.read(reading, _CHUNK)):
            hasher.update(chunk)
            _write_all(writing, chunk)
            done += len(chunk)
        return hasher.hexdigest()

    def _clone(self, reading: int, writing: int) -> bool:
        from fcntl import ioctl

        try:
            ioctl(writing, _FICLONE, reading)
        except OSError:  # another file system, or one that cannot: so it will be for the others
            self.can_clone = False
        return self.can_clone

    def _make_device(self, entry: Entry, name: str) -> None:
        letter, major, minor = entry.target.split(":")
        kind = stat.S_IFCHR if letter == "c" else stat.S_IFBLK
        device = os.makedev(int(major), int(minor))
        try:
            os.mknod(encoded(name), kind | 0o600, device, dir_fd=self.copy.descriptor)
        except PermissionError as error:
            raise UnsupportedBuild(
                "only root can hand a device to a builder",
                where=shown(self.source.root, entry.path),
                hint="leave it out in .dockerignore",
            ) from error
        self._keep_mode(entry, name)

    def _keep_mode(self, entry: Entry, name: str) -> None:
        os.chmod(encoded(name), normalised_mode(entry, self.modes), dir_fd=self.copy.descriptor)
        self._keep_time(name)

    def _keep_time(self, name: str) -> None:
        path = f"{self.source.folder}/{name}".lstrip("/")
        try:
            status = os.lstat(encoded(name), dir_fd=self.source.descriptor)
        except OSError as error:
            raise read_error(error, shown(self.source.root, path)) from error
        times = (status.st_mtime_ns, status.st_mtime_ns)
        os.utime(encoded(name), ns=times, dir_fd=self.copy.descriptor, follow_symlinks=False)


def _keep_capability(reading: int, writing: int, where: str) -> None:
    try:
        keep_capability(reading, writing)
    except OSError as error:
        raise UnsupportedBuild(
            "only root can hand a file with capabilities to a builder",
            where=where,
            hint='leave it out in .dockerignore, or set modes = "git"',
        ) from error


def _digest(descriptor: int) -> str:
    hasher = hashlib.sha256()
    os.lseek(descriptor, 0, os.SEEK_SET)
    while chunk := os.read(descriptor, _CHUNK):
        hasher.update(chunk)
    return hasher.hexdigest()


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _changed(where: str) -> HashtagError:
    return StalePlan("it changed after it was hashed", where=where, hint="plan again: hashtag plan")
