"""Removals: what became of a request to delete a tag or a manifest."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen


@frozen
class Removed:
    """It is gone; nothing answers under it any more."""


@frozen
class Pending:
    """The registry said yes, and has not done it yet."""


@frozen
class Refused:
    """
    The registry deletes others, but keeps this one: it is immutable, protected or locked.

    Attributes:
        reason: Its words.
    """

    reason: str


@frozen
class Unsupported:
    """
    The registry deletes nothing in this way.

    Attributes:
        reason: Its words.
    """

    reason: str


Removal: TypeAlias = Removed | Pending | Refused | Unsupported
