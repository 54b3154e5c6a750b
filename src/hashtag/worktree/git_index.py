"""The git path: what was found of contexts, remembered for as long as git sees that nothing changed.

Git's object ids are never taken for contents. Remembered are the answers of a real walk, and the state
that they are true in: the stamp of git's index file, which holds the status of each tracked file; what
differed from it; and the stamps of all else that the contexts see. They are true again where git, which
compares that index with the work tree, and a look at these stamps find the same state.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from hashtag import __version__
from hashtag.context.record import RECIPE
from hashtag.errors import HashtagError
from hashtag.worktree.cache_file import cache_path, read_cache, write_cache
from hashtag.worktree.differences import Differences, WorkTree, differences_of, note
from hashtag.worktree.git import work_tree
from hashtag.worktree.hashing import settled_before
from hashtag.worktree.ignorefile import LONGEST_FILE
from hashtag.worktree.index_file import read_index
from hashtag.worktree.reading import read_file_inside
from hashtag.worktree.stamp import Stamp, stamp_of
from hashtag.worktree.stamps import Stamps, Unsettled, are_unchanged, is_settled, packed, survey, unpacked
from hashtag.worktree.views import Views

if TYPE_CHECKING:
    from hashtag.worktree.contexts import ContextFolder

Question: TypeAlias = tuple[str, ...]

_FORMAT = b"hashtag git index 1\n"
_LENGTHS = struct.Struct("<QQ")


class _State(NamedTuple):
    """What answers are true in."""

    tree: WorkTree
    index_stamp: Stamp
    differences: frozenset[bytes]
    stamps: Stamps


class Remembered:
    """
    What is known of contexts below one root, by question.

    Args:
        folder: The cache's.
        contexts: Those that one walk reads, the outermost first.
        environ: The variables.
    """

    def __init__(self, folder: Path, contexts: Sequence[ContextFolder], environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._root = os.fsencode(os.path.realpath(contexts[0].folder))
        self._ignore_files = [each.ignore_file for each in contexts if each.ignore_file is not None]
        names = [(os.path.realpath(each.folder), str(each.ignore_file)) for each in contexts]
        self._path = cache_path(folder, "git", json.dumps(names))
        # Before anything is read: what is older than this at the end has not changed meanwhile.
        self._settled = _settled_before(contexts[0].folder)
        self._rules = self._rules_now()
        self._answers: dict[str, Any] = self._read()
        self._is_new = False

    def get(self, question: Question) -> Any:
        """Return the answer that is known; None without one."""
        return self._answers.get("\0".join(question))

    def note(self, question: Question, answer: object) -> None:
        """Take an answer of the walk of this run, as JSON has it."""
        self._answers["\0".join(question)] = answer
        self._is_new = True

    def write(self, views: Callable[[], Views]) -> None:
        """Write what is new, if the state it is true in can be told; do nothing where not."""
        if not (self._is_new and self._settled[1]):
            return
        try:
            state = self._state_now(views)
            if state is not None:
                write_cache(self._path, _FORMAT, self._body(state))
                note(self._path.parent, self._root, state.tree, state.index_stamp)
        except (OSError, ValueError, Unsettled, HashtagError):
            return
        self._is_new = False

    def _read(self) -> dict[str, Any]:
        """Return the answers that are true now."""
        try:
            content = read_cache(self._path, _FORMAT)
            length, count = _LENGTHS.unpack_from(content)
            end = _LENGTHS.size + length
            head = json.loads(content[_LENGTHS.size : end])
            if head["for"] != self._for():
                return {}
            tree, index = WorkTree(*head["tree"]), tuple(head["index"])
            if _stamp(tree.index_file) != index:
                return {}
            with differences_of(self._root, tree, self._environ) as differences:
                stamps = unpacked(count, content[end:])
                is_same = differences.index_stamp == index and are_unchanged(self._root, stamps)
                found = differences.paths() if is_same else None
            if found is None or not found <= {os.fsencode(path) for path in head["differences"]}:
                return {}
            return dict(head["answers"]) if _stamp(tree.index_file) == index else {}
        except (OSError, ValueError, KeyError, TypeError, struct.error):
            return {}

    def _state_now(self, views: Callable[[], Views]) -> _State | None:
        tree = work_tree(Path(os.fsdecode(self._root)), self._environ)
        if tree is None:
            return None
        status = os.stat(tree.index_file)  # noqa: PTH116
        index = read_index(Path(tree.index_file).read_bytes(), tree.hash_size)
        # Git would compare contents of what is as young as its index, and start filters for that.
        if index.newest >= int(status.st_mtime) or not self._is_settled(status):
            return None
        with Differences(self._root, tree, self._environ) as asked:
            differences = asked.paths()
        if differences is None:
            return None
        compared = _below(self._root, os.fsencode(tree.folder), index.compared - differences)
        stamps = survey(self._root, views(), compared, self._settled)
        if _stamp(tree.index_file) != stamp_of(status) or not self._are_rules_settled():
            return None
        return _State(tree, stamp_of(status), differences, stamps)

    def _body(self, state: _State) -> bytes:
        document = {
            "for": self._for(),
            "tree": state.tree,
            "index": state.index_stamp,
            "differences": [os.fsdecode(path) for path in sorted(state.differences)],
            "answers": self._answers,
        }
        head = json.dumps(document).encode()
        return _LENGTHS.pack(len(head), len(state.stamps.paths)) + head + packed(state.stamps)

    def _for(self) -> list[object]:
        """Return what the answers depend on beside the files."""
        return [__version__, RECIPE, os.fsdecode(self._root), self._rules]

    def _rules_now(self) -> list[str] | None:
        """Return the digests of the ignore files; None where one cannot be read."""
        try:
            return [sha256(_content(path)).hexdigest() for path in self._ignore_files]
        except HashtagError:
            return None

    def _are_rules_settled(self) -> bool:
        """Whether the walk had the ignore files that are there now."""
        found = [status for path in self._ignore_files for status in (path.stat(), path.lstat())]
        return self._rules == self._rules_now() is not None and all(map(self._is_settled, found))

    def _is_settled(self, status: os.stat_result) -> bool:
        return is_settled(status, self._settled)


def _below(root: bytes, top: bytes, paths: Collection[bytes]) -> Collection[bytes]:
    """Return those of a work tree's paths that are below the root, from there."""
    if root == top:
        return paths
    prefix = os.path.relpath(root, top) + b"/"
    return {path[len(prefix) :] for path in paths if path.startswith(prefix)}


def _settled_before(root: Path) -> tuple[int, int]:
    try:
        return settled_before(root)
    except OSError:  # there is no such folder, as the walk will say
        return 0, 0


def _content(path: Path) -> bytes:
    return read_file_inside(path.parent, path.name, limit=LONGEST_FILE)


def _stamp(path: str) -> Stamp:
    return stamp_of(os.stat(path))  # noqa: PTH116
