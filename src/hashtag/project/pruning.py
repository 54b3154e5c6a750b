"""PRUNE: delete what is known to be ours and not needed; any uncertainty stops it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import frozen

from hashtag.errors import HashtagError, PruneStopped
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.retention import Known, Retention, decide_retention
from hashtag.project.deleting import Cleanup
from hashtag.project.prune_report import PruneReport
from hashtag.project.survey import Records, Survey

# So few tags are deleted without asking how many of all they are.
_FEW = 20


@frozen(kw_only=True)
class PruneOptions:
    """
    What is deleted.

    Attributes:
        current: The cache references of this checkout.
        repositories: Where images of this checkout live, besides what plans say.
        published: Tags that always stay.
        max_percent: The greatest share of all tags that may go at once.
        clock: Seconds.
    """

    now: datetime
    older_than: timedelta = timedelta(days=7)
    current: frozenset[Reference] = frozenset()
    repositories: tuple[Repository, ...] = ()
    published: frozenset[str] = frozenset({"latest"})
    max_percent: int = 50
    clock: Callable[[], float] = time.monotonic


def prune(survey: Survey, options: PruneOptions, *, is_dry: bool) -> PruneReport:
    """
    Delete the tags that nothing needs any more, the plans and sets that described them after them.

    Raises:
        HashtagError: Before the first deletion; after it, the error stands in the report.
        PruneStopped: Far more would go than usual, or a plan or set cannot be read.
    """
    records = survey.read_records()
    tags = survey.tags(survey.repositories(records, options.repositories))
    known = _known(survey, options, records)
    retention = decide_retention(tags, known)
    if is_dry:
        return PruneReport(retention, is_dry=True)
    _check_share(retention, options)
    run = Cleanup(
        survey=survey,
        clock=options.clock,
        records=records,
        tags=dict(tags),
        known_by=lambda records: _known(survey, options, records),
    )
    error: HashtagError | None = None
    try:
        run.delete_images()
        run.delete_records()
    except HashtagError as stopped:
        error = stopped
    return PruneReport(run.retention(tags, known, error), is_dry=False, error=error)


def _known(survey: Survey, options: PruneOptions, records: Records) -> Known:
    return Known(
        own=survey.own,
        plans=records.plans,
        sets=records.sets,
        current=options.current,
        published=options.published,
        zone=survey.zone,
        records=survey.records,
        now=options.now,
        older_than=options.older_than,
    )


def _check_share(retention: Retention, options: PruneOptions) -> None:
    going, staying = len(retention.deleted), len(retention.kept)
    percent = 100 * going // max(1, going + staying)
    if going > _FEW and percent > options.max_percent:
        raise PruneStopped(
            f"{going} of {going + staying} tags would go, {percent} %",
            hint=f"look at the dry run; if it is right: --max-percent {percent}",
        )
