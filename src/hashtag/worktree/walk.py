"""One walk over build contexts, which follows no link and opens only folders and what is taken whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag.context.listing import Listing
from hashtag.worktree.descent import Descent
from hashtag.worktree.hashing import hash_large
from hashtag.worktree.pipes import EndOfPipe
from hashtag.worktree.scan import Scanner
from hashtag.worktree.tree import Tree
from hashtag.worktree.views import View, Views

if TYPE_CHECKING:
    from hashtag.context.ignore import IgnoreRules
    from hashtag.worktree.stat_cache import StatCache

# So many entries are read before it is worth a fork.
_FEW = 1000
# With more than these while it reads them, it is the disk that is slow.
_FEW_WAITS = 20


def read_tree(
    root: Path,
    views: Views,
    *,
    workers: int | None = None,
    cache: StatCache | None = None,
    count: Callable[[int, int], None] = lambda _files, _size: None,
) -> Tree:
    """
    Return what is below a folder, as its contexts see it, with the digests of what is taken whole.

    Where no thread runs, forked processes read larger trees; the result is the same.

    Args:
        root: Itself opened through symbolic links, below it none is followed.
        views: The contexts below it; what none of them looks into is not read.
        workers: Processes, or threads for large files; 1: none but this one; None: as it seems best.
        cache: Asked before a file is opened, and told what is new; None: every file is read.
        count: Called now and then with how many more files, of how many bytes, are hashed.

    Raises:
        UnreadableFile: For a folder that may not be listed, unless it is excluded, or a file.
        FileChanged: For what vanishes or changes meanwhile.
    """
    tree = _read(root, views, workers, cache, count)
    if cache is not None:
        cache.update(tree.known, tree.large_stamps, tree.digests)
    return tree


def _read(
    root: Path,
    views: Views,
    workers: int | None,
    cache: StatCache | None,
    count: Callable[[int, int], None],
) -> Tree:
    from hashtag.worktree import crew

    if workers != 1 and crew.can_fork():
        try:
            return _read_forked(root, views, workers, cache, count)
        except EndOfPipe:  # whoever killed it, this process can do it alone
            pass
    tree = Tree(views)
    large = _read_first(root, views, tree, math.inf, cache, count)[1]
    _add_large(root, large, tree, workers, count)
    return tree


def _read_forked(
    root: Path,
    views: Views,
    workers: int | None,
    cache: StatCache | None,
    count: Callable[[int, int], None],
) -> Tree:
    from hashtag.worktree.crew import Crew
    from hashtag.worktree.worker import waits

    tree = Tree(views)
    before = waits()
    rest, large = _read_first(root, views, tree, _FEW if workers is None else 0, cache, count)
    if rest:
        is_slow = waits() - before > _FEW_WAITS
        with Crew(root, views, workers, cache, is_slow=is_slow) as crew:
            crew.read(rest, large, tree, count)
    else:
        _add_large(root, large, tree, workers, count)
    return tree


def _read_first(
    root: Path,
    views: Views,
    tree: Tree,
    most: float,
    cache: StatCache | None,
    count: Callable[[int, int], None],
) -> tuple[list[str], list[tuple[str, int]]]:
    scanner = Scanner(root, views, cache)
    try:
        found = scanner.scan([""], most)
    finally:
        scanner.close()
    tree.add(found)
    count(found.hashed, found.hashed_size)
    return found.rest, found.large


def _add_large(
    root: Path,
    large: list[tuple[str, int]],
    tree: Tree,
    workers: int | None,
    count: Callable[[int, int], None],
) -> None:
    with Descent(root) as descent:
        tree.digests.update(hash_large(descent, large, workers, count))


def read_listing(context: Path, rules: IgnoreRules | None = None, *, name: str = "") -> Listing:
    """
    Return the entries of a context that the rules leave in.

    Args:
        context: The folder; itself opened through symbolic links, below it none is followed.
        rules: Its ignore rules; None: everything is in.
        name: Of a named context; empty for the main one.

    Raises:
        UnreadableFile: For a folder that may not be listed, unless it is excluded.
        FileChanged: For what vanishes meanwhile.
    """
    return read_tree(context, Views([View("", rules)])).listing(0, name)
