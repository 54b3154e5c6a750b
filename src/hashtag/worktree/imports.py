"""Images listed in the files of other tools."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path

from hashtag.errors import ConfigError
from hashtag.worktree import bake, compose
from hashtag.worktree.configuration import read_text
from hashtag.worktree.dockerfiles import check_inside
from hashtag.worktree.given import Given

_SUFFIXES = (".json", ".hcl", ".yaml", ".yml")


def read(given: Given, name: str, folder: Path, environ: Mapping[str, str]) -> list[Given]:
    """
    Return an image's table for each image in a bake or compose file.

    Args:
        given: Where the import is asked for.
        name: The file, relative to the project's folder.
    """
    path = check_inside(name, given.where)
    suffix = posixpath.splitext(path)[1]
    if suffix not in _SUFFIXES:
        raise ConfigError(
            f"images cannot be read from {name!r}",
            where=given.where,
            hint="import docker-bake.json, docker-bake.hcl or compose.yaml",
        )
    text = read_text(folder / path, path)
    if text is None:
        raise ConfigError(f"there is no file {name!r}", where=given.where)
    match suffix:
        case ".json":
            return bake.read_json(text, path, environ)
        case ".hcl":
            return bake.read_hcl(path, folder, environ)
        case _:
            return compose.read(text, path, folder, environ)
