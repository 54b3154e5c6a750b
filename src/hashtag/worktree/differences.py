"""How git is called, and what it sees of changes in a work tree.

Imports little: git can look at files while the rest of the program is loaded.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from hashtag.worktree.cache_file import cache_path, read_cache, write_cache
from hashtag.worktree.stamp import Stamp, stamp_of

_FORMAT = b"hashtag work tree 1\n"
_TIMEOUT_SECONDS = 20
# A repository's own configuration may name programs. Of the commands below these could start one:
# the file-system monitor, and a fetch of missing objects from a remote of a scheme like ext::.
SAFE = (
    "--no-pager",
    "--no-replace-objects",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "protocol.allow=never",
    "-c", "safe.bareRepository=explicit",
)  # fmt: skip


class WorkTree(NamedTuple):
    """
    A work tree, and git's index of it.

    Attributes:
        folder: Its top, without links.
        index_file: The file with git's index.
        hash_size: Of its object ids, in bytes.
    """

    folder: str
    index_file: str
    hash_size: int


class Differences:
    """
    The files below a folder whose status is not what the index has, asked of git while others work.

    No content is compared, so that no filter is started: provided no entry is as young as the index.

    Attributes:
        index_stamp: Of the index file, from before git read it.

    Raises:
        OSError: There is no index file.
    """

    def __init__(self, folder: bytes, tree: WorkTree, environ: Mapping[str, str]) -> None:
        self.root, self.tree = folder, tree
        self.index_stamp = stamp_of(os.stat(tree.index_file))  # noqa: PTH116
        # Whatever repository git finds now: this index, this work tree.
        pinned = {"GIT_INDEX_FILE": tree.index_file, "GIT_WORK_TREE": tree.folder}
        command = ["git", *SAFE, *_BY_STATUS, *_DIFFERENCES]
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(  # noqa: S603  # no shell, nothing from outside
                command,
                cwd=folder,
                env=environment(environ) | pinned,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Let git end, whether or not it was listened to."""
        if self._process is not None:
            with self._process as process:
                process.kill()

    def paths(self) -> frozenset[bytes] | None:
        """Return the paths relative to the work tree; None where git failed, or had something to say."""
        if self._process is None:
            return None
        try:
            answer, complaints = self._process.communicate(timeout=_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        if self._process.returncode != 0 or complaints:
            return None
        return frozenset(answer.split(b"\0")[:-1])


_EARLY: ContextVar[Differences | None] = ContextVar("early", default=None)


def note(cache: Path, root: bytes, tree: WorkTree, index_stamp: Stamp) -> None:
    """Remember that an index has no entry as young as itself, for `asked_early`; raise OSError."""
    content = json.dumps([tree, index_stamp]).encode()
    write_cache(cache_path(cache, "tree", os.fsdecode(root)), _FORMAT, content)


def _early(cache: Path, root: bytes, environ: Mapping[str, str]) -> Differences | None:
    try:
        names, noted = json.loads(read_cache(cache_path(cache, "tree", os.fsdecode(root)), _FORMAT))
        tree = WorkTree(*names)
        if stamp_of(os.stat(tree.index_file)) != tuple(noted):  # noqa: PTH116
            return None
        return Differences(root, tree, environ)
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def asked_early(cache: Path, folder: Path, environ: Mapping[str, str]) -> Iterator[None]:
    """Let git begin to look at a folder of which something is remembered, for `differences_of` within."""
    early = _early(cache, os.fsencode(os.path.realpath(folder)), environ)
    token = _EARLY.set(early)
    try:
        yield
    finally:
        _EARLY.reset(token)
        if early is not None:
            early.end()


def differences_of(root: bytes, tree: WorkTree, environ: Mapping[str, str]) -> Differences:
    """Return the differences below a root: asked for early, or from now on; raise OSError."""
    early = _EARLY.get()
    if early is not None and (early.root, early.tree) == (root, tree):
        _EARLY.set(None)  # an answer is read once
        return early
    return Differences(root, tree, environ)


# Whatever a repository's configuration says: look at every file, and compare all of its status.
_BY_STATUS = (
    "-c", "core.checkStat=default",
    "-c", "core.trustctime=true",
    "-c", "core.fileMode=true",
    "-c", "core.preloadIndex=true",
)  # fmt: skip
# Submodules are git's to look at only by starting git in them, with their configuration.
_DIFFERENCES = ("diff-files", "--name-only", "-z", "--no-ext-diff", "--ignore-submodules=all", "--", ".")


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would lead git to another repository or make it write."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "",
        "LC_ALL": "C",
    }
