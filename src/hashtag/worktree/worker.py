"""What a worker of a crew does: one task after the other, each answered."""

from __future__ import annotations

import marshal
import os
from pathlib import Path
from typing import Any

from hashtag.errors import HashtagError
from hashtag.worktree.descent import Descent, encoded, read_error, shown
from hashtag.worktree.hashing import LARGE, OPEN, Reading, hash_open, hash_small
from hashtag.worktree.pipes import EndOfPipe, receive, send
from hashtag.worktree.scan import Scanner
from hashtag.worktree.stat_cache import StatCache
from hashtag.worktree.views import Views

# About as many entries as are read in ten milliseconds.
_MOST = 1000


def work(root: Path, views: Views, tasks: int, results: int, cache: StatCache | None = None) -> None:
    """Do the tasks that come through one pipe, and answer through another, until the first one's end."""
    scanner = Scanner(root, views, cache)
    reading, descent = Reading(root), Descent(root)
    while True:
        try:
            task = marshal.loads(receive(tasks))  # noqa: S302  # the parent wrote it
        except EndOfPipe:  # there are no more
            break
        try:
            answer = _answer(scanner, reading, descent, task)
        except HashtagError as error:
            answer = ("error", error.code, error.what, error.where, error.hint)
        try:
            send(results, marshal.dumps(answer))
        except BrokenPipeError:
            break
    scanner.close()
    descent.close()


def _answer(scanner: Scanner, reading: Reading, descent: Descent, task: Any) -> tuple[Any, ...]:
    before = waits()
    match task:
        case ("hash", [(path, size)]) if size >= LARGE:
            return "hashed", {path: _hash(descent, path, size)}, size, waits() - before
        case ("hash", files):
            digests = {path: digest for path, digest, _ in hash_small(reading, descent, files)}
            return "hashed", digests, sum(size for _, size in files), waits() - before
        case ("scan", *folders):
            found = scanner.scan(folders, _MOST)
            return (
                "scanned",
                marshal.dumps(found.folders),
                found.targets,
                found.blocks,
                found.rest,
                found.large,
                found.hashed,
                found.hashed_size,
                found.known,
                found.large_stamps,
                waits() - before,
            )
        case _:
            raise RuntimeError(task)


def _hash(descent: Descent, path: str, size: int) -> str:
    folder, _, name = path.rpartition("/")
    descent.go_to(folder)
    try:
        descriptor = os.open(encoded(name), OPEN, dir_fd=descent.descriptor)
    except OSError as error:
        raise read_error(error, shown(descent.root, path)) from error
    # A process whose parent was killed gets another.
    parent = os.getppid()
    return hash_open(descriptor, path, size, descent.root, lambda: os.getppid() != parent)


def waits() -> int:
    """Return how often this process had to wait, as for a disk."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
