"""Which Dockerfile and which ignore file go with a build context."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag.errors import UnreadableFile
from hashtag.worktree.reading import read_file_inside

if TYPE_CHECKING:
    from hashtag.context.ignore import IgnoreRules

DEFAULT_DOCKERFILE = "Dockerfile"
DEFAULT_IGNORE_FILE = ".dockerignore"
# What BuildKit's gateway carries in one message, in bytes.
LONGEST_FILE = 16 * 1024 * 1024


def find_dockerfile(context: Path) -> Path:
    """Return `Dockerfile` in the context, else `dockerfile`; UnreadableFile where there is neither."""
    for name in (DEFAULT_DOCKERFILE, DEFAULT_DOCKERFILE.lower()):
        if (context / name).exists():
            return context / name
    raise UnreadableFile(
        "there is no Dockerfile in this folder", where=str(context), hint="name it: --file path/to/Dockerfile"
    )


def read_ignore_rules(
    context: Path, dockerfile: Path | None = None, *, display: Callable[[Path], str] = str
) -> IgnoreRules | None:
    """
    Return the rules of `<dockerfile>.dockerignore` if it exists, else of `.dockerignore` in the context.

    The first holds even when it is empty. A named context has only its own `.dockerignore`:
    see `read_context_rules`.

    Args:
        context: The folder.
        dockerfile: As named on the command line; None: the default, whose ignore file is
            `Dockerfile.dockerignore` even where the file itself is called `dockerfile`
            (BuildKit dockerui/config.go, ReadEntrypoint).
        display: How messages call the ignore file.

    Raises:
        IgnoreError: If BuildKit would refuse it.
        UnreadableFile: If it is there and cannot be read.
    """
    dockerfile = context / DEFAULT_DOCKERFILE if dockerfile is None else dockerfile
    specific = dockerfile.with_name(f"{dockerfile.name}{DEFAULT_IGNORE_FILE}")
    for path in (specific, context / DEFAULT_IGNORE_FILE):
        if path.is_file():
            return _read(path, display)
    return None


def read_context_rules(context: Path, *, display: Callable[[Path], str] = str) -> IgnoreRules | None:
    """Return the rules of a context's own `.dockerignore`, as for a named context; None without one."""
    path = context / DEFAULT_IGNORE_FILE
    return _read(path, display) if path.is_file() else None


def _read(path: Path, display: Callable[[Path], str]) -> IgnoreRules:
    from hashtag.context.ignore import IgnoreRules

    content = read_file_inside(path.parent, path.name, limit=LONGEST_FILE)
    return IgnoreRules.parse(content, display(path))
