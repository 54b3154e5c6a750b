"""Values as they were given, each with the place to name when it is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from attrs import evolve, field, frozen

from hashtag.errors import Location

KeyPath: TypeAlias = tuple[str | int, ...]
Where: TypeAlias = Location | str


@frozen
class Given:
    """
    A value, or a part of one, before its type is checked.

    Attributes:
        origin: For people: `command line`, `HASHTAG_MODES`, `hashtag.toml:12`, `default`.
        locate: Answers where the part at a path of keys and indexes stands.
        path: Of this part, from the top of its document.
    """

    value: object = field(repr=False)
    origin: str
    locate: Callable[[KeyPath], Where] = field(repr=False)
    path: KeyPath = ()

    @classmethod
    def by(cls, origin: str, value: object) -> Given:
        """Return a value that has no finer place than its origin."""
        return cls(value, origin, lambda _: origin)

    @property
    def where(self) -> Where:
        """The place to name in an error."""
        return self.locate(self.path)

    def part(self, key: str | int, value: object) -> Given:
        """Return what stands under `key` in this value."""
        return evolve(self, path=(*self.path, key), value=value)

    def become(self, value: object) -> Given:
        """Return another value for the same place."""
        return evolve(self, value=value)
