"""Which Dockerfile and which ignore file go with a build context."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag.errors import UnreadableFile
from hashtag.worktree.reading import is_file_inside, read_file_inside

if TYPE_CHECKING:
    from hashtag.context.ignore import IgnoreRules

DEFAULT_DOCKERFILE = "Dockerfile"
DEFAULT_IGNORE_FILE = ".dockerignore"
# What BuildKit's gateway carries in one message, in bytes.
LONGEST_FILE = 16 * 1024 * 1024


def find_dockerfile(context: Path) -> Path:
    """Return `Dockerfile` in the context, else `dockerfile`; UnreadableFile where there is neither."""
    for name in (DEFAULT_DOCKERFILE, DEFAULT_DOCKERFILE.lower()):
        if _is_file(context / name):
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
    path = find_ignore_file(context, dockerfile)
    return None if path is None else read_rules(path, display=display)


def find_ignore_file(context: Path, dockerfile: Path | None = None) -> Path | None:
    """Return the ignore file that counts for a Dockerfile; see `read_ignore_rules`."""
    named = [context / DEFAULT_DOCKERFILE] if dockerfile is None else [dockerfile]
    if dockerfile == context / DEFAULT_DOCKERFILE.lower():  # found where `Dockerfile` was looked for
        named.insert(0, context / DEFAULT_DOCKERFILE)
    specific = [path.with_name(f"{path.name}{DEFAULT_IGNORE_FILE}") for path in named]
    return next((path for path in (*specific, context / DEFAULT_IGNORE_FILE) if path.is_file()), None)


def read_context_rules(context: Path, *, display: Callable[[Path], str] = str) -> IgnoreRules | None:
    """Return the rules of a context's own `.dockerignore`, as for a named context; None without one."""
    path = context / DEFAULT_IGNORE_FILE
    return read_rules(path, display=display) if _is_file(path) else None


def read_rules(path: Path, *, display: Callable[[Path], str] = str) -> IgnoreRules:
    """Return the rules of one ignore file; raise `IgnoreError` or `UnreadableFile`."""
    from hashtag.context.ignore import IgnoreRules

    content = read_file_inside(path.parent, path.name, limit=LONGEST_FILE)
    return IgnoreRules.parse(content, display(path))


def _is_file(path: Path) -> bool:
    # BuildKit ignores a folder, or a link that leads nowhere in the context, of that name.
    return is_file_inside(path.parent, path.name)
