"""Belief: whether a plan that comes from a file or a registry could be one of this project's. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from hashtag.errors import InvalidReference
from hashtag.oci.reference import Repository
from hashtag.planning.plan import Failed, Plan, Target
from hashtag.planning.zone import TRUSTED, Zone, check_pipeline_tag

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def why_doubted(plan: Plan, zone: Zone) -> str:
    """
    Return why no pipeline of a zone would have planned this; nothing where one could have.

    What a plan may move are the tag of its pipeline and cache tags, each in its image's repository.
    A cache tag is that of the fingerprint: this zone's, or, as every zone reads it, the trusted one.

    Args:
        plan: What somebody says.
        zone: The one that is to believe it.
    """
    try:
        check_pipeline_tag(plan.pipeline_tag or "none")
    except InvalidReference as error:
        return error.what
    return next(_doubts(plan, zone), "")


def is_below(own: Repository, other: Repository) -> bool:
    """Whether a repository is the project's own, or below it."""
    if own.registry != other.registry:
        return False
    return not own.name or other.name == own.name or other.name.startswith(f"{own.name}/")


def outside(plan: Plan, own: Repository, more: Collection[Repository] = ()) -> list[Repository]:
    """Return the repositories of a plan's images that are neither the project's own, below it, nor named."""
    named = dict.fromkeys(target.repository for target in _targets(plan))
    return [each for each in named if not is_below(own, each) and each not in more]


def _doubts(plan: Plan, zone: Zone) -> Iterator[str]:
    for target in _targets(plan):
        if not _FINGERPRINT.fullmatch(target.fingerprint):
            yield f"{target.name}: {target.fingerprint!r} is not a fingerprint"
        if target.cache_tag not in (each.cache_tag(target.fingerprint) for each in (zone, TRUSTED)):
            yield f"{target.name}: {target.cache_reference} is not the cache tag of its fingerprint here"
        tag = target.pipeline_reference
        if tag is not None and tag != _own_tag(plan, target):
            yield f"{target.name}: {tag} is not the tag of its pipeline"


def _own_tag(plan: Plan, target: Target) -> object:
    return target.repository.tagged(plan.pipeline_tag) if plan.pipeline_tag else None


def _targets(plan: Plan) -> Iterator[Target]:
    return (action.target for action in plan if not isinstance(action, Failed))
