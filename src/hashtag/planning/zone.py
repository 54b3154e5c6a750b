"""Zones: who may write and believe which tags of ours; fingerprints know none of them. Pure."""

from __future__ import annotations

import re
from hashlib import sha256

from attrs import field, frozen

from hashtag.context.record import RECIPE
from hashtag.errors import InvalidReference
from hashtag.oci.reference import check_tag

# OCI distribution-spec v1.1.1, «Pulling manifests»: a tag has at most 128 characters.
_TAG_LIMIT = 128
_NAME_LIMIT = 60  # "h1." + 60 + "-" + 64 hex digits is a tag of 128
_DIGEST_DIGITS = 16
_OURS = re.compile(rf"{RECIPE}[.-].*", re.DOTALL)


@frozen
class Zone:
    """
    Where a pipeline writes its tags: `h1-…` for trusted ones, `h1.NAME-…` for the others.

    Attributes:
        name: Letters, digits and `-`, at most 60; empty for the trusted zone.
    """

    name: str = field(default="")

    @name.validator
    def _check(self, _: object, name: str) -> None:
        if name and not re.fullmatch(rf"[a-z0-9-]{{1,{_NAME_LIMIT}}}", name):
            raise InvalidReference(f"{name!r} cannot name a zone", hint="a-z 0-9 -, at most 60 of them")

    @property
    def is_trusted(self) -> bool:
        """Whether its tags are believed by all."""
        return not self.name

    @property
    def prefix(self) -> str:
        """What all of its tags begin with."""
        return f"{RECIPE}.{self.name}-" if self.name else f"{RECIPE}-"

    def cache_tag(self, fingerprint: str) -> str:
        """Return the tag of an image by its fingerprint."""
        return self.prefix + fingerprint

    def plan_tag(self, pipeline_tag: str) -> str:
        """Return the tag of a pipeline's plan."""
        return self._named("plan-", pipeline_tag)

    def set_tag(self, published_tag: str) -> str:
        """Return the tag of what a published tag stands for."""
        return self._named("set-", published_tag)

    @property
    def prune_tag(self) -> str:
        """The tag of the record of the last cleanup."""
        return f"{self.prefix}pruned"

    def has_plan_tag(self, tag: str) -> bool:
        """Whether a tag is one of this zone's plans."""
        return tag.startswith(f"{self.prefix}plan-")

    def has_set_tag(self, tag: str) -> bool:
        """Whether a tag is one of this zone's sets."""
        return tag.startswith(f"{self.prefix}set-")

    def _named(self, kind: str, tag: str) -> str:
        whole = f"{self.prefix}{kind}{tag}"
        if len(whole) <= _TAG_LIMIT:
            return whole
        digest = sha256(tag.encode()).hexdigest()[:_DIGEST_DIGITS]
        return f"{whole[: _TAG_LIMIT - _DIGEST_DIGITS - 1]}-{digest}"


TRUSTED = Zone()


def is_ours(tag: str) -> bool:
    """Whether a tag is written by hashtag alone: an image of any zone, a plan, a set."""
    return _OURS.fullmatch(tag) is not None


def check_pipeline_tag(tag: str) -> None:
    """Raise `InvalidReference` if no registry would take the tag, or if it could be one of ours."""
    check_tag(tag)
    if is_ours(tag):
        raise InvalidReference(
            f"{tag!r} is a tag that hashtag itself writes",
            hint=f"give another, for example --pipeline-tag x-{tag}",
        )
