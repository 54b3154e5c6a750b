"""Deletions: one tag after the other, each after one more look; what goes with it by mistake is put back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

from attrs import define, evolve, field

from hashtag.apply import remove
from hashtag.errors import ManifestMissing, StalePlan
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
    listed,
)
from hashtag.project.closure import needed_digests
from hashtag.project.prune_report import UNSUPPORTED
from hashtag.project.putting_back import check_newcomers, put_back
from hashtag.project.survey import Records, Survey

_Decide: TypeAlias = Callable[[Tags, Known], Mapping[Reference, str]]
# After so long all plans are looked at again, those too that did not list what is to go.
_LOOK_SECONDS = 10.0


@define(kw_only=True)
class Cleanup:
    """
    The deletions of one cleanup.

    Attributes:
        known_by: All that says what is needed, by the plans and sets that are stored.
        tags: What is there, as far as is known.
        deleted: Why, in the order deleted.
        spared: Tags that were to go, and did not.
        deletes_tags: Whether the registry deletes tags; None where that was not tried yet.
        unsupported: Why it deletes nothing at all; empty as long as it may.
        clock: Seconds.
    """

    survey: Survey
    records: Records
    known_by: Callable[[Records], Known]
    tags: dict[Reference, Digest | None]
    deleted: dict[Reference, str] = field(factory=dict)
    spared: dict[Reference, str] = field(factory=dict)
    deletes_tags: bool | None = None
    unsupported: str = ""
    clock: Callable[[], float]
    _looked: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with what was looked at just now."""
        self._looked = self.clock()

    def delete_images(self) -> None:
        """Delete tags of images, pipeline tags before cache tags."""
        for reference in list(doomed_images(self.tags, self._known())):
            if self.unsupported:
                self._note(reference, Unsupported(self.unsupported), "")
                continue
            # Before each: a pipeline that began meanwhile may list what no plan listed before.
            doomed = doomed_images(self.tags, self._known_again([reference]))
            if reference in doomed:
                self._delete(reference, doomed, doomed_images)

    def delete_records(self) -> None:
        """Delete the plans and sets that describe nothing any more."""
        for reference in list(doomed_records(self.tags, self._known())):
            doomed = doomed_records(self.tags, self._known_again([reference]))
            if reference in doomed:
                self._delete(reference, doomed, doomed_records)

    def retention(self, before: Mapping[Reference, Digest | None], known: Known, error: object) -> Retention:
        """Return what went and what stayed, of all that was there in the beginning."""
        now = decide_retention(before, evolve(known, plans=self.records.plans, sets=self.records.sets))
        reasons = {each.reference: each.reason for each in now.kept} | self.spared
        otherwise = "the cleanup stopped before it" if error else "what it describes stays"
        kept = (each for each in before if each not in self.deleted)
        return Retention(
            deleted=tuple(Verdict(each, reason, before[each]) for each, reason in self.deleted.items()),
            kept=tuple(Verdict(each, reasons.get(each, otherwise), before[each]) for each in kept),
        )

    def _known(self) -> Known:
        return self.known_by(self.records)

    def _known_again(self, references: Collection[Reference]) -> Known:
        """Return what is known now: of new plans, of all that list these tags, and after a while of all."""
        is_stale = self.clock() - self._looked > _LOOK_SECONDS
        listing = (
            tag for tag, plan in self.records.plans.items() if not {*listed(plan)}.isdisjoint(references)
        )
        # Our own deletions of records are no news.
        self.records = self.survey.read_again(self.records, None if is_stale else {*listing})
        if is_stale:
            self._looked = self.clock()
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
            saved = self._saved(change.target.repository.at(change.digest)) if siblings else None
            removal = remove(change, self.survey.registry)
        except StalePlan as error:
            return Refused(error.what)
        if isinstance(removal, Removed):
            self.deletes_tags = True
            gone = [each for each in siblings if self.survey.registry.resolve(each) is None]
            put_back(gone, saved, self.survey.registry)
        return removal

    def _saved(self, reference: Reference) -> Manifest | None:
        try:
            return self.survey.registry.manifest(reference)
        except ManifestMissing:
            return None

    def _delete_manifest(
        self, reference: Reference, digest: Digest, doomed: Mapping[Reference, str], decide: _Decide
    ) -> None:
        """Delete by digest, if every tag that holds it goes and nothing that stays needs it."""
        repository = reference.repository
        tags = self.survey.tags([repository])
        holders = [each for each, held in tags.items() if held == digest]
        if reference not in holders:
            self._note(reference, Refused("it moved meanwhile"), "")
            return
        why = self._why_kept(digest, holders, doomed) or self._is_needed(repository, digest, tags, doomed)
        if why:
            # Nobody knows yet whether manifests could go; that tags alone do not is known.
            self._note(reference, Unsupported(f"no tag goes alone here, and {why}"), "")
            return
        saved = self._saved(repository.at(digest))
        # Last, so that a pipeline that began meanwhile would have to do all it does in one moment.
        again = decide(self.tags, self._known_again(holders))
        if any(each not in again for each in holders):
            self._note(reference, Refused("a plan lists it since"), "")
            return
        removal = self.survey.registry.remove_manifest(repository, digest)
        if isinstance(removal, Unsupported) and not self.deleted:
            self.unsupported = removal.reason
        for each in holders:
            self._note(each, removal, doomed[each])
        if isinstance(removal, Removed) and saved:
            check_newcomers(repository, tags, saved, self.survey.registry)

    def _why_kept(self, digest: Digest, holders: Sequence[Reference], doomed: Mapping[Reference, str]) -> str:
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
