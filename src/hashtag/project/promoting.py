"""PROMOTE: the set is written, then the tags; all images or none, and never backwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TypeAlias

from attrs import evolve, field, frozen

from hashtag.apply import apply
from hashtag.errors import HashtagError, PromotionRefused, raise_all
from hashtag.oci.copying import Progress, Warn
from hashtag.oci.ports import Writer
from hashtag.oci.reference import Reference
from hashtag.planning.change import CopyImage
from hashtag.planning.promotion import Decision, Left, Publication, Set, decide_promotion, undo
from hashtag.project.members import check_whole
from hashtag.project.moving import Move, differing
from hashtag.project.sets import SetStore


@frozen
class Published:
    """
    The tag stands for this set now, and was moved where it did not.

    Attributes:
        moved: How many images' tags were written.
        beyond: Tags of images that the set does not name; an undo leaves them as they are.
    """

    publication: Publication
    moved: int
    beyond: tuple[Reference, ...] = ()


Outcome: TypeAlias = Published | Left


@frozen(kw_only=True)
class Promotion:
    """
    How published tags are moved.

    Attributes:
        store: Where their sets are.
        is_dry: Decide alone; nothing is written.
        sleep: Takes seconds.
        progress: Told of the bytes of each copy.
        warn: Told of what is not copied.
    """

    registry: Writer
    store: SetStore
    allow_backwards: bool = False
    is_dry: bool = False
    sleep: Callable[[float], object] = field(default=time.sleep)
    progress: Progress | None = None
    warn: Warn | None = None

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
            apply(needed.values(), self.registry, self.progress, self.warn)
        return tuple(self._published(tag, wanted) for tag in tags)

    def undo(self, tags: Sequence[str]) -> tuple[Outcome, ...]:
        """Let published tags stand for the set before; raise `PromotionRefused` where there is none."""
        held = [self.store.load(tag) for tag in tags]
        restored = [undo(current, tag) for current, tag in zip(held, tags, strict=True)]
        check_whole(dict.fromkeys(i for each in restored for i in each.current.images), self.registry)
        return tuple(self._undone(*pair) for pair in zip(restored, held, strict=True))

    def _decided(self, tags: Sequence[str], wanted: Set) -> list[Decision]:
        decisions: list[Decision] = []
        errors: list[HashtagError] = []
        for tag in tags:
            try:
                decisions.append(self._decide(tag, wanted, self.store.load(tag)))
            except PromotionRefused as error:
                errors.append(error)
        raise_all(errors)
        return decisions

    def _decide(self, tag: str, wanted: Set, current: Publication | None) -> Decision:
        return decide_promotion(tag, current, wanted, allow_backwards=self.allow_backwards)

    def _published(self, tag: str, wanted: Set) -> Outcome:
        decide = partial(self._decide, tag, wanted)
        current = self.store.load(tag)
        decision = decide(current)
        return decision if isinstance(decision, Left) else self._carried_out(decision, current, decide)

    def _undone(self, aim: Publication, before: Publication | None) -> Outcome:
        outcome = self._carried_out(aim, before, partial(_overtaken, aim.tag))
        if isinstance(outcome, Left) or before is None:
            return outcome
        named = {change.target for change in aim.changes}
        beyond = (change.target for change in before.changes if change.target not in named)
        return evolve(outcome, beyond=tuple(beyond))

    def _carried_out(
        self, aim: Publication, before: Publication | None, decide: Callable[[Publication | None], Decision]
    ) -> Outcome:
        if self.is_dry:
            return Published(aim, len(differing(aim, self.registry)))
        move = Move(registry=self.registry, store=self.store, decide=decide, sleep=self.sleep)
        end = move.carry_out(aim, before)
        return end if isinstance(end, Left) else Published(end, move.written)


def _overtaken(tag: str, now: Publication | None) -> Decision:
    """Refuse an undo: what stands there now is not what was to be undone."""
    stands = f"it stands for {now.current.label} now" if now else "its set is gone"
    raise PromotionRefused(
        f"another pipeline published it at the same time: {stands}",
        where=tag,
        hint="look at it, and undo again",
    )
