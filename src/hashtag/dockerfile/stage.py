"""Stages: the parts of a Dockerfile."""

from __future__ import annotations

from attrs import frozen

from hashtag.dockerfile.instruction import Arg, From, StageInstruction


@frozen
class Stage:
    """A `FROM` and all up to the next one; `index` counts from 0."""

    index: int
    base: From
    instructions: tuple[StageInstruction, ...]

    @property
    def name(self) -> str | None:
        """The name given with AS, in lower case."""
        return self.base.name


@frozen
class Dockerfile:
    """
    A parsed Dockerfile.

    Attributes:
        path: As given to the parser; stands in error messages.
        syntax: The value of `# syntax=`, the frontend image, or None.
        escape: The escape character, a backslash or a backtick.
        arguments: The ARG instructions before the first FROM.
        stages: At least one.
    """

    path: str
    syntax: str | None
    escape: str
    arguments: tuple[Arg, ...]
    stages: tuple[Stage, ...]
