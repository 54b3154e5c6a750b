"""Outputs: files of hashtag's own must not be part of what it hashes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from hashtag.context.uses import MAIN
from hashtag.errors import OutputInContext
from hashtag.images.model import Image
from hashtag.worktree.fingerprinting import Hashing
from hashtag.worktree.ignorefile import DEFAULT_IGNORE_FILE
from hashtag.worktree.image_contexts import ImageContexts


def check_outputs(hashing: Hashing, images: Iterable[Image], outputs: Iterable[Path]) -> None:
    """Raise `OutputInContext` if an image uses, or would use, a file that is about to be written."""
    written = [Path(output).absolute() for output in outputs]
    for image in images if written else ():
        for output in written:
            _check(hashing, image, output)


def _check(hashing: Hashing, image: Image, output: Path) -> None:
    view = hashing.view(image)
    for lowered in hashing.resolution.lowered[image.name].values():
        if not any(True for _ in view.uses(lowered)):
            continue
        folder = view.context(MAIN).folder.resolve()
        path = output.relative_to(folder).as_posix() if output.is_relative_to(folder) else ""
        if path and view.takes(lowered, path):
            raise OutputInContext(
                f"{output.name} is written into the build context of {image.name}, which is hashed",
                where=image.dockerfile,
                hint=f"add this line to {_ignore_file(hashing, view)}: {path}",
            )


def _ignore_file(hashing: Hashing, view: ImageContexts) -> str:
    """Return the ignore file that holds, or the one to make."""
    context = view.context(MAIN)
    path = context.ignore_file or context.folder / DEFAULT_IGNORE_FILE
    return os.path.relpath(path, hashing.folder)


def git_folders(hashing: Hashing, images: Iterable[Image]) -> Iterator[str]:
    """Yield a warning for each image whose selected files include a repository's `.git`."""
    for image in images:
        for lowered in hashing.resolution.lowered[image.name].values():
            if hashing.view(image).takes_now(lowered, ".git"):
                yield (
                    f"{image.dockerfile}: {image.name} uses .git, which every commit changes: it never hits "
                    "(add .git to .dockerignore)"
                )
                break
