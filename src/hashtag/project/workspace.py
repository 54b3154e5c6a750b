"""A workspace: images in a folder, resolved and hashed."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from hashtag.dockerfile.stage import Dockerfile
from hashtag.errors import (
    HashtagError,
    MissingParent,
    UnknownImage,
    UsageError,
    did_you_mean,
    raise_all,
)
from hashtag.images.bases import KnownBases
from hashtag.images.graph import Resolution, Source, resolve
from hashtag.images.linking import Links
from hashtag.images.lowered import External
from hashtag.images.model import Image
from hashtag.project.pinning import pin
from hashtag.worktree.contexts import Contexts
from hashtag.worktree.dockerfile_sources import read_sources
from hashtag.worktree.fingerprinting import Fingerprints, Hashing

if TYPE_CHECKING:
    from hashtag.images.lowered import CopyOperation
    from hashtag.oci.ports import Reader

Progress: TypeAlias = Callable[[int, int], None]


@frozen(kw_only=True)
class Resolved:
    """
    The images of a run, resolved.

    Attributes:
        names: Those asked for and all that they are built from, parents first.
        errors: Why images among them cannot be planned.
    """

    sources: Mapping[str, Source]
    resolution: Resolution
    names: tuple[str, ...]
    errors: Mapping[str, HashtagError]

    @property
    def images(self) -> tuple[Image, ...]:
        """The images that can be planned, parents first."""
        return tuple(self.sources[name].image for name in self.names if name not in self.errors)

    def stages(self, name: str) -> tuple[str, ...]:
        """Return the names of the stages of an image's Dockerfile."""
        dockerfile = self.sources[name].dockerfile
        assert isinstance(dockerfile, Dockerfile)  # it was resolved  # noqa: S101
        return tuple(stage.name for stage in dockerfile.stages if stage.name)

    def stages_beside(self, base: External) -> tuple[str, ...]:
        """Return the names of the stages of the Dockerfile that names a base first."""
        name = next(name for name in self.names if base in self.resolution.bases(name))
        return self.stages(name)


@frozen(kw_only=True)
class Hashed:
    """
    The images of a run, hashed.

    Attributes:
        errors: Why images cannot be planned, those that could not be resolved among them.
    """

    resolved: Resolved
    hashing: Hashing
    fingerprints: Fingerprints
    errors: Mapping[str, HashtagError]

    @property
    def images(self) -> tuple[Image, ...]:
        """The images that have fingerprints, parents first."""
        return tuple(image for image in self.resolved.images if image.name not in self.errors)


