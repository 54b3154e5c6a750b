"""PROMOTE: what a published tag stands for, and whether it may move. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from attrs import evolve, field, frozen

from hashtag.errors import InvalidDocument, PromotionRefused
from hashtag.oci.digest import Digest
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.change import AddTag

# How many sets an undo can go back; prune keeps what they name.
HISTORY = 10


@frozen(kw_only=True)
class Member:
    """One image of a set."""

    name: str
    repository: Repository
    digest: Digest

    @property
    def reference(self) -> Reference:
        """The image by digest."""
        return self.repository.at(self.digest)


@frozen(kw_only=True)
class Set:
    """
    Images that were published together, and where they came from.

    Attributes:
        order: Of two sets of one ref the one with the greater number is newer; None where none is known.
        commit_time: RFC 3339 in UTC; decides where numbers do not.
        at: When it was published.
    """

    images: tuple[Member, ...] = field()
    ref: str | None = None
    pipeline_tag: str | None = None
    order: int | None = None
    commit: str | None = None
    commit_time: str | None = None
    at: str

    @images.validator
    def _check(self, _: object, images: tuple[Member, ...]) -> None:
        names = [image.name for image in images]
        if len(set(names)) != len(names):
            raise InvalidDocument("an image stands twice in a set")

    @property
    def label(self) -> str:
        """How messages call it: `pipeline 1742 of main`."""
        number = self.pipeline_tag or self.order
        where = f"pipeline {number}" if number is not None else f"commit {(self.commit or 'unknown')[:12]}"
        return f"{where} of {self.ref}" if self.ref else where

    def over(self, current: Set) -> Set:
        """Return this set with the images of another that it does not name itself."""
        own = {image.name for image in self.images}
        return evolve(self, images=(*self.images, *(i for i in current.images if i.name not in own)))


@frozen(kw_only=True)
class Publication:
    """
    A published tag: what it stands for now, and stood for before.

    Attributes:
        before: Newest first.
    """

    tag: str
    current: Set
    before: tuple[Set, ...] = ()

    @property
    def changes(self) -> tuple[AddTag, ...]:
        """The tags that say so."""
        return tuple(AddTag(i.digest, i.repository.tagged(self.tag)) for i in self.current.images)

    @property
    def members(self) -> tuple[Member, ...]:
        """All images that it names, those of former sets too."""
        return tuple(dict.fromkeys(i for each in (self.current, *self.before) for i in each.images))


@frozen
class Left:
    """
    The published tag stays.

    Attributes:
        reason: A sentence for people.
    """

    current: Publication
    reason: str


Decision: TypeAlias = Publication | Left


def decide_promotion(
    tag: str, current: Publication | None, wanted: Set, *, allow_backwards: bool = False
) -> Decision:
    """
    Choose whether a published tag moves to a set.

    Of one ref the newer set wins, whoever comes last. What `wanted` does not name is carried over.
    The same pipeline may publish again, and then continues its set.

    Args:
        tag: The published one.
        current: None where it was never published.
        allow_backwards: Move it in any case.

    Raises:
        PromotionRefused: The tag belongs to another ref, or nothing says which set is newer.
    """
    if current is None:
        return Publication(tag=tag, current=wanted)
    before = current.current
    if allow_backwards:
        is_there = before.ref == wanted.ref and _compared(wanted, before) == 0
        return _continued(current, wanted) if is_there else _moved(current, wanted)
    if before.ref != wanted.ref:
        raise PromotionRefused(
            f"it stands for {before.label}, and this is {wanted.label}",
            where=tag,
            hint="publish it from one branch; to hand it over: --allow-backwards",
        )
    match _compared(wanted, before):
        case None:
            raise PromotionRefused(
                f"nothing says which is newer, {before.label} or {wanted.label}",
                where=tag,
                hint="give this one a number that grows: --order N; or --allow-backwards",
            )
        case -1:
            return Left(current, f"{before.label} is newer than {wanted.label}")
        case 0:
            return _continued(current, wanted)
        case _:
            return _moved(current, wanted)


def undo(current: Publication | None, tag: str) -> Publication:
    """Return the publication before; raise `PromotionRefused` where there is none."""
    if current is None or not current.before:
        raise PromotionRefused("there is no set before, to go back to", where=tag)
    return Publication(tag=tag, current=current.before[0], before=current.before[1:])


def order_of(pipeline_tag: str | None) -> int | None:
    """Return the number of a pipeline, where its tag is one."""
    # 18 digits: what every reader of JSON keeps exactly, and no slip of int() on a long text.
    is_number = pipeline_tag and pipeline_tag.isascii() and pipeline_tag.isdigit() and len(pipeline_tag) <= 18
    return int(pipeline_tag) if pipeline_tag and is_number else None


def _compared(wanted: Set, before: Set) -> int | None:
    """Return 1 where `wanted` is newer, -1 where it is older, 0 for the same pipeline; None: unknown."""
    if wanted.order is not None and before.order is not None and wanted.order != before.order:
        return 1 if wanted.order > before.order else -1
    is_same_commit = wanted.commit == before.commit
    is_same_number = wanted.order == before.order and wanted.pipeline_tag == before.pipeline_tag
    if is_same_commit and is_same_number and (wanted.commit or wanted.order is not None):
        return 0
    if wanted.commit_time and before.commit_time and wanted.commit_time != before.commit_time:
        return 1 if _seconds(wanted.commit_time) > _seconds(before.commit_time) else -1
    # One commit, two pipelines without comparable numbers: the images are of one content.
    return 1 if is_same_commit and wanted.commit else None


def _seconds(time: str) -> str:
    """Return a form of a time in UTC that sorts: fractions may be absent."""
    return time.removesuffix("Z")


def _moved(current: Publication, wanted: Set) -> Publication:
    before = (current.current, *current.before)[:HISTORY]
    return Publication(tag=current.tag, current=wanted.over(current.current), before=before)


def _continued(current: Publication, wanted: Set) -> Publication:
    merged = wanted.over(current.current)
    if _digests(merged.images) == _digests(current.current.images):
        return current  # published already: the tags are looked at once more
    return evolve(current, current=merged)


def _digests(images: Iterable[Member]) -> dict[str, Reference]:
    return {image.name: image.reference for image in images}
