"""A stage while its instructions run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import define, evolve, field

from hashtag.dockerfile.expansion import expand
from hashtag.errors import Location
from hashtag.images.config import ImageConfig
from hashtag.images.lowered import Operation, Origin
from hashtag.images.scope import BuildEnvironment
from hashtag.oci.platform import Platform


class OriginOf(Protocol):
    """Returns what the name behind `--from` or a mount's `from` means."""

    def __call__(self, name: str, at: Location, /, *, numeric: bool) -> Origin:
        """Whether `numeric`, a number is a stage's index."""


@define(kw_only=True)
class StageState:
    """
    A stage while its instructions run.

    Attributes:
        arguments: The build arguments.
        globals: The global scope.
        epoch: SOURCE_DATE_EPOCH of the build, or empty.
    """

    platform: Platform
    escape: str
    config: ImageConfig
    environment: BuildEnvironment
    arguments: Mapping[str, str]
    globals: Mapping[str, str]
    origin: OriginOf
    epoch: str = ""
    operations: list[Operation] = field(factory=list)
    has_command: bool = False

    def expand(self, word: str, location: Location) -> str:
        """Return the word with this stage's variables filled in."""
        return expand(word, self.environment.variables, escape=self.escape, location=location)

    def copy_origin(self, name: str, location: Location) -> Origin:
        """Return what the name behind `--from` means; a number is a stage's index."""
        return self.origin(name, location, numeric=True)

    def mount_origin(self, name: str, location: Location) -> Origin:
        """Return what the name behind a mount's `from` means."""
        return self.origin(name, location, numeric=False)

    def configure(self, **changes: object) -> None:
        """Change members of the config."""
        self.config = evolve(self.config, **changes)  # type: ignore[arg-type]  # members by name
