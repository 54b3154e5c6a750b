"""Bases: the images that Dockerfiles are built from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, field, frozen

from hashtag.errors import HashtagError, did_you_mean
from hashtag.oci.digest import Digest
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference


def _digest(value: Digest | str) -> Digest:
    return value if isinstance(value, Digest) else Digest(value)


def _optional_digest(value: Digest | str | None) -> Digest | None:
    return None if value is None else _digest(value)


@frozen
class BaseImage:
    """
    An external base, pinned for one platform.

    Attributes:
        digest: Of the manifest for the platform; of what a reference names where that is all
            that is known.
        config: The `config` object of its OCI image configuration: `Env`, `WorkingDir`, `User`,
            `OnBuild` and the others.
        index: Of the index through which the manifest was found, if there was one.
    """

    digest: Digest = field(converter=_digest)
    config: Mapping[str, Any] = field(factory=dict, hash=False)
    index: Digest | None = field(default=None, converter=_optional_digest)

    @property
    def pinned_digest(self) -> Digest:
        """The digest to write behind a reference: the index's where there is one."""
        return self.index or self.digest


class KnownBases:
    """
    The external bases that are known, and how sure.

    What was given by name is asked first and answers for every platform; what a registry or a
    stored plan said answers for its platform.

    Args:
        given: By reference, as written in a Dockerfile or normalised.
        what_if: Digests by reference that take the place of the known ones.
    """

    def __init__(
        self, given: Mapping[str, BaseImage] | None = None, what_if: Mapping[str, str] | None = None
    ) -> None:
        self._asked: dict[str, str] = {}
        self._what_if = {_normalised(name): Digest(digest) for name, digest in (what_if or {}).items()}
        self._given: dict[str, BaseImage] = {}
        for written, image in (given or {}).items():
            self._given[written] = image
            self._given.setdefault(_normalised(written), image)
        self._pinned: dict[tuple[Reference, Platform], BaseImage] = {}

    def pin(self, reference: Reference, platform: Platform, image: BaseImage) -> None:
        """Remember what a reference is on a platform."""
        self._pinned[reference, platform] = image

    def find(self, reference: Reference, written: str, platform: Platform) -> BaseImage | None:
        """Return the image of a reference, asked as written, normalised, and without its digest."""
        spellings = (written, str(reference), str(reference.without_digest()))
        self._asked |= dict.fromkeys(spellings, reference.familiar)
        given = (self._given[spelling] for spelling in spellings if spelling in self._given)
        image = next(given, None) or self._pinned.get((reference, platform))
        supposed = self._what_if.get(str(reference.without_digest()))
        return image and (evolve(image, digest=supposed, index=None) if supposed else image)

    def unused(self, names: Iterable[str]) -> dict[str, str]:
        """
        Return which of these names of bases nothing is built from, each with the nearest that something is.

        None of them as long as no base was asked for: then nothing is known.
        """
        familiar = set(self._asked.values())
        return {
            name: did_you_mean(name, familiar)
            for name in names
            if self._asked and not {name, _normalised(name)} & self._asked.keys()
        }


def _normalised(written: str) -> str:
    try:
        return str(Reference.parse(written))
    except HashtagError:
        return written
