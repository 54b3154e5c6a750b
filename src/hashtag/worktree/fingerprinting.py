"""SELECT and HASH for the images of a project: from lowered builds to fingerprints."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from attrs import define, field, frozen

from hashtag.context.fingerprint import Fingerprint, refresh_number
from hashtag.context.record import record
from hashtag.context.stage_records import Inputs
from hashtag.context.uses import MAIN
from hashtag.errors import HashtagError, MissingParent, MissingSource
from hashtag.images.graph import Resolution
from hashtag.images.lowered import Lowered
from hashtag.images.model import ContextFiles, Image
from hashtag.oci.platform import Platform
from hashtag.worktree.contexts import Contexts
from hashtag.worktree.dockerfile_sources import from_folder
from hashtag.worktree.image_contexts import ImageContexts


@define
class Fingerprints:
    """
    What is known of each image, by name.

    Attributes:
        found: For each of its platforms the fingerprint.
        errors: Why there is none.
    """

    found: dict[str, dict[Platform, Fingerprint]] = field(factory=dict)
    errors: dict[str, HashtagError] = field(factory=dict)


_Step: TypeAlias = Callable[[Image, Fingerprints], None]


@frozen(kw_only=True)
class Hashing:
    """
    What is needed to hash images.

    Attributes:
        folder: The project's, from which images name their contexts.
        remotes: By image, what stands for the content of a remote source of ADD with its checksum.
        at: The time that `refresh` counts from.
    """

    folder: Path
    contexts: Contexts
    resolution: Resolution
    remotes: Mapping[str, Mapping[tuple[str, str], str]]
    at: datetime

    def fingerprints(self, images: Sequence[Image]) -> Fingerprints:
        """
        Return the fingerprints of images that were resolved, parents before children.

        First all selections are made, then each file is read once, whatever the number of images.
        """
        result = Fingerprints()
        for image in images:
            for lowered in self.resolution.lowered[image.name].values():
                self.view(image).expect(lowered)
        for image in images:
            self._collect(image, result, self._select)
        for image in images:
            if image.name not in result.errors:
                self._collect(image, result, self._hash)
        return result

    def view(self, image: Image) -> ImageContexts:
        """Return an image's view of the contexts."""
        return ImageContexts(self.folder, image, self.contexts)

    def _collect(self, image: Image, result: Fingerprints, step: _Step) -> None:
        try:
            step(image, result)
        except MissingSource as error:
            error.hint += f" {_whose_context(image)}"
            result.errors[image.name] = error
        except HashtagError as error:
            result.errors[image.name] = from_folder(error, self.folder)

    def _select(self, image: Image, result: Fingerprints) -> None:
        for parent in self.resolution.parents(image.name):
            if parent in result.errors:
                raise MissingParent(f"its parent {parent} cannot be planned", where=image.dockerfile)
        for lowered in self.resolution.lowered[image.name].values():
            self.view(image).select(lowered)

    def _hash(self, image: Image, result: Fingerprints) -> None:
        result.found[image.name] = {
            platform: Fingerprint.of(record(lowered, self._inputs(image, lowered, result)))
            for platform, lowered in self.resolution.lowered[image.name].items()
        }

    def _inputs(self, image: Image, lowered: Lowered, result: Fingerprints) -> Inputs:
        refresh = None
        if image.refresh:
            refresh = (image.refresh, refresh_number(image.refresh, image.name, self.at.timestamp()))
        return Inputs(
            file_sets=self.view(image).file_sets(lowered),
            parents=lambda name, platform: result.found[name][platform].text,
            remotes=self.remotes.get(image.name, {}),
            salt=image.salt,
            refresh=refresh,
            whole_contexts=(MAIN,) if image.context_files is ContextFiles.ALL else (),
        )


def _whose_context(image: Image) -> str:
    """Return what `hashtag context why PATH` has to be told: of a project's image the name."""
    if not image.context.startswith("/"):
        return image.name
    return f"{shlex.quote(image.context)} --file {shlex.quote(image.dockerfile)}"
