"""Which Dockerfiles a configuration means, and that they lie in the project."""

from __future__ import annotations

import os.path
import posixpath
from pathlib import Path

from hashtag.errors import ConfigError
from hashtag.worktree.given import Where


def check_inside(path: str, where: Where) -> str:
    """Return the path without detours; raise `ConfigError` where it leaves the project."""
    plain = posixpath.normpath(path) if path else "."
    if posixpath.isabs(plain) or plain.split("/")[0] == ".." or "\0" in plain:
        raise ConfigError(
            f"{path!r} does not lie in the project's folder",
            where=where,
            hint="paths are relative to the folder of hashtag.toml: put it at the top of the repository",
        )
    return plain


def is_file(path: Path) -> bool:
    """Whether there is such a file; not where its name is too long, or it may not be looked at."""
    return os.path.isfile(path)  # noqa: PTH113  # pathlib raises there


def is_folder(path: Path) -> bool:
    """Whether there is such a folder, likewise."""
    return os.path.isdir(path)  # noqa: PTH112


def beside(folder: Path, dockerfile: str) -> list[str]:
    """Return what lies in the folder of a Dockerfile that is not there."""
    parent = posixpath.dirname(dockerfile)
    try:
        return [posixpath.join(parent, path.name) for path in (folder / parent).iterdir()]
    except OSError:  # there is nothing to propose
        return []


def matching(folder: Path, pattern: str, *, where: Where) -> list[str]:
    """Return the files that a pattern such as `images/*/Dockerfile` matches, sorted; `**` is any folder."""
    check_inside(pattern, where)
    try:
        found = [path.relative_to(folder) for path in folder.glob(pattern) if is_file(path)]
    except (OSError, ValueError, NotImplementedError) as error:
        raise ConfigError(f"no file matches {pattern!r}, which is not a pattern", where=where) from error
    paths = [path for path in found if path.suffix != ".dockerignore" and ".git" not in path.parts]
    if not paths:
        raise ConfigError(f"no file matches {pattern!r}", where=where)
    return sorted(path.as_posix() for path in paths)


def default_dockerfile(folder: Path, context: str) -> str:
    """Return the Dockerfile of a context: `Dockerfile`, or where there is none `Containerfile`."""
    paths = [posixpath.normpath(posixpath.join(context, name)) for name in ("Dockerfile", "Containerfile")]
    return next((path for path in paths if is_file(folder / path)), paths[0])
