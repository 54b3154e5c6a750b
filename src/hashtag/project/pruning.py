"""PRUNE: delete what is known to be ours and not needed; any uncertainty stops it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import define, evolve, field, frozen

from hashtag.apply import remove
from hashtag.errors import HashtagError, ManifestMissing, PruneStopped, StalePlan
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import Manifest
from hashtag.oci.reference import Reference, Repository
from hashtag.oci.removal import Pending, Refused, Removal, Removed, Unsupported
from hashtag.planning.change import RemoveTag
from hashtag.planning.retention import (
    Known,
    Retention,
    Tags,
    Verdict,
    decide_retention,
    doomed_images,
    doomed_records,
)
from hashtag.project.closure import needed_digests
from hashtag.project.prune_report import UNSUPPORTED, PruneReport
from hashtag.project.survey import Records, Survey

_Decide: TypeAlias = Callable[[Tags, Known], Mapping[Reference, str]]

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
    """

    now: datetime
    older_than: timedelta = timedelta(days=7)
    current: frozenset[Reference] = frozenset()
    repositories: tuple[Repository, ...] = ()
    published: frozenset[str] = frozenset({"latest"})
    max_percent: int = 50


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
    run = _Run(survey=survey, options=options, records=records, tags=dict(tags))
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


@define(kw_only=True)
class _Run:
    """
    One cleanup.

    Attributes:
        tags: What is there, as far as is known.
        deleted: Why, in the order deleted.
        spared: Tags that were to go, and did not.
        deletes_tags: Whether the registry deletes tags; None where that was not tried yet.
        unsupported: Why it deletes nothing at all; empty as long as it may.
    """

    survey: Survey
    options: PruneOptions
    records: Records
    tags: dict[Reference, Digest | None]
    deleted: dict[Reference, str] = field(factory=dict)
    spared: dict[Reference, str] = field(factory=dict)
    deletes_tags: bool | None = None
    unsupported: str = ""

    def delete_images(self) -> None:
        """Delete tags of images, pipeline tags before cache tags."""
        for reference in list(doomed_images(self.tags, self._known())):
            if self.unsupported:
                self._note(reference, Unsupported(self.unsupported), "")
                continue
            # Before each: a pipeline that began meanwhile may list what no plan listed before.
            doomed = doomed_images(self.tags, self._known_again())
            if reference in doomed:
                self._delete(reference, doomed, doomed_images)

    def delete_records(self) -> None:
        """Delete the plans and sets that describe nothing any more."""
        for reference in list(doomed_records(self.tags, self._known())):
            doomed = doomed_records(self.tags, self._known_again())
            if reference in doomed:
                self._delete(reference, doomed, doomed_records)

    def retention(self, before: Mapping[Reference, Digest | None], known: Known, error: object) -> Retention:
        """Return what went and what stayed, of all that was there in the beginning."""
        now = decide_retention(before, evolve(known, plans=self.records.plans, sets=self.records.sets))
        reasons = {each.reference: each.reason for each in now.kept} | self.spared
        otherwise = "the cleanup stopped before it" if error else "what it describes stays"
        kept = (each for each in before if each not in self.deleted)
        return Retention(
            deleted=tuple(Verdict(reference, reason) for reference, reason in self.deleted.items()),
            kept=tuple(Verdict(each, reasons.get(each, otherwise)) for each in kept),
        )

    def _known(self) -> Known:
        return _known(self.survey, self.options, self.records)

    def _known_again(self) -> Known:
        # Our own deletions of records are no news.
        self.records = self.survey.read_again(self.records)
        return self._known()

    def _delete(self, reference: Reference, doomed: Mapping[Reference, str], decide: _Decide) -> None:
        digest = self.tags[reference]
        if digest is None or reference in self.spared:
            return
        if self.deletes_tags is not False:
            removal = self._delete_tag(RemoveTag(reference, digest), doomed)
            if not isinstance(removal, Unsupported) or self.deletes_tags:
                self._note(reference, removal, doomed[reference])
                return
            self.deletes_tags = False
        self._delete_manifest(reference, digest, doomed, decide)

    def _delete_tag(self, change: RemoveTag, doomed: Mapping[Reference, str]) -> Removal:
        siblings = [
            each
            for each, held in self.tags.items()
            if each.repository == change.target.repository and held == change.digest and each not in doomed
        ]
        try:
            saved = self._saved(change) if siblings else None
            removal = remove(change, self.survey.registry)
        except StalePlan as error:
            return Refused(error.what)
        if isinstance(removal, Removed):
            self.deletes_tags = True
            self._check_siblings(siblings, saved)
        return removal

    def _saved(self, change: RemoveTag) -> Manifest | None:
        try:
            return self.survey.registry.manifest(change.target.repository.at(change.digest))
        except ManifestMissing:
            return None

    def _check_siblings(self, siblings: Sequence[Reference], saved: Manifest | None) -> None:
        """Put back what a registry took with a tag, though it had other tags; raise `PruneStopped`."""
        lost = [each for each in siblings if self.survey.registry.resolve(each) is None]
        if not lost:
            return
        for each in lost:
            if saved is not None:
                self.survey.registry.put_manifest(saved, each)
        raise PruneStopped(
            "the registry deleted other tags of the same image with one; they were put back",
            where=str(lost[0]),
            hint="this registry cannot be cleaned by tags: use its own means",
        )

    def _delete_manifest(
        self, reference: Reference, digest: Digest, doomed: Mapping[Reference, str], decide: _Decide
    ) -> None:
        """Delete by digest, if every tag that holds it goes and nothing that stays needs it."""
        repository = reference.repository
        tags = self.survey.tags([repository])
        holders = [each for each, held in tags.items() if held == digest]
        why = self._why_kept(reference, holders, doomed) or self._is_needed(repository, digest, tags, doomed)
        # Last, so that a pipeline that began meanwhile would have to do all it does in one moment.
        again = {} if why else decide(self.tags, self._known_again())
        if why or any(each not in again for each in holders):
            self._note(reference, Refused(why or "a plan lists it since"), "")
            return
        removal = self.survey.registry.remove_manifest(repository, digest)
        if isinstance(removal, Unsupported) and not self.deleted:
            self.unsupported = removal.reason
        for each in holders:
            self._note(each, removal, doomed[each])

    def _why_kept(
        self, reference: Reference, holders: Sequence[Reference], doomed: Mapping[Reference, str]
    ) -> str:
        if reference not in holders:
            return "it moved meanwhile"
        digest = self.tags[reference]
        staying = [each for each in holders if each not in doomed or self.tags.get(each) != digest]
        return f"{staying[0].tag} holds the same image, and stays" if staying else ""

    def _is_needed(
        self,
        repository: Repository,
        digest: Digest,
        tags: Mapping[Reference, Digest | None],
        doomed: Mapping[Reference, str],
    ) -> str:
        # Those that are still to go count, too: the cleanup may end before they do.
        others = {each: held for each, held in tags.items() if held and held != digest}
        staying = [each for each in others if each not in doomed]
        needed = needed_digests(repository, others, staying, self.survey.registry)
        return f"{needed[digest].version} needs it" if digest in needed else ""

    def _note(self, reference: Reference, removal: Removal, reason: str) -> None:
        match removal:
            case Removed():
                self.deleted[reference] = reason
                del self.tags[reference]
                if reference.repository == self.survey.records:
                    self._forget(str(reference.tag))
            case Pending():
                self.spared[reference] = "the registry said it would delete it, and has not yet"
            case Refused(text):
                self.spared[reference] = text
            case Unsupported(text):
                self.spared[reference] = f"{UNSUPPORTED}: {text}"

    def _forget(self, tag: str) -> None:
        digests = {name: digest for name, digest in self.records.digests.items() if name != tag}
        plans = {name: plan for name, plan in self.records.plans.items() if name != tag}
        zone = self.survey.zone
        sets = tuple(each for each in self.records.sets if zone.set_tag(each.tag) != tag)
        self.records = evolve(self.records, digests=digests, plans=plans, sets=sets)
