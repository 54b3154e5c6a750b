"""What is in the registry before anything is deleted: every tag, every plan, every set."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from attrs import evolve, frozen

from hashtag.errors import HashtagError, InvalidDocument, PruneStopped, RegistryError
from hashtag.oci.digest import Digest
from hashtag.oci.ports import TagLister, Writer
from hashtag.oci.reference import Reference, Repository
from hashtag.planning import document, publication_document
from hashtag.planning.belief import is_below
from hashtag.planning.plan import Failed, Plan
from hashtag.planning.promotion import Publication
from hashtag.planning.publication_document import SET_TYPE
from hashtag.planning.zone import TRUSTED, Zone
from hashtag.project.artifacts import Stored, read_artifact
from hashtag.project.plans import PLAN_TYPE

IN_FLIGHT = 16
# Of one repository; a list without end is no list.
_TAG_LIMIT = 1_000_000

T = TypeVar("T")
K = TypeVar("K")


class ListingWriter(Writer, TagLister, Protocol):
    """A registry to read from, to write to, and to list."""


@frozen(kw_only=True)
class Records:
    """
    Plans and sets as they are stored.

    Attributes:
        digests: Of all of their tags: what tells that one is new or another.
    """

    digests: Mapping[str, Digest]
    plans: Mapping[str, Plan]
    sets: tuple[Publication, ...]


@frozen(kw_only=True)
class Survey:
    """
    Looks at a project's repositories.

    Attributes:
        own: The project's repository.
        records: That of its plans and sets.
        zone: This pipeline's: its records are read, and trusted ones; no others are.
    """

    registry: ListingWriter
    own: Repository
    records: Repository
    zone: Zone

    def read_records(self) -> Records:
        """Return all plans and sets; raise `PruneStopped` where one cannot be read."""
        return self._read(self._record_digests(), None)

    def read_again(self, before: Records, plans: Collection[str] | None = None) -> Records:
        """
        Return the plans and sets of now, `before` itself where nothing changed.

        Args:
            before: As they were.
            plans: The tags of those that are looked at, besides new ones and all sets; None for all.
        """
        digests = self._record_digests(before.digests, plans)
        return before if digests == before.digests else self._read(digests, before)

    def repositories(self, records: Records, more: Iterable[Repository]) -> list[Repository]:
        """Return every repository that may hold tags of the project: of images, and of records."""
        named = [self.own, *more, self.records]
        for plan in records.plans.values():
            targets = (action.target for action in plan if not isinstance(action, Failed))
            named += [each.repository for each in targets if is_below(self.own, each.repository)]
        members = (member for publication in records.sets for member in publication.current.images)
        named += [each.repository for each in members if is_below(self.own, each.repository)]
        return list(dict.fromkeys(named))

    def tags(self, repositories: Iterable[Repository]) -> dict[Reference, Digest | None]:
        """Return every tag with what it holds; any answer but that and 404 is an error."""
        references: list[Reference] = []
        for repository in repositories:
            for tag in dict.fromkeys(self.registry.tags(repository)):
                references.append(repository.tagged(tag))
                if len(references) > _TAG_LIMIT:
                    raise RegistryError(f"more than {_TAG_LIMIT} tags", where=str(repository))
        return dict(zip(references, in_parallel(self._held, references), strict=True))

    def _held(self, reference: Reference) -> Digest | None:
        found = self.registry.resolve(reference)
        return found.digest if found else None

    def _record_digests(
        self, known: Mapping[str, Digest] | None = None, plans: Collection[str] | None = None
    ) -> dict[str, Digest]:
        tags = [tag for tag in dict.fromkeys(self.registry.tags(self.records)) if self._is_record(tag)]
        known = {} if known is None or plans is None else known
        wanted = [tag for tag in tags if tag not in known or self._is_set(tag) or tag in (plans or ())]
        answers = in_parallel(lambda tag: self._held(self.records.tagged(tag)), wanted)
        held = dict(zip(wanted, answers, strict=True))
        found = {tag: held[tag] if tag in held else known[tag] for tag in tags}
        return {tag: digest for tag, digest in found.items() if digest}

    def _read(self, digests: Mapping[str, Digest], before: Records | None) -> Records:
        same = {tag for tag in digests if before and before.digests.get(tag) == digests[tag]}
        plan_tags = [tag for tag in digests if self._is_plan(tag)]
        set_tags = [tag for tag in digests if self._is_set(tag)]
        known = dict(before.plans) if before else {}
        new = [tag for tag in plan_tags if tag not in same or tag not in known]
        read = dict(zip(new, in_parallel(self._plan, new), strict=True))
        plans = {tag: read[tag] if tag in read else known[tag] for tag in plan_tags}
        sets = in_parallel(self._set, set_tags)
        return Records(
            digests=digests,
            plans={tag: plan for tag, plan in plans.items() if plan},
            sets=tuple(each for each in sets if each),
        )

    def _is_record(self, tag: str) -> bool:
        return self._is_plan(tag) or self._is_set(tag)

    def _is_plan(self, tag: str) -> bool:
        return self.zone.has_plan_tag(tag) or TRUSTED.has_plan_tag(tag)

    def _is_set(self, tag: str) -> bool:
        return self.zone.has_set_tag(tag) or TRUSTED.has_set_tag(tag)

    def _plan(self, tag: str) -> Plan | None:
        return self._document(tag, PLAN_TYPE, _used_plan)

    def _set(self, tag: str) -> Publication | None:
        return self._document(tag, SET_TYPE, lambda stored: publication_document.from_json(stored.content))

    def _document(self, tag: str, artifact_type: str, parse: Callable[[Stored], T]) -> T | None:
        reference = self.records.tagged(tag)
        try:
            stored = read_artifact(self.registry, reference, artifact_type)
            return parse(stored) if stored else None
        except (InvalidDocument, UnicodeDecodeError) as error:
            what = error.what if isinstance(error, HashtagError) else "it is not UTF-8"
            raise PruneStopped(
                f"what needs which image is not known: {what}",
                where=str(reference),
                hint="use the newest hashtag that writes here; or look at it, and delete it by hand",
            ) from error


def _used_plan(stored: Stored) -> Plan:
    """Return a plan that is as old as its last use."""
    plan = document.from_json(stored.content.decode())
    return evolve(plan, at=max(plan.at, stored.last_use)) if stored.last_use else plan


def in_parallel(ask: Callable[[K], T], questions: Iterable[K]) -> list[T]:
    """Return the answers in order; the first error is raised."""
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        return list(pool.map(ask, questions))
