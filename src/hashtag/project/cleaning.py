"""A cleanup of a project: its checkout, its settings and its registry together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from hashtag.apply import apply
from hashtag.errors import ConfigError, HashtagError, InvalidDocument
from hashtag.images.bases import BaseImage, KnownBases
from hashtag.oci.ports import Home
from hashtag.oci.reference import Reference
from hashtag.planning import strict_json
from hashtag.planning.change import PutArtifact
from hashtag.planning.plan import Failed
from hashtag.project.artifacts import read_artifact
from hashtag.project.project import Project
from hashtag.project.promotable import rfc3339
from hashtag.project.prune_report import PruneReport
from hashtag.project.pruning import PruneOptions, prune
from hashtag.project.survey import ListingWriter, Survey

PRUNED_TYPE = "application/vnd.hashtag.pruned.v1+json"
_DAY = timedelta(days=1)


class HomeListingWriter(Home, ListingWriter, Protocol):
    """A registry with a repository of its own, to read from, to write to, and to list."""


def clean(
    project: Project,
    registry: HomeListingWriter,
    environ: Mapping[str, str],
    *,
    bases: KnownBases | Mapping[str, BaseImage] | None = None,
    now: datetime,
    older_than: timedelta = timedelta(days=7),
    max_percent: int = 50,
    is_dry: bool,
) -> tuple[PruneReport, tuple[str, ...]]:
    """
    Return what a cleanup deleted, or would, and warnings of the checkout's plan.

    Raises:
        HashtagError: What is needed is not known for certain; nothing was deleted.
    """
    survey = survey_of(project, registry)
    current: set[Reference] = set()
    warnings: tuple[str, ...] = ()
    if project.images:
        plan = project.plan(registry, bases=bases)
        warnings = plan.warnings
        targets = [action.target for action in plan if not isinstance(action, Failed)]
        current = {target.cache_reference for target in targets}
    published = {tag for tags in project.settings.publish.values() for tag in tags if "{" not in tag}
    options = PruneOptions(
        now=now,
        older_than=older_than,
        current=frozenset(current),
        repositories=tuple(dict.fromkeys(i.repository for i in project.images if i.repository)),
        published=frozenset(published | {"latest", environ.get("CI_DEFAULT_BRANCH", "latest")}),
        max_percent=max_percent,
    )
    return prune(survey, options, is_dry=is_dry), warnings


def survey_of(project: Project, registry: HomeListingWriter) -> Survey:
    """Return where to look for a project's tags and records; raise `ConfigError` where there is no place."""
    records = project.settings.plans_repository
    if records is None:
        raise ConfigError("there is no repository to clean", hint="give --repository")
    return Survey(registry=registry, own=registry.repository, records=records, zone=project.zone)


def clean_daily(
    project: Project,
    registry: HomeListingWriter,
    environ: Mapping[str, str],
    now: datetime,
    bases: KnownBases | None = None,
) -> PruneReport | HashtagError | None:
    """
    Clean up, unless it was done within a day; return what became of it, None where it was not time.

    A pipeline does not fail because of it: what went wrong is returned.
    """
    try:
        survey = survey_of(project, registry)
        reference = survey.records.tagged(survey.zone.prune_tag)
        last = _last(registry, reference)
        # A record of the future is that of a clock which was wrong: it does not hold for ever.
        if last is not None and abs(now - last) < _DAY:
            return None
        # Before it is done, so that the pipelines of the same minute leave it to this one.
        record = json.dumps({"at": rfc3339(now)}).encode()
        apply([PutArtifact(reference, PRUNED_TYPE, record)], registry)
        return clean(project, registry, environ, bases=bases, now=now, is_dry=False)[0]
    except HashtagError as error:
        return error


def _last(registry: HomeListingWriter, reference: Reference) -> datetime | None:
    """Return when it was done last; None for never, and for what cannot be read."""
    try:
        stored = read_artifact(registry, reference, PRUNED_TYPE)
        document = strict_json.parse(stored.content) if stored else {}
        time = datetime.fromisoformat(document["at"])
    except (InvalidDocument, KeyError, TypeError, ValueError):
        return None
    return time if time.tzinfo else None
