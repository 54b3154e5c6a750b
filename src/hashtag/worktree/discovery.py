"""Dockerfiles that nobody listed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import evolve, frozen

from hashtag.errors import UnreadableFile
from hashtag.worktree import naming


@frozen(order=True)
class Found:
    """
    A Dockerfile in the project.

    Attributes:
        dockerfile: Relative to the project's folder, with `/`.
        name: What its image is called.
    """

    dockerfile: str
    name: str

    @property
    def context(self) -> str:
        """The Dockerfile's folder; `.` is the project's."""
        return self.dockerfile.rpartition("/")[0] or "."


@frozen
class Named:
    """The Dockerfiles whose images have names of their own, and what to say of the others."""

    found: tuple[Found, ...]
    warnings: tuple[str, ...]


def discover(folder: Path) -> tuple[Found, ...]:
    """
    Return every Dockerfile below `folder`, sorted by path, under its short name.

    Neither `.git` nor folders behind symbolic links are looked into; a link to a file counts if
    it stays in the project. Raise `UnreadableFile` for a folder that cannot be listed.
    """
    paths = sorted(_dockerfiles(folder))
    return tuple(Found(path, naming.stem(path)) for path in paths)


def _dockerfiles(folder: Path) -> Iterator[str]:
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(folder / below) as entries:
                for entry in entries:
                    path = f"{below}/{entry.name}" if below else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != ".git":
                            waiting.append(path)
                    elif naming.is_dockerfile(entry.name) and _is_file_inside(entry, folder):
                        yield path
        except OSError as error:
            raise UnreadableFile(
                f"the folder cannot be searched for Dockerfiles: {error.strerror}",
                where=below or ".",
                hint="list the images in hashtag.toml, then nothing is searched",
            ) from error


def _is_file_inside(entry: os.DirEntry[str], folder: Path) -> bool:
    if not entry.is_symlink():
        return entry.is_file()
    # os.path, for pathlib raises on a link that leads to itself.
    inside = Path(os.path.realpath(entry.path)).is_relative_to(os.path.realpath(folder))
    return inside and os.path.isfile(entry.path)  # noqa: PTH113  # as above


def distinct(found: Iterable[Found]) -> Named:
    """
    Give images that would share a name their whole path, and leave out what has no valid name.

    Of a Containerfile and a Dockerfile in one folder the Dockerfile is taken, as by Docker. Where even
    the paths agree (`web/Dockerfile`, `web.Dockerfile`) the first one keeps the name.
    """
    every = tuple(found)
    twins = {each: twin for each in every if (twin := _twin(each)) in {other.dockerfile for other in every}}
    known = tuple(each for each in every if each not in twins)
    clashing = {name for name, count in Counter(each.name for each in known).items() if count > 1}
    warnings = [
        _skipped(each.dockerfile, f"{naming.printable(twin)} stands beside it")
        for each, twin in twins.items()
    ]
    warnings += [_renamed(name, known) for name in sorted(clashing)]
    kept: dict[str, Found] = {}
    for each in known:
        # The image at the top keeps its name: it has no longer one.
        longer = each.name in clashing and not naming.is_root(each.dockerfile)
        final = evolve(each, name=naming.long_name(each.dockerfile)) if longer else each
        if not naming.is_name(final.name):
            warnings.append(_skipped(each.dockerfile, f"{final.name!r} cannot be the name of an image"))
        elif kept.setdefault(final.name, final) is not final:
            why = f"{naming.printable(kept[final.name].dockerfile)} is called {final.name!r} too"
            warnings.append(_skipped(each.dockerfile, why))
    return Named(tuple(kept.values()), tuple(warnings))


def _twin(found: Found) -> str:
    """Return the path of the Dockerfile that a Containerfile stands in for; empty for all else."""
    folder, slash, name = found.dockerfile.rpartition("/")
    return f"{folder}{slash}Dockerfile" if name == "Containerfile" else ""


def _renamed(name: str, known: Iterable[Found]) -> str:
    paths = ", ".join(naming.printable(each.dockerfile) for each in known if each.name == name)
    return (
        f"{paths} would all be the image {name!r}: they are named by their paths; name them in hashtag.toml"
    )


def _skipped(dockerfile: str, why: str) -> str:
    path = naming.printable(dockerfile)
    name = naming.slug(naming.stem(dockerfile))
    return (
        f"{path} is skipped: {why}; to plan it, write in hashtag.toml: "
        f'[[image]] name = "{name}" dockerfile = "{path}"'
    )
