"""HASH: the SHA-256 of files' contents, each read once and seen to stay as it was."""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from hashtag.errors import FileChanged
from hashtag.worktree.descent import Descent, encoded, read_error, shown
from hashtag.worktree.scanned import LARGE_FILE

if TYPE_CHECKING:
    from concurrent.futures import Future

OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_SMALL = 128 * 1024
_CHUNK = 512 * 1024
# From here on a file is worth a hand-over: hashlib works without the interpreter's lock.
LARGE = 1024 * 1024
_TYPE = 12  # bits below it in a mode
_REGULAR = stat.S_IFREG >> _TYPE
# File systems whose times are this machine's clock, and how much coarser they may be.
_LOCAL = frozenset(("btrfs", "ext2", "ext3", "ext4", "f2fs", "tmpfs", "xfs", "zfs"))
_MARGIN_NS = 2_000_000_000


def hash_small(
    reading: Reading, descent: Descent, files: Iterable[tuple[str, int]]
) -> Iterator[tuple[str, str, int]]:
    """Yield path, digest and size of each; raise `FileChanged` for one that is not of its listed size."""
    for path, listed in files:
        above, _, name = path.rpartition("/")
        descent.go_to(above)
        prefix = f"{above}/" if above else ""
        _, size, digest = reading.small(encoded(name), descent.descriptor, prefix, name)
        if digest == LARGE_FILE or size != listed:
            raise _changed(path, descent.root)
        yield path, digest, size


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
    stop = Event()
    with ThreadPoolExecutor(most) as threads:
        try:
            for path, size in files:
                above, _, name = path.rpartition("/")
                descent.go_to(above)
                # Two a thread: no thread waits for the next, and few files are open at once.
                if len(running) >= 2 * most:
                    yield _finished(*running.popleft(), count)
                descriptor = _open(descent, name, path)
                digest = threads.submit(hash_open, descriptor, path, size, descent.root, stop.is_set)
                running.append((path, size, digest))
            while running:
                yield _finished(*running.popleft(), count)
        finally:
            # After an error or Ctrl-C nobody waits for the end of a file of gigabytes.
            stop.set()


def _finished(
    path: str, size: int, digest: Future[str], count: Callable[[int, int], None]
) -> tuple[str, str]:
    text = digest.result()
    count(1, size)
    return path, text


def hash_open(
    descriptor: int, path: str, size: int, root: Path, is_stopped: Callable[[], bool] = lambda: False
) -> str:
    """Return the digest of an open file of a known size, and close it; after a stop any text."""
    buffer = bytearray(_CHUNK)
    try:
        before = os.fstat(descriptor)
        if before.st_size != size or not stat.S_ISREG(before.st_mode):
            raise _changed(path, root)
        read, digest = _hash_content(descriptor, [buffer], memoryview(buffer), is_stopped)
        if is_stopped():
            return ""
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
        device: Of the root.
        settled: Before this ctime in ns no file of the device was written since now; see `settled_before`.
        small: Reads one; see `_small`.
    """

    __slots__ = ("_buffers", "_root", "_view", "device", "settled", "small")

    def __init__(self, root: Path) -> None:
        buffer = bytearray(_SMALL)
        self._buffers, self._view, self._root = [buffer], memoryview(buffer), root
        self.device, self.settled = settled_before(root)
        self.small = self._small()

    def _small(self) -> Callable[[bytes | os.PathLike[str], int, str, str], tuple[int, int, str]]:
        """
        Return what returns a file's mode with the type, size, and digest or, of a large one, `LARGE_FILE`.

        Its arguments: the name on disk or the entry, the descriptor of the folder, and, for messages, what
        stands before the name, and the name. It runs once a file: what it needs is bound, not looked up.
        """
        root, buffers, view, carefully = self._root, self._buffers, self._view, self._carefully
        device, settled = self.device, self.settled
        opened, readv, fstat, close = os.open, os.readv, os.fstat, os.close

        def small(at: bytes | os.PathLike[str], folder: int, prefix: str, name: str) -> tuple[int, int, str]:
            try:
                descriptor = opened(at, OPEN, dir_fd=folder)
                try:
                    read = readv(descriptor, buffers)
                    status = fstat(descriptor)
                    mode, size = status.st_mode, status.st_size
                    # Whatever writes to a file sets its ctime, and nothing sets that back.
                    is_settled = read == size and status.st_ctime_ns < settled and status.st_dev == device
                    if is_settled and mode >> _TYPE == _REGULAR:
                        return mode, size, sha256(view[:read]).hexdigest()
                    return carefully(descriptor, prefix + name)
                finally:
                    close(descriptor)
            except OSError as error:
                raise read_error(error, shown(root, prefix + name)) from error

        return small

    def is_settled(self, status: os.stat_result) -> bool:
        """Whether nothing can have been written to a file without a sign since it had this status."""
        return status.st_ctime_ns < self.settled and status.st_dev == self.device

    def _carefully(self, descriptor: int, path: str) -> tuple[int, int, str]:
        """Read a file that is longer than the buffer, or so young that it might be written to."""
        before = os.fstat(descriptor)
        size, mode = before.st_size, before.st_mode
        if not stat.S_ISREG(mode):
            raise _changed(path, self._root)
        if size >= LARGE:
            return mode, size, LARGE_FILE
        os.lseek(descriptor, 0, os.SEEK_SET)
        read, digest = _hash_content(descriptor, self._buffers, self._view)
        if read != size or _stamp(os.fstat(descriptor)) != _stamp(before):
            raise _changed(path, self._root)
        return mode, size, digest


def settled_before(root: Path) -> tuple[int, int]:
    """
    Return the device of a folder, and the ctime in ns before which a file there was not written since now.

    That is 0 for a device that may have a clock of its own: of files there, only two looks tell.
    """
    device = os.stat(root).st_dev  # noqa: PTH116
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return device, 0
    number = f"{os.major(device)}:{os.minor(device)}"
    types = {line.partition(" - ")[2].partition(" ")[0] for line in mounts if line.split(" ", 3)[2] == number}
    is_local = bool(types) and types <= _LOCAL
    return device, time.time_ns() - _MARGIN_NS if is_local else 0


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


def _hash_content(
    descriptor: int,
    buffers: list[bytearray],
    view: memoryview,
    is_stopped: Callable[[], bool] = lambda: False,
) -> tuple[int, str]:
    hasher, size = sha256(), 0
    while not is_stopped() and (read := os.readv(descriptor, buffers)):
        hasher.update(view[:read])
        size += read
    return size, hasher.hexdigest()


def _stamp(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _changed(path: str, root: Path) -> FileChanged:
    return FileChanged(
        "it changed while the build context was read",
        where=shown(root, path),
        hint="run again when nothing writes to the build context",
    )