@frozen(kw_only=True)
class Workspace:
    """
    Images and the folder that their paths start from.

    Attributes:
        external: Patterns of references that never mean one of the images.
    """

    folder: Path
    images: tuple[Image, ...]
    external: tuple[str, ...] = ()

    def display(self, path: Path) -> str:
        """Return how messages call a path: relative to the folder where it is inside."""
        return os.path.relpath(path, self.folder) if path.is_relative_to(self.folder) else str(path)

    def links(self) -> Links:
        """Return which references mean which image."""
        return Links(self.images, self.external)

    def resolve(self, names: Collection[str], known: KnownBases) -> Resolved:
        """
        Return the images asked for and all that they are built from, with the bases that are known.

        Raises:
            UnknownImage: A name is none of the images'.
            Cycle: Images are built from each other.
        """
        check_names(names, self.images)
        sources = read_sources(self.folder, self.images, display=self.display)
        return self._resolved(sources, names, known, {})

    def pin(self, names: Collection[str], known: KnownBases, registry: Reader | None) -> Resolved:
        """
        Return what `resolve` returns with every base pinned, or an error for the images from it.

        Bases are asked for until no new one appears: a base's triggers can add one.
        """
        resolved = self.resolve(names, known)
        failures: dict[External, HashtagError] = {}
        while unknown := [base for base in _unpinned(resolved) if base not in failures]:
            failures |= pin(unknown, known, registry, self.links(), resolved.stages_beside, self.folder)
            resolved = self._resolved(tuple(resolved.sources.values()), names, known, failures)
        return resolved

    def _resolved(
        self,
        sources: Sequence[Source],
        names: Collection[str],
        known: KnownBases,
        failures: Mapping[External, HashtagError],
    ) -> Resolved:
        resolution = resolve(sources, self.links(), known.find)
        wanted = _with_ancestors(names or [image.name for image in self.images], resolution)
        return Resolved(
            sources={source.image.name: source for source in sources},
            resolution=resolution,
            names=wanted,
            errors=_errors(wanted, resolution, failures),
        )

    def hash(
        self,
        names: Collection[str],
        known: KnownBases,
        registry: Reader | None,
        *,
        at: datetime,
        workers: int | None = None,
        stat_cache: Path | None = None,
        git_index: Path | None = None,
        progress: Progress | None = None,
    ) -> Hashed:
        """Return the fingerprints of the images asked for and of all that they are built from."""
        if workers is not None and workers < 1:
            raise UsageError(f"workers={workers} read nothing", hint="leave it out, or give 1 or more")
        resolved = self.pin(names, known, registry)
        hashing = Hashing(
            folder=self.folder,
            contexts=Contexts(
                display=self.display,
                workers=workers,
                stat_cache=stat_cache,
                git_index=git_index,
                progress=progress,
            ),
            resolution=resolved.resolution,
            remotes=_remotes(resolved),
            at=at,
        )
        fingerprints = hashing.fingerprints(resolved.images)
        errors = {**resolved.errors, **fingerprints.errors}
        return Hashed(resolved=resolved, hashing=hashing, fingerprints=fingerprints, errors=errors)


def check_names(names: Collection[str], images: Iterable[Image]) -> None:
    """Raise `UnknownImage` for each name that no image has."""
    known = [image.name for image in images]
    raise_all(
        UnknownImage(f"there is no image {name!r}", hint=did_you_mean(name, known) or "hashtag list")
        for name in names
        if name not in known
    )


def _with_ancestors(names: Iterable[str], resolution: Resolution) -> tuple[str, ...]:
    wanted: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting.extend(resolution.parents(name))
    return tuple(name for name in resolution.order if name in wanted)


def _unpinned(resolved: Resolved) -> list[External]:
    found = (base for name in resolved.names for base in resolved.resolution.bases(name))
    bases = (base for base in found if base.image is None)
    return list({(base.reference, base.platform): base for base in bases}.values())


def _errors(
    names: Iterable[str], resolution: Resolution, failures: Mapping[External, HashtagError]
) -> dict[str, HashtagError]:
    by_key = {(base.reference, base.platform): error for base, error in failures.items()}
    errors: dict[str, HashtagError] = {}
    for name in names:
        broken = [p for p in resolution.parents(name) if p in errors]
        unpinned = (by_key.get((base.reference, base.platform)) for base in resolution.bases(name))
        error = resolution.errors.get(name) or next(filter(None, unpinned), None)
        if error is None and broken:
            error = MissingParent(f"its parent {broken[0]} cannot be planned", where=name)
        if error is not None:
            errors[name] = error
    return errors


def _remotes(resolved: Resolved) -> dict[str, dict[tuple[str, str], str]]:
    """Return for each image what stands for the content of its remote sources, as its policy says."""
    found: dict[str, dict[tuple[str, str], str]] = {}
    for image in resolved.images:
        remotes = found.setdefault(image.name, {})
        for lowered in resolved.resolution.lowered[image.name].values():
            for operation in lowered.remote_copies():
                for remote in operation.remotes:
                    key = (remote, operation.checksum)
                    if key not in remotes:
                        remotes[key] = _stands_for(remote, operation, image)
    return found


def _stands_for(remote: str, operation: CopyOperation, image: Image) -> str:
    from hashtag.registry.remote import stands_for
    from hashtag.worktree.git import remote_commit

    return stands_for(
        remote, operation, image.remote_add, lambda url, ref: remote_commit(url, ref, os.environ)
    )
