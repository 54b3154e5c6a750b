"""Crews: forked processes that share the reading of a tree.

The parent hands out one task at a time and to each worker only when that has nothing to do: neither
ever waits for a full pipe of the other. A worker whose parent is gone reads the end of its tasks.
"""

from __future__ import annotations

import gc
import marshal
import os
import select
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import define

from hashtag import errors
from hashtag.errors import HashtagError
from hashtag.worktree.hashing import LARGE, processors
from hashtag.worktree.pipes import receive, send
from hashtag.worktree.scanned import Scanned
from hashtag.worktree.stat_cache import StatCache
from hashtag.worktree.tree import Tree
from hashtag.worktree.views import Views
from hashtag.worktree.worker import work

# What one task may begin with.
_FOLDERS = 32
_FILES = 500
# Where the disk makes readers wait, more of them read at once.
_MOST_WAITING = 8


def can_fork() -> bool:
    """Whether no thread of this process could leave a lock behind in a forked one."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return False
    try:
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except OSError:
        return False


@define(eq=False)
class _Worker:
    process: int
    tasks: int
    results: int


class Crew:
    """
    Workers for one walk.

    Args:
        count: How many; None: one a processor, and more where a disk makes them wait.
        is_slow: Such a disk is known from the start.
    """

    def __init__(
        self,
        root: Path,
        views: Views,
        count: int | None,
        cache: StatCache | None = None,
        *,
        is_slow: bool = False,
    ) -> None:
        self._root, self._views, self._cache = root, views, cache
        self._count = count or max(2, processors())
        self._most = count or max(_MOST_WAITING, self._count)
        if is_slow:
            self._count = self._most
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all workers, and wait until they have ended."""
        for worker in self._workers:
            os.close(worker.tasks)
            os.close(worker.results)
            if kind is not None:
                _ignoring(partial(os.kill, worker.process, signal.SIGKILL))
        for worker in self._workers:
            _ignoring(partial(os.waitpid, worker.process, 0))
        self._workers.clear()

    def read(
        self,
        folders: Sequence[str],
        files: Sequence[tuple[str, int]],
        tree: Tree,
        count: Callable[[int, int], None],
    ) -> None:
        """
        Add to `tree` all that is below the folders, and the digests of the files, given with their sizes.

        Raises:
            HashtagError: What a worker met.
            EndOfPipe: One was killed.
        """
        waiting: deque[Any] = deque([*_hash_tasks(files), *_scan_tasks(folders)])
        idle: list[_Worker] = []
        busy: dict[int, _Worker] = {}
        poll = select.poll()
        while waiting or busy:
            while waiting and (idle or len(self._workers) < self._count):
                worker = idle.pop() if idle else self._start()
                send(worker.tasks, marshal.dumps(waiting.popleft()))
                poll.register(worker.results, select.POLLIN)
                busy[worker.results] = worker
            for descriptor, _ in poll.poll():
                worker = busy.pop(descriptor)
                poll.unregister(descriptor)
                idle.append(worker)
                waiting.extend(self._take(receive(worker.results), tree, count))

    def _take(self, message: bytes, tree: Tree, count: Callable[[int, int], None]) -> list[Any]:
        """Add a result to the tree; return the tasks that it leaves."""
        answer = marshal.loads(message)  # noqa: S302  # a worker of ours wrote it
        match answer:
            case ("scanned", folders, targets, blocks, rest, large, hashed, size, known, stamps, waits):
                found = Scanned()
                found.targets, found.blocks = targets, blocks
                found.known, found.large_stamps = known, stamps
                tree.add_packed(found, folders)
                count(hashed, size)
                self._adapt(hashed, waits)
                return [*_hash_tasks(large), *_scan_tasks(rest)]
            case ("hashed", digests, size, waits):
                tree.digests.update(digests)
                count(len(digests), size)
                self._adapt(len(digests), waits)
                return []
            case ("error", code, what, where, hint):
                raise _error(code, what, where, hint)
            case _:
                raise RuntimeError(answer)

    def _adapt(self, files: int, waits: int) -> None:
        # At every tenth file the worker had to wait, or more often.
        if waits > 10 + files // 10 and self._count < self._most:
            self._count += 2

    def _start(self) -> _Worker:
        task_reader, task_writer = os.pipe()
        result_reader, result_writer = os.pipe()
        process = os.fork()
        if process == 0:  # pragma: no cover - measured in this process, by calling `work`
            status = 1
            try:
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                for other in self._workers:
                    os.close(other.tasks)
                    os.close(other.results)
                os.close(task_writer)
                os.close(result_reader)
                gc.disable()
                work(self._root, self._views, task_reader, result_writer, self._cache)
                status = 0
            finally:
                os._exit(status)  # nothing of the parent's is to be ended or written a second time
        os.close(task_reader)
        os.close(result_writer)
        worker = _Worker(process, task_writer, result_reader)
        self._workers.append(worker)
        return worker


def _scan_tasks(folders: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for at in range(0, len(folders), _FOLDERS):
        yield "scan", *folders[at : at + _FOLDERS]


def _hash_tasks(files: Sequence[tuple[str, int]]) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Yield the large files each by itself, the largest first, then the others."""
    large = [file for file in files if file[1] >= LARGE]
    for file in sorted(large, key=lambda file: -file[1]):
        yield "hash", [file]
    small = [file for file in files if file[1] < LARGE]
    for at in range(0, len(small), _FILES):
        yield "hash", small[at : at + _FILES]


def _error(code: str, what: str, where: Any, hint: str) -> HashtagError:
    known = (
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HashtagError)
    )
    kind = next(kind for kind in known if kind.code == code)
    return kind(what, where=where, hint=hint)


def _ignoring(act: Callable[[], object]) -> None:
    """Do what need not be done any more where the process has gone already."""
    try:
        act()
    except (ProcessLookupError, ChildProcessError):
        return
