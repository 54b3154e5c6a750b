"""Receipts of builds: what became of each image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from attrs import frozen

from hashtag.errors import HashtagError, SeveralErrors
from hashtag.oci.digest import Digest
from hashtag.oci.reference import Repository
from hashtag.planning.plan import Target

FORMAT_VERSION = "1.0"


@frozen
class Built:
    """The image was built and pushed; where another pipeline was first, the digest is that one's."""

    target: Target
    digest: Digest


@frozen
class Found:
    """
    The image existed.

    Attributes:
        upstream: The repository where it stays, if that is not our own.
    """

    target: Target
    digest: Digest
    upstream: Repository | None = None


@frozen
class NotMade:
    """The image is not there."""

    target: Target
    error: HashtagError


Outcome: TypeAlias = Built | Found | NotMade


@frozen
class BuildReceipt:
    """What became of the images of a plan, parents before children."""

    pipeline_tag: str | None
    outcomes: tuple[Outcome, ...]

    @property
    def errors(self) -> tuple[HashtagError, ...]:
        """Why images are not there, each reason once."""
        return tuple({str(error): error for error in self._errors()}.values())

    def of(self, kind: type[Built | Found | NotMade]) -> tuple[str, ...]:
        """Return the names of the images of which this became."""
        return tuple(outcome.target.name for outcome in self.outcomes if isinstance(outcome, kind))

    def to_json(self) -> str:
        """Return the receipt as JSON, with a line end."""
        document = {
            "format_version": FORMAT_VERSION,
            "pipeline_tag": self.pipeline_tag,
            "images": [_image(outcome) for outcome in self.outcomes],
        }
        return json.dumps(document, indent=2) + "\n"

    def _errors(self) -> Iterator[HashtagError]:
        for outcome in self.outcomes:
            if isinstance(outcome, NotMade):
                error = outcome.error
                yield from error.errors if isinstance(error, SeveralErrors) else (error,)


def _image(outcome: Outcome) -> dict[str, Any]:
    target = outcome.target
    document: dict[str, Any] = {
        "name": target.name,
        "fingerprint": target.fingerprint,
        "cache_reference": str(target.cache_reference),
        "pipeline_reference": str(target.pipeline_reference) if target.pipeline_reference else None,
    }
    match outcome:
        case Built(digest=digest):
            return document | {"outcome": "built", "digest": str(digest)}
        case Found(digest=digest, upstream=upstream):
            where = {"upstream": str(upstream)} if upstream else {}
            return document | {"outcome": "found", "digest": str(digest)} | where
        case NotMade(error=error):
            return document | {
                "outcome": "failed",
                "digest": None,
                "error": str(error),
                "code": error.code,
            }
