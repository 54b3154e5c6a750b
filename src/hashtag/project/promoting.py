"""PROMOTE: the set is written, then the tags; all images or none, and never backwards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

from attrs import evolve, frozen

from hashtag.apply import apply, put_tag
from hashtag.errors import AccessDenied, HashtagError, PromotionRefused, RegistryError, raise_all
from hashtag.oci.ports import Writer
from hashtag.planning.change import AddTag, CopyImage
from hashtag.planning.promotion import Left, Publication, Set, decide_promotion, undo
from hashtag.project.members import check_whole
from hashtag.project.sets import SetStore

# Another pipeline may publish at the same time; whoever is newer has the last word.
_ROUNDS = 5


@frozen
class Published:
    """
    The tag stands for this set now, and was moved where it did not.

    Attributes:
        moved: How many images' tags were written.
    """

    publication: Publication
    moved: int


Outcome: TypeAlias = Published | Left


@frozen(kw_only=True)
class Promotion:
    """
    How published tags are moved.

    Attributes:
        store: Where their sets are.
        is_dry: Decide alone; nothing is written.
    """

    registry: Writer
    store: SetStore
    allow_backwards: bool = False
    is_dry: bool = False

    def publish(
        self, tags: Sequence[str], wanted: Set, copies: Collection[CopyImage] = ()
    ) -> tuple[Outcome, ...]:
        """
        Let published tags stand for a set, unless they stand for a newer one.

        All images are looked at with all that they list, and all tags decided on, before the first
        write. Copies are made next, then of each tag its set is written, and the tags after it.

        Args:
            tags: The published ones.
            wanted: What they are to stand for.
            copies: What brings those of its images that another repository holds.

        Raises:
            ManifestMissing: An image is not whole; nothing was written.
            PromotionRefused: A tag may not move; nothing was written.
        """
        decisions = self._decided(tags, wanted)
        moving = (decision for decision in decisions if isinstance(decision, Publication))
        members = list(dict.fromkeys(member for each in moving for member in each.current.images))
        elsewhere = {copy.target.repository.at(copy.digest): copy for copy in copies}
        needed = {m: elsewhere[m.reference] for m in members if m.reference in elsewhere}
        there = (evolve(m, repository=needed[m].source) if m in needed else m for m in members)
        check_whole(there, self.registry)
        if not self.is_dry:
            apply(needed.values(), self.registry)
        return tuple(self._carried_out(tag, wanted) for tag in tags)

    def undo(self, tags: Sequence[str]) -> tuple[Outcome, ...]:
        """Let published tags stand for the set before; raise `PromotionRefused` where there is none."""
        held = [self.store.load(tag) for tag in tags]
        restored = [undo(current, tag) for current, tag in zip(held, tags, strict=True)]
        check_whole(dict.fromkeys(i for each in restored for i in each.current.images), self.registry)
        return tuple(self._written(*pair) for pair in zip(restored, held, strict=True))

    def _decided(self, tags: Sequence[str], wanted: Set) -> list[Publication | Left]:
        decisions: list[Publication | Left] = []
        errors: list[HashtagError] = []
        for tag in tags:
            try:
                decisions.append(self._decide(tag, self.store.load(tag), wanted))
            except PromotionRefused as error:
                errors.append(error)
        raise_all(errors)
        return decisions

    def _decide(self, tag: str, current: Publication | None, wanted: Set) -> Publication | Left:
        return decide_promotion(tag, current, wanted, allow_backwards=self.allow_backwards)

    def _carried_out(self, tag: str, wanted: Set) -> Outcome:
        current = self.store.load(tag)
        decision = self._decide(tag, current, wanted)
        for number in range(_ROUNDS):
            if isinstance(decision, Left):
                # Where we wrote a tag before the newer set was there, its images have the last word.
                if number:
                    self._move(decision.current, decision.current.changes)
                return decision
            outcome = self._tried(decision, current)
            now = current if self.is_dry else self.store.load(tag)
            if outcome is not None and (self.is_dry or now == decision):
                return outcome
            # Another one wrote meanwhile: what we asked for is decided once more, on what is there now.
            current, decision = now, self._again(tag, now, wanted, decision)
        raise PromotionRefused(
            "other pipelines publish it at the same time", where=tag, hint="run the command again"
        )

    def _again(
        self, tag: str, now: Publication | None, wanted: Set, decided: Publication
    ) -> Publication | Left:
        """Decide once more, where another pipeline wrote what we decided about."""
        if self.allow_backwards:
            return decided
        return self._decide(tag, now, wanted)

    def _tried(self, decision: Publication, current: Publication | None) -> Outcome | None:
        """Return what was done; None where another pipeline was in the way."""
        try:
            return self._written(decision, current)
        except RegistryError as error:
            if type(error) is not RegistryError or self.store.load(decision.tag) in (current, decision):
                raise
            return None

    def _written(self, publication: Publication, before: Publication | None) -> Published:
        if self.is_dry:
            held = (self.registry.resolve(change.target) for change in publication.changes)
            pairs = zip(held, publication.changes, strict=True)
            return Published(publication, sum(not now or now.digest != c.digest for now, c in pairs))
        self.store.put(publication)
        return Published(publication, self._move(publication, before.changes if before else ()))

    def _move(self, publication: Publication, before: Collection[AddTag]) -> int:
        return sum(self._tag(change, is_new=change not in before) for change in publication.changes)

    def _tag(self, change: AddTag, *, is_new: bool) -> int:
        """Let a tag hold an image; return how many tags were written for it."""
        if not is_new:
            return len(apply([change], self.registry).moved)
        try:
            # What it holds before makes no difference, and is not asked for.
            put_tag(change, self.registry)
        except AccessDenied:
            held = self.registry.resolve(change.target)
            if held is None or held.digest != change.digest:
                raise
            return 0  # protected, and right already
        return 1
