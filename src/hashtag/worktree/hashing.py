"""HASH: the SHA-256 of files' contents, each read once and seen to stay as it was."""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag.context.listing import Entry, Kind, Listing
from hashtag.errors import FileChanged
from hashtag.worktree.descent import Descent, encoded, read_error, shown

if TYPE_CHECKING:
    from concurrent.futures import Future

OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_SMALL = 128 * 1024
_CHUNK = 512 * 1024
# From here on a file is worth a hand-over: hashlib works without the interpreter's lock.
LARGE = 1024 * 1024
_REGULAR = stat.S_IFREG >> 12
_ALL_BITS = 0o7777
# File systems whose times are this machine's clock, and how much coarser they may be.
_LOCAL = frozenset(("btrfs", "ext2", "ext3", "ext4", "f2fs", "tmpfs", "xfs", "zfs"))
_MARGIN_NS = 2_000_000_000


def hash_files(
    context: Path,
    paths: Iterable[str],
    listing: Listing,
    *,
    workers: int | None = None,
    count: Callable[[int, int], None] = lambda _files, _size: None,
) -> dict[str, str]:
    """
    Return the SHA-256 of each selected file's content in hex, by path in the listing's order.

    Args:
        context: The folder that was listed.
        paths: Of the listing; what is not a file is passed over.
        listing: What `read_listing` returned.
        workers: Threads for files of 1 MiB and more; default: one a processor.
        count: Called now and then with how many more files, of how many bytes, are hashed.

    Raises:
        FileChanged: For a file that is no longer of the listed size, or that changes while it is read.
        UnreadableFile: For a file that may not be read.
    """
    found = (listing.get(path) for path in sorted(set(paths), key=_by_components))
    files = [entry for entry in found if entry is not None and entry.kind is Kind.FILE]
    large = [(file.path, file.size) for file in files if file.size >= LARGE]
    with Descent(context) as descent:
        digests = dict(_hash_small(descent, files, count))
        digests.update(hash_large(descent, large, workers, count))
    return {file.path: digests[file.path] for file in files}


def _hash_small(
    descent: Descent, files: Iterable[Entry], count: Callable[[int, int], None]
) -> Iterator[tuple[str, str]]:
    reading = Reading(descent.root)
    folder = prefix = ""
    for file in files:
        if file.size >= LARGE:
            continue
        above, _, name = file.path.rpartition("/")
        if above != folder:
            descent.go_to(above)
            folder, prefix = above, f"{above}/" if above else ""
        _, size, digest = reading.small(encoded(name), descent.descriptor, prefix, name)
        if digest is None or size != file.size:
            raise _changed(file.path, descent.root)
        yield file.path, digest
        count(1, size)


def hash_large(
    descent: Descent,
    files: Iterable[tuple[str, int]],
    workers: int | None,
    count: Callable[[int, int], None],
) -> Iterator[tuple[str, str]]:
    """
    Yield path and digest of each file, read by threads.

    Args:
        files: Paths and sizes.
        workers: How many threads; None: one a processor.
        count: Called with 1 and the size of each file once it is hashed.
    """
    files = list(files)
    if not files:
        return
    from concurrent.futures import ThreadPoolExecutor

    most = workers or processors()
    running: deque[tuple[str, int, Future[str]]] = deque()
    with ThreadPoolExecutor(most) as threads:
        for path, size in files:
            above, _, name = path.rpartition("/")
            descent.go_to(above)
            # Two a thread: no thread waits for the next, and few files are open at once.
            if len(running) >= 2 * most:
                yield _finished(*running.popleft(), count)
            descriptor = _open(descent, name, path)
            running.append((path, size, threads.submit(hash_open, descriptor, path, size, descent.root)))
        while running:
            yield _finished(*running.popleft(), count)


def _finished(
    path: str, size: int, digest: Future[str], count: Callable[[int, int], None]
) -> tuple[str, str]:
    text = digest.result()
    count(1, size)
    return path, text


