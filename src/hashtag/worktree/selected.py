"""The contents of selected files, where the walk did not read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hashtag.context.listing import Kind, Listing
from hashtag.worktree.descent import Descent, encoded
from hashtag.worktree.hashing import LARGE, Reading, hash_large, hash_small
from hashtag.worktree.pipes import EndOfPipe
from hashtag.worktree.tree import Tree
from hashtag.worktree.views import Views

# From so many on it is worth a fork.
_MANY = 1000


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

    Many are read by forked processes where no thread runs; the result is the same.

    Args:
        context: The folder that was listed.
        paths: Of the listing; what is not a file is passed over.
        listing: What `read_listing` returned.
        workers: Processes, or threads for files of 1 MiB and more; None: one a processor.
        count: Called now and then with how many more files, of how many bytes, are hashed.

    Raises:
        FileChanged: For a file that is no longer of the listed size, or that changes while it is read.
        UnreadableFile: For a file that may not be read.
    """
    found = (listing.get(path) for path in sorted(set(paths), key=_by_components))
    files = [(each.path, each.size) for each in found if each is not None and each.kind is Kind.FILE]
    digests = _digests(context, files, workers, count)
    return {path: digests[path] for path, _ in files}


def _digests(
    context: Path, files: Sequence[tuple[str, int]], workers: int | None, count: Callable[[int, int], None]
) -> dict[str, str]:
    if workers != 1 and len(files) >= _MANY:
        from hashtag.worktree.crew import Crew, can_fork

        if can_fork():
            try:
                with Crew(context, Views([]), workers) as crew:
                    tree = Tree(Views([]))
                    crew.read([], files, tree, count)
                    return tree.digests
            except EndOfPipe:  # whoever killed it, this process can do it alone
                pass
    return _digests_alone(context, files, workers, count)


def _digests_alone(
    context: Path, files: Sequence[tuple[str, int]], workers: int | None, count: Callable[[int, int], None]
) -> dict[str, str]:
    digests: dict[str, str] = {}
    with Descent(context) as descent:
        small = (file for file in files if file[1] < LARGE)
        for path, digest, size in hash_small(Reading(context), descent, small):
            digests[path] = digest
            count(1, size)
        large = [file for file in files if file[1] >= LARGE]
        digests.update(hash_large(descent, large, workers, count))
    return digests


def _by_components(path: str) -> bytes:
    # No name holds a NUL: a folder's content comes before what only begins with its name.
    return encoded(path).replace(b"/", b"\0")
