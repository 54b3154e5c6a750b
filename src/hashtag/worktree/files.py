"""READ: what a build context holds, and its few files that are read whole."""

from __future__ import annotations

from pathlib import Path

from hashtag.worktree.ignorefile import find_dockerfile, read_context_rules, read_ignore_rules
from hashtag.worktree.reading import read_file, read_file_inside
from hashtag.worktree.walk import read_listing

__all__ = [
    "find_dockerfile",
    "list_context",
    "read_context_rules",
    "read_file",
    "read_file_inside",
    "read_ignore_rules",
    "read_listing",
]


def list_context(context: Path | str, dockerfile: Path | str | None = None) -> list[str]:
    """
    Return the paths that BuildKit would see of a context: files, links, folders, in a listing's order.

    Args:
        context: The folder.
        dockerfile: Beside which its own ignore file may lie; default: `Dockerfile` in the context.
    """
    folder, file = Path(context), None if dockerfile is None else Path(dockerfile)
    return list(read_listing(folder, read_ignore_rules(folder, file)))
