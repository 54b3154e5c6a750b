"""A published tag on its way: written, and looked at, until what is there is what should be there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from attrs import define, evolve

from hashtag.errors import AccessDenied, HashtagError, PromotionRefused, RegistryError
from hashtag.oci.digest import Digest
from hashtag.oci.ports import Resolver, Writer
from hashtag.oci.reference import Reference
from hashtag.planning.change import AddTag
from hashtag.planning.promotion import Decision, Left, Publication
from hashtag.project.sets import SetStore
from hashtag.project.survey import in_parallel

# How often all is written before others who write, too, are an error.
_ROUNDS = 5
# Longer than it takes from a look at a set to writing another one over it: a few requests.
_PAUSE_SECONDS = 0.3


@define(kw_only=True)
class Move:
    """
    One published tag on its way.

    A registry cannot write only if nobody else wrote. So each process looks at the set and at all
    tags a moment after it wrote, and goes on until they agree: whoever is newer has the last word.

    Attributes:
        decide: What is to stand there, by what stands there; asked again when that changed.
        sleep: Takes seconds.
        written: How many tags were written.
    """

    registry: Writer
    store: SetStore
    decide: Callable[[Publication | None], Decision]
    sleep: Callable[[float], object]
    written: int = 0
    _verdict: Left | PromotionRefused | None = None

    def carry_out(self, aim: Publication, before: Publication | None) -> Publication | Left:
        """
        Write a set where it is new, then its tags; return what stands there in the end, or why it is left.

        Args:
            aim: What is to stand there.
            before: What stands there.

        Raises:
            PromotionRefused: Another pipeline wrote what this one may not move; its tags were put back.
            RegistryError: A tag does not hold what is written.
        """
        pending = [change for change in aim.changes if before is None or change not in before.changes]
        for _ in range(_ROUNDS):
            if aim != before or pending:
                self._write(aim, before, pending)
                self.sleep(_PAUSE_SECONDS)
            before = self.store.load(aim.tag)
            if before != aim:
                aim = self._decided_again(before)
            pending = differing(aim, self.registry)
            if before == aim and not pending:
                return self._end(aim)
        raise _endless(aim, before, pending)

    def _decided_again(self, now: Publication | None) -> Publication:
        """Return what is to stand there, after another pipeline wrote: ours, or what it wrote."""
        self._verdict = None
        try:
            decision = self.decide(now)
        except PromotionRefused as refusal:
            if now is None:
                raise
            self._verdict, self.written = refusal, 0
            return now
        if isinstance(decision, Left):
            self._verdict, self.written = decision, 0
            return decision.current
        return decision

    def _end(self, aim: Publication) -> Publication | Left:
        if isinstance(self._verdict, PromotionRefused):
            raise self._verdict
        if self._verdict is None:
            return aim
        restored = f"; {self.written} tags were put back" if self.written else ""
        return evolve(self._verdict, reason=self._verdict.reason + restored)

    def _write(self, aim: Publication, before: Publication | None, pending: Collection[AddTag]) -> None:
        """Write the set, then tags; none of both where another pipeline wrote meanwhile."""
        if aim != before and not self.store.put(aim):
            return
        for number, change in enumerate(pending):
            try:
                self.written += _tag(change, self.registry)
            except HashtagError as error:
                done = f"{number} of {len(pending)} tags moved; once that is mended, run the command again"
                error.hint = f"{error.hint}\n{done}".lstrip("\n")
                raise


def differing(publication: Publication, registry: Resolver) -> list[AddTag]:
    """Return the tags of a publication that do not hold what it says."""
    held = in_parallel(lambda change: _held(change.target, registry), publication.changes)
    return [
        change for change, digest in zip(publication.changes, held, strict=True) if digest != change.digest
    ]


def _tag(change: AddTag, registry: Writer) -> int:
    """Let a tag hold an image; return how many tags were written for it."""
    try:
        registry.put_manifest(registry.manifest(change.source), change.target)
    except AccessDenied:
        if _held(change.target, registry) != change.digest:
            raise
        return 0  # protected, and right already
    return 1


def _held(reference: Reference, registry: Resolver) -> Digest | None:
    found = registry.resolve(reference)
    return found.digest if found else None


def _endless(aim: Publication, now: Publication | None, pending: Iterable[AddTag]) -> HashtagError:
    if now == aim:
        first = next(iter(pending))
        return RegistryError(
            f"the tag does not hold {first.digest} after it was written",
            where=str(first.target),
            hint="somebody else moves it, or the registry does not: look at it, and run the command again",
        )
    return PromotionRefused(
        "other pipelines publish it at the same time", where=aim.tag, hint="run the command again"
    )
