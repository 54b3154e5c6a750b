"""PRUNE: which tags go, which stay, and why. Pure and total; what is not known for certain stays."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import field, frozen

from hashtag.oci.digest import Digest
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.belief import is_below, outside, why_doubted
from hashtag.planning.plan import Failed, Plan
from hashtag.planning.promotion import Publication
from hashtag.planning.zone import TRUSTED, Zone, is_ours

# Every tag of every repository, with what it holds; None: it is listed, and answers 404.
Tags: TypeAlias = Mapping[Reference, Digest | None]


@frozen
class Verdict:
    """
    What becomes of one tag.

    Attributes:
        reason: A sentence for people.
        digest: What it holds, or held.
    """

    reference: Reference
    reason: str
    digest: Digest | None = None


@frozen
class Retention:
    """Every tag, in one of the two."""

    deleted: tuple[Verdict, ...]
    kept: tuple[Verdict, ...]


@frozen(kw_only=True)
class Known:
    """
    All that says which tags are ours, and which are needed.

    Attributes:
        own: The project's repository; a plan of another one is not believed.
        plans: Stored plans by their tags.
        sets: What published tags stand for, and stood for.
        current: The cache references of this checkout.
        published: Tags that are never deleted, whatever lists them.
        zone: This pipeline's: what is not of this zone is somebody's.
        records: The repository of plans and sets.
        now: The time.
        older_than: How old a plan is before what it lists may go.
    """

    own: Repository
    plans: Mapping[str, Plan] = field(hash=False)
    sets: tuple[Publication, ...] = ()
    current: frozenset[Reference] = frozenset()
    published: frozenset[str] = frozenset({"latest"})
    zone: Zone = TRUSTED
    records: Repository
    now: datetime
    older_than: timedelta

    def age(self, plan: Plan) -> timedelta:
        """Return how long ago a plan was made."""
        return self.now - datetime.fromisoformat(plan.at)

    def is_old(self, plan: Plan) -> bool:
        """Whether a plan is of an age at which what it lists may go; one from the future is not."""
        return self.age(plan) > self.older_than

    def foreign(self, plan: Plan) -> set[Reference]:
        """Return what a plan lists of other zones: it was read there, and is theirs to delete."""
        prefix = self.zone.prefix
        return {r for r in listed(plan) if is_ours(str(r.tag)) and not str(r.tag).startswith(prefix)}

    def is_believed(self, tag: str, plan: Plan) -> bool:
        """Whether a plan is stored where it should be, and lists only what it could have written."""
        if plan.pipeline_tag is None or self.zone.plan_tag(plan.pipeline_tag) != tag:
            return False
        return not why_doubted(plan, self.zone) and not outside(plan, self.own)


def listed(plan: Plan) -> Iterator[Reference]:
    """Yield every tag that a plan names."""
    for action in plan:
        if not isinstance(action, Failed):
            yield action.target.cache_reference
            if action.target.pipeline_reference:
                yield action.target.pipeline_reference


def decide_retention(tags: Tags, known: Known) -> Retention:
    """
    Return for every tag whether it goes, and why: images first, then plans and sets.

    A pipeline tag goes only where a stored plan lists it and every plan that lists it is old; a
    cache tag only where also no set and not this checkout needs it.

    Args:
        tags: All there are.
        known: What they are judged by.
    """
    doomed = doomed_images(tags, known)
    left = {reference: digest for reference, digest in tags.items() if reference not in doomed}
    doomed |= doomed_records(left, known)
    reasons = _reasons(tags, known, doomed)
    return Retention(
        deleted=tuple(Verdict(each, doomed[each], held) for each, held in tags.items() if each in doomed),
        kept=tuple(Verdict(each, reasons[each], held) for each, held in tags.items() if each not in doomed),
    )


def doomed_images(tags: Tags, known: Known) -> dict[Reference, str]:
    """Return the tags of images that may go, pipeline tags before cache tags, with reasons."""
    naming = _naming(known)
    held = _set_digests(known)
    doomed: dict[Reference, str] = {}
    for reference, digest in tags.items():
        if digest is not None and not _needed(reference, digest, known, naming, held):
            doomed[reference] = _old(naming[reference], known)
    # What a set needs must stay reachable: where no tag that stays holds it, all of its tags stay.
    kept = {(r.repository, d) for r, d in tags.items() if r not in doomed}
    for reference in list(doomed):
        place = (reference.repository, tags[reference])
        if place in held and place not in kept:
            del doomed[reference]
    is_cache = known.zone.prefix
    return dict(sorted(doomed.items(), key=lambda item: str(item[0].tag).startswith(is_cache)))


def doomed_records(left: Tags, known: Known) -> dict[Reference, str]:
    """
    Return the plans and sets that describe nothing any more.

    Args:
        left: The tags that are still there once the images went.
        known: What they are judged by.
    """
    young = {
        reference for plan in known.plans.values() if not known.is_old(plan) for reference in listed(plan)
    }
    doomed: dict[Reference, str] = {}
    for tag, plan in known.plans.items():
        reference = known.records.tagged(tag)
        described = [
            each for each in listed(plan) if each in left and each not in young | known.foreign(plan)
        ]
        if reference in left and known.is_old(plan) and known.is_believed(tag, plan) and not described:
            doomed[reference] = f"all that {_label(plan, known)} lists is gone, or listed by a younger plan"
    for publication in known.sets:
        reference = known.records.tagged(known.zone.set_tag(publication.tag))
        is_old = known.now - _time(publication.current.at, known.now) > known.older_than
        # What is elsewhere was not looked at, and may be there.
        is_gone = all(
            change.target not in left and is_below(known.own, change.target.repository)
            for change in publication.changes
        )
        if reference in left and is_old and is_gone:
            doomed[reference] = f"the tag {publication.tag} is gone"
    return doomed


def _naming(known: Known) -> dict[Reference, list[tuple[str, Plan]]]:
    naming: dict[Reference, list[tuple[str, Plan]]] = {}
    for tag, plan in known.plans.items():
        for reference in listed(plan):
            naming.setdefault(reference, []).append((tag, plan))
    return naming


def _set_digests(known: Known) -> set[tuple[Repository, Digest | None]]:
    return {(i.repository, i.digest) for publication in known.sets for i in publication.members}


def _needed(
    reference: Reference,
    digest: Digest,
    known: Known,
    naming: Mapping[Reference, list[tuple[str, Plan]]],
    held: Collection[tuple[Repository, Digest | None]],
) -> str:
    """Return why a tag of an image stays; nothing where it may go."""
    plans = naming.get(reference, [])
    tag = str(reference.tag)
    if tag in known.published or any(tag == publication.tag for publication in known.sets):
        return "it is published"
    if not plans:
        return "no stored plan lists it"
    if is_ours(tag) and not tag.startswith(known.zone.prefix):
        return "it is of another zone"
    if doubtful := [tag for tag, plan in plans if not known.is_believed(tag, plan)]:
        return f"the plan {doubtful[0]} is not believed"
    if young := [plan for _, plan in plans if not known.is_old(plan)]:
        return f"{_label(young[0], known)} lists it"
    if reference in known.current:
        return "it is the content of this checkout"
    if tag.startswith(known.zone.prefix) and (reference.repository, digest) in held:
        return "a published set names it, or may go back to it"
    return ""


def _reasons(tags: Tags, known: Known, doomed: Collection[Reference]) -> dict[Reference, str]:
    naming, held = _naming(known), _set_digests(known)
    reasons: dict[Reference, str] = {}
    for reference, digest in tags.items():
        if reference in doomed:
            continue
        record = _record(reference, known)
        if digest is None:
            reasons[reference] = "it is listed, and nothing answers under it"
        elif record:
            reasons[reference] = record
        else:
            needed = _needed(reference, digest, known, naming, held)
            reasons[reference] = needed or "a published set may go back to it, and no other tag holds it"
    return reasons


def _record(reference: Reference, known: Known) -> str:
    """Return why a record of hashtag's stays; nothing for other tags."""
    tag = str(reference.tag)
    if reference.repository != known.records:
        return ""
    if known.zone.has_set_tag(tag):
        return "a published tag stands for it"
    if tag == known.zone.prune_tag:
        return "the record of the last cleanup"
    plan = known.plans.get(tag)
    if plan is None:
        return ""
    if not known.is_believed(tag, plan):
        return "it lists what no plan of this project would"
    return "it lists tags that stay" if known.is_old(plan) else f"{_label(plan, known)} is young"


def _old(plans: Iterable[tuple[str, Plan]], known: Known) -> str:
    youngest = max((plan for _, plan in plans), key=lambda plan: plan.at)
    return f"{_label(youngest, known)} was the last to list it"


def _label(plan: Plan, known: Known) -> str:
    return f"the plan of pipeline {plan.pipeline_tag} ({known.age(plan).days} days old)"


def _time(text: str, otherwise: datetime) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return otherwise  # of no age: it stays
    return time if time.tzinfo else otherwise
