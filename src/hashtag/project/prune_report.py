"""Reports of cleanups: what went, what stayed, and why."""

from __future__ import annotations

import json

from attrs import frozen

from hashtag.errors import HashtagError
from hashtag.planning.retention import Retention, Verdict

UNSUPPORTED = "unsupported"


@frozen
class PruneReport:
    """
    What became of every tag.

    Attributes:
        retention: What went and what stayed; of a dry run, what would.
        error: Why the cleanup stopped before its end.
    """

    retention: Retention
    is_dry: bool
    error: HashtagError | None = None

    def to_json(self) -> str:
        """Return the report as JSON, with a line end."""
        document = {
            "deleted": [_row(each) for each in self.retention.deleted],
            "kept": [_row(each) for each in self.retention.kept],
            "dry_run": self.is_dry,
            "unsupported": self.is_unsupported,
        }
        return json.dumps(document, indent=2) + "\n"

    @property
    def is_unsupported(self) -> bool:
        """Whether the registry deletes nothing at all."""
        kept = (each.reason for each in self.retention.kept)
        return not self.retention.deleted and any(reason.startswith(UNSUPPORTED) for reason in kept)


def _row(verdict: Verdict) -> dict[str, str | None]:
    digest = str(verdict.digest) if verdict.digest else None
    return {"reference": str(verdict.reference), "reason": verdict.reason, "digest": digest}
