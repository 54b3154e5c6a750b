"""READ: the Dockerfiles of images, parsed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from hashtag.dockerfile.parser import parse
from hashtag.errors import HashtagError, UnreadableFile
from hashtag.images.graph import Source
from hashtag.images.model import Image
from hashtag.worktree.reading import read_file

# BuildKit reads a Dockerfile into memory; nobody writes a larger one.
DOCKERFILE_LIMIT = 16 * 1024 * 1024


def read_sources(
    folder: Path, images: Iterable[Image], *, display: Callable[[Path], str] = str
) -> tuple[Source, ...]:
    """Return each image with its Dockerfile, or with why it cannot be read or parsed."""
    return tuple(_source(folder, image, display) for image in images)


def from_folder(error: HashtagError, folder: Path) -> HashtagError:
    """Return an error of a file below a folder as it is shown: from there."""
    start = f"{folder}/"
    if error.location or not error.where.startswith(start):
        return error
    hint = error.hint.replace(start, "")
    shown = type(error)(error.what, where=error.where.removeprefix(start), hint=hint)
    shown.__cause__ = error
    return shown


def _source(folder: Path, image: Image, display: Callable[[Path], str]) -> Source:
    path = folder / image.dockerfile
    try:
        return Source(image, parse(read_file(path, limit=DOCKERFILE_LIMIT), display(path)))
    except UnreadableFile as error:
        return Source(image, from_folder(error, folder))
    except HashtagError as error:
        return Source(image, error)
