"""HASH: the SHA-256 of files' contents, each read once and seen to stay as it was."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from attrs import define

from hashtag.context.listing import Entry, Kind, Listing
from hashtag.errors import FileChanged
from hashtag.worktree.descent import Descent, encoded, read_error, shown

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_SMALL = 128 * 1024
_CHUNK = 512 * 1024
# From here on a thread is worth its hand-over: hashlib works without the interpreter's lock.
_LARGE = 1024 * 1024


def hash_files(
    context: Path,
    paths: Iterable[str],
    listing: Listing,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, str]:
    """
    Return the SHA-256 of each selected file's content in hex, by path in the listing's order.

    Args:
        context: The folder that was listed.
        paths: Of the listing; what is not a file is passed over.
        listing: What `read_listing` returned.
        workers: Threads for files of 1 MiB and more; default: one a processor.
        progress: Called now and then with the bytes hashed so far and in all.

    Raises:
        FileChanged: For a file that is no longer of the listed size, or that changes while it is read.
        UnreadableFile: For a file that may not be read.
    """
    selected = set(paths)
    files = [entry for path, entry in listing.items() if entry.kind is Kind.FILE and path in selected]
    count = _Count(sum(file.size for file in files), progress)
    large = [file for file in files if file.size >= _LARGE]
    with Descent(context) as descent:
        digests = dict(_hash_small(descent, files, count))
        digests.update(_hash_large(descent, large, workers or os.cpu_count() or 1, count))
    count.report()
    return {file.path: digests[file.path] for file in files}


@define
class _Count:
    total: int
    progress: Callable[[int, int], None] | None
    done: int = 0
    reported: int = 0

    def add(self, size: int) -> None:
        self.done += size
        if self.done - self.reported >= _LARGE:
            self.report()

    def report(self) -> None:
        self.reported = self.done
        if self.progress is not None:
            self.progress(self.done, self.total)


def _hash_small(descent: Descent, files: Iterable[Entry], count: _Count) -> Iterator[tuple[str, str]]:
    buffer = bytearray(_SMALL)
    folder = ""
    for file in files:
        if file.size >= _LARGE:
            continue
        above, _, name = file.path.rpartition("/")
        if above != folder:
            descent.go_to(above)
            folder = above
        yield file.path, _hash_file(_open(descent, name, file), buffer, file, descent.root)
        count.add(file.size)


def _hash_large(
    descent: Descent, files: Iterable[Entry], workers: int, count: _Count
) -> Iterator[tuple[str, str]]:
    running: deque[tuple[Entry, Future[str]]] = deque()
    with ThreadPoolExecutor(workers) as threads:
        for file in files:
            above, _, name = file.path.rpartition("/")
            descent.go_to(above)
            # Two a thread: no thread waits for the next, and few files are open at once.
            if len(running) >= 2 * workers:
                yield _finished(*running.popleft(), count)
            descriptor = _open(descent, name, file)
            running.append((file, threads.submit(_hash_in_thread, descriptor, file, descent.root)))
        while running:
            yield _finished(*running.popleft(), count)


def _finished(file: Entry, digest: Future[str], count: _Count) -> tuple[str, str]:
    text = digest.result()
    count.add(file.size)
    return file.path, text


def _hash_in_thread(descriptor: int, file: Entry, root: Path) -> str:
    return _hash_file(descriptor, bytearray(_CHUNK), file, root)


def _open(descent: Descent, name: str, file: Entry) -> int:
    try:
        return os.open(encoded(name), _OPEN, dir_fd=descent.descriptor)
    except OSError as error:
        raise read_error(error, shown(descent.root, file.path)) from error


def _hash_file(descriptor: int, buffer: bytearray, file: Entry, root: Path) -> str:
    """Return the digest of an open file, and close it."""
    try:
        before = os.fstat(descriptor)
        if before.st_size != file.size or not stat.S_ISREG(before.st_mode):
            raise _changed(file, root)
        size, digest = _hash_content(descriptor, buffer, file.size)
        if size != file.size or _stamp(os.fstat(descriptor)) != _stamp(before):
            raise _changed(file, root)
    except OSError as error:
        raise read_error(error, shown(root, file.path)) from error
    finally:
        os.close(descriptor)
    return digest


def _hash_content(descriptor: int, buffer: bytearray, expected: int) -> tuple[int, str]:
    size = os.readv(descriptor, [buffer])
    if size == expected:
        return size, hashlib.sha256(memoryview(buffer)[:size]).hexdigest()
    hasher = hashlib.sha256(memoryview(buffer)[:size])
    while read := os.readv(descriptor, [buffer]):
        hasher.update(memoryview(buffer)[:read])
        size += read
    return size, hasher.hexdigest()


def _stamp(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _changed(file: Entry, root: Path) -> FileChanged:
    return FileChanged(
        "it changed while the build context was read",
        where=shown(root, file.path),
        hint="run again when nothing writes to the build context",
    )
