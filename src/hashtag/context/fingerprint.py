"""Fingerprints: one number for all that an image is made of."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from attrs import field, frozen

from hashtag.context.canonical import canonical
from hashtag.context.record import RECIPE
from hashtag.oci.platform import Platform


@frozen
class Fingerprint:
    """
    The SHA-256 of a record.

    Attributes:
        text: 64 hex digits.
        record: The inputs; of several platforms, each platform's record under its name.
    """

    text: str
    record: Mapping[str, Any] = field(eq=False, repr=False)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Fingerprint:
        """Return the fingerprint of a record."""
        return cls(sha256(canonical(record)).hexdigest(), record)

    @property
    def tag(self) -> str:
        """The cache tag: `h1-` and the fingerprint."""
        return cache_tag(self.text)

    def __str__(self) -> str:
        return self.text


def cache_tag(fingerprint: str) -> str:
    """Return the tag under which an image of this fingerprint is looked for."""
    return f"{RECIPE}-{fingerprint}"


def joined(fingerprints: Mapping[Platform, str]) -> str:
    """Return the fingerprint of an image for several platforms; of one platform, its own."""
    if len(fingerprints) == 1:
        return next(iter(fingerprints.values()))
    pairs = sorted([str(platform), text] for platform, text in fingerprints.items())
    return sha256(canonical(pairs)).hexdigest()


def refresh_number(period_seconds: int, name: str, at_seconds: float) -> int:
    """
    Return the number of the period at a time.

    Periods begin at another moment for each name, so that not all images refresh at once.
    """
    offset = int.from_bytes(sha256(name.encode()).digest()[:8]) % period_seconds
    return int(at_seconds + offset) // period_seconds
