"""What a tool's answers to a build and to its edit are worth, beside what BuildKit did."""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from attrs import frozen

from fidelity.buildkit_cases import Edit

# Edits that BuildKit answers from its cache and hashtag does not, each with its reason.
FALSE_MISSES = {
    "base-copyfrom/base2": "the copied file is the same in both images, which only their layers could tell",
}


@frozen
class Printed:
    """A tool hashed the build."""

    fingerprint: str


@frozen
class Refused:
    """A tool says that the build fails, or failed itself."""

    reason: str


Outcome: TypeAlias = Printed | Refused


class Judgement(Enum):
    """
    What the two outcomes of an edit come to.

    A false hit serves a stale image, a false miss builds for nothing, an error refuses what BuildKit builds.
    """

    RIGHT = "right"
    FALSE_HIT = "false hit"
    FALSE_MISS = "false miss"
    ERROR = "error"


def judge(edit: Edit, before: Outcome, after: Outcome) -> Judgement:
    """Return what a tool's outcomes of a build, before and after an edit, come to."""
    match edit.expect, before, after:
        case _, Refused(), _:
            return Judgement.ERROR
        case "change_or_error", _, Refused():
            return Judgement.RIGHT
        case _, _, Refused():
            return Judgement.ERROR
        case "must_change" | "change_or_error", _, _:
            return Judgement.RIGHT if after != before else Judgement.FALSE_HIT
        case "must_not_change", _, _:
            return Judgement.RIGHT if after == before else Judgement.FALSE_MISS
        case "either", _, _:
            return Judgement.RIGHT
        case expect, _, _:
            raise ValueError(f"{edit.id}: there is no verdict {expect!r}")