def hash_open(descriptor: int, path: str, size: int, root: Path) -> str:
    """Return the digest of an open file of a known size, and close it."""
    buffer = bytearray(_CHUNK)
    try:
        before = os.fstat(descriptor)
        if before.st_size != size or not stat.S_ISREG(before.st_mode):
            raise _changed(path, root)
        read, digest = _hash_content(descriptor, [buffer], memoryview(buffer))
        if read != size or _stamp(os.fstat(descriptor)) != _stamp(before):
            raise _changed(path, root)
    except OSError as error:
        raise read_error(error, shown(root, path)) from error
    finally:
        os.close(descriptor)
    return digest


class Reading:
    """
    Reads small files into one buffer.

    Args:
        root: What the paths of messages start from.

    Attributes:
        settled: By device, before which ctime a file was not written since now; see `settled_before`.
    """

    __slots__ = ("_buffers", "_root", "_view", "settled")

    def __init__(self, root: Path) -> None:
        buffer = bytearray(_SMALL)
        self._buffers, self._view, self._root = [buffer], memoryview(buffer), root
        self.settled = settled_before(root)

    def small(
        self, at: bytes | os.PathLike[str], folder: int, prefix: str, name: str
    ) -> tuple[int, int, str | None]:
        """
        Return mode, size and digest of a file; no digest for one of `LARGE` bytes.

        Args:
            at: Its name on disk, or its entry.
            folder: The descriptor of its folder.
            prefix: What stands before its name in messages.
        """
        try:
            descriptor = os.open(at, OPEN, dir_fd=folder)
        except OSError as error:
            raise read_error(error, shown(self._root, prefix + name)) from error
        try:
            read = os.readv(descriptor, self._buffers)
            status = os.fstat(descriptor)
            mode, device, size = status.st_mode, status.st_dev, status.st_size
            # Whatever writes to a file sets its ctime, and nothing sets that back.
            if read == size and status.st_ctime_ns < self.settled.get(device, 0) and mode >> 12 == _REGULAR:
                return mode & _ALL_BITS, size, sha256(self._view[:read]).hexdigest()
            return self._carefully(descriptor, prefix + name)
        except OSError as error:
            raise read_error(error, shown(self._root, prefix + name)) from error
        finally:
            os.close(descriptor)

    def _carefully(self, descriptor: int, path: str) -> tuple[int, int, str | None]:
        """Read a file that is longer than the buffer, or so young that it might be written to."""
        before = os.fstat(descriptor)
        size, mode = before.st_size, before.st_mode
        if not stat.S_ISREG(mode):
            raise _changed(path, self._root)
        if size >= LARGE:
            return mode & _ALL_BITS, size, None
        os.lseek(descriptor, 0, os.SEEK_SET)
        read, digest = _hash_content(descriptor, self._buffers, self._view)
        if read != size or _stamp(os.fstat(descriptor)) != _stamp(before):
            raise _changed(path, self._root)
        return mode & _ALL_BITS, size, digest


def settled_before(root: Path) -> dict[int, int]:
    """
    Return, for the device of a folder, the ctime in ns before which a file was not written since now.

    Nothing for a device that may have a clock of its own: of files there, only two looks tell.
    """
    device = os.stat(root).st_dev  # noqa: PTH116
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    number = f"{os.major(device)}:{os.minor(device)}"
    types = {line.partition(" - ")[2].partition(" ")[0] for line in mounts if line.split(" ", 3)[2] == number}
    if not types or not types <= _LOCAL:
        return {}
    return {device: time.time_ns() - _MARGIN_NS}


def processors() -> int:
    """Return how many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _open(descent: Descent, name: str, path: str) -> int:
    try:
        return os.open(encoded(name), OPEN, dir_fd=descent.descriptor)
    except OSError as error:
        raise read_error(error, shown(descent.root, path)) from error


def _hash_content(descriptor: int, buffers: list[bytearray], view: memoryview) -> tuple[int, str]:
    hasher, size = sha256(), 0
    while read := os.readv(descriptor, buffers):
        hasher.update(view[:read])
        size += read
    return size, hasher.hexdigest()


def _stamp(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _by_components(path: str) -> bytes:
    # No name holds a NUL: a folder's content comes before what only begins with its name.
    return encoded(path).replace(b"/", b"\0")


def _changed(path: str, root: Path) -> FileChanged:
    return FileChanged(
        "it changed while the build context was read",
        where=shown(root, path),
        hint="run again when nothing writes to the build context",
    )
