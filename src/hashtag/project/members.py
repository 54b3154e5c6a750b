"""Members of a set: which digest of each image is published, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeGuard

from attrs import evolve, frozen

from hashtag.errors import (
    HashtagError,
    ManifestMissing,
    PromotionRefused,
    RegistryError,
    StalePlan,
    raise_all,
)
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import Descriptor
from hashtag.oci.ports import Reader
from hashtag.oci.reference import Reference
from hashtag.planning.change import CopyImage
from hashtag.planning.plan import Alias, Build, Failed, Plan, Target
from hashtag.planning.promotion import Member
from hashtag.planning.zone import TRUSTED
from hashtag.project.survey import in_parallel

IN_FLIGHT = 16
_DEPTH = 8
_COUNT = 10_000


@frozen
class Chosen:
    """
    An image of a set, and where its digest comes from.

    Attributes:
        origin: "build receipt", "pipeline tag", "cache tag", "other repository" or "command line".
        note: What a user should know of it; empty where all is as expected.
        copy: What brings it into our repository; None where it is there.
    """

    member: Member
    origin: str
    note: str = ""
    copy: CopyImage | None = None


def choose(
    plan: Plan, registry: Reader, receipt: Mapping[str, Reference], *, has_zones: bool = False
) -> list[Chosen]:
    """
    Return each image of a plan by digest.

    As a receipt has it, else as this pipeline's tag and the cache tag agree; where they do not, the
    cache tag decides, and the note says so. What only another repository holds is to be copied.

    Args:
        plan: Whose images.
        registry: Where they are.
        receipt: By name the cache reference with the digest that was built or found.
        has_zones: Whether the receipt, too, may be a merge request's: then the cache tag, which only
            trusted pipelines write, has to hold what it says.

    Raises:
        PromotionRefused: The plan holds an image that could not be planned, or one of a zone, or the
            receipt one.
        ManifestMissing: An image is not there; of several, all of them.
        StalePlan: The receipt is of another plan.
    """
    raise_all(_unfit(plan, receipt))
    actions = [action for action in plan if not isinstance(action, Failed)]
    found = _found(actions, registry, {} if has_zones else receipt)
    raise_all(_unproved(actions, found, receipt) if has_zones else ())
    chosen = [_choice(action, found, receipt) for action in actions]
    raise_all(each for each in chosen if isinstance(each, HashtagError))
    return [each for each in chosen if isinstance(each, Chosen)]


def check_whole(members: Iterable[Member], registry: Reader) -> None:
    """
    Do nothing if every image is there with all that it lists.

    Raises:
        ManifestMissing: One is not; of several, all of them.
    """
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        answers = pool.map(lambda member: _broken(member.reference, registry), members)
        raise_all(error for error in answers if error)


def tree(root: Reference, registry: Reader) -> dict[Digest, Reference]:
    """Return the manifests of an image: its own, and those that indexes list; raise `ManifestMissing`."""
    assert root.digest is not None  # by contract  # noqa: S101
    found: dict[Digest, Reference] = {}
    layer = [root.digest]
    for _ in range(_DEPTH):
        following: list[Digest] = []
        for digest in layer:
            if digest not in found:
                found[digest] = root.repository.at(digest)
                following += [child.digest for child in _children(found[digest], registry)]
        if len(found) > _COUNT:
            raise RegistryError(f"more than {_COUNT} manifests in one image", where=str(root))
        if not following:
            return found
        layer = following
    raise RegistryError(f"indexes in indexes, {_DEPTH} deep", where=str(root))


def _children(reference: Reference, registry: Reader) -> tuple[Descriptor, ...]:
    manifest = registry.manifest(reference)
    return manifest.children() if manifest.is_index else ()


def _broken(reference: Reference, registry: Reader) -> HashtagError | None:
    try:
        tree(reference, registry)
    except ManifestMissing as error:
        return ManifestMissing(f"the image is not whole: {error.what}", where=str(reference), hint="build it")
    except HashtagError as error:
        return error
    return None


def _unfit(plan: Plan, receipt: Mapping[str, Reference]) -> list[HashtagError]:
    errors: list[HashtagError] = [
        PromotionRefused(f"it could not be planned: {failed.error}", where=failed.name)
        for failed in plan.failed
    ]
    targets = {action.name: action.target for action in plan if not isinstance(action, Failed)}
    errors += [
        PromotionRefused("the image is of an untrusted pipeline", where=str(target.cache_reference))
        for target in targets.values()
        if target.cache_tag != TRUSTED.cache_tag(target.fingerprint)
    ]
    errors += [
        StalePlan("the receipt is of another plan", where=name, hint="plan and build again")
        for name, built in receipt.items()
        if name in targets and evolve(built, digest=None) != targets[name].cache_reference
    ]
    if not targets and not errors:
        errors.append(PromotionRefused("the plan holds no image"))
    return errors


def _found(
    actions: Iterable[Build | Alias], registry: Reader, receipt: Mapping[str, Reference]
) -> dict[Reference, Digest]:
    """Return what the tags hold that the choice is made from; those of receipts need no look."""

    def ask(reference: Reference) -> Digest | None:
        if reference not in caches:
            held = registry.resolve(reference)
            return held.digest if held else None
        try:
            # Not only looked at: it is read for its parts, and for the tag to come.
            return registry.manifest(reference).digest
        except ManifestMissing:
            return None

    open_ones = [each for each in actions if each.name not in receipt or _is_elsewhere(each)]
    caches = {each.target.cache_reference for each in open_ones}
    own = {each.target.pipeline_reference for each in open_ones if each.name not in receipt}
    answers = in_parallel(ask, wanted := [*caches, *(each for each in own - caches if each)])
    return {reference: digest for reference, digest in zip(wanted, answers, strict=True) if digest}


def _unproved(
    actions: Iterable[Build | Alias], found: Mapping[Reference, Digest], receipt: Mapping[str, Reference]
) -> Iterator[PromotionRefused]:
    """Yield an error for each image of a receipt that is not the one under its cache tag."""
    for action in actions:
        built, cache = receipt.get(action.name), action.target.cache_reference
        held = found.get(cache) or (action.digest if _is_elsewhere(action) else None)
        if built is not None and built.digest != held:
            what = f"the receipt says {built.digest}, and the cache tag holds {held or 'nothing'}"
            yield PromotionRefused(what, where=str(cache), hint="publish without --receipt")


def _is_elsewhere(action: Build | Alias) -> TypeGuard[Alias]:
    return isinstance(action, Alias) and action.upstream is not None


def _choice(
    action: Build | Alias, found: Mapping[Reference, Digest], receipt: Mapping[str, Reference]
) -> Chosen | HashtagError:
    target = action.target
    cached = found.get(target.cache_reference)
    built = receipt.get(target.name)
    if built is not None and built.digest is not None:
        copy = _copy(action, built.digest) if cached is None else None
        return Chosen(_member(target, built.digest), "build receipt", _noted(copy), copy)
    if cached is not None:
        return _tagged(target, cached, found)
    copy = _copy(action, action.digest) if isinstance(action, Alias) else None
    if copy is None:
        return ManifestMissing(
            f"{target.name} is not there to be published", where=str(target.cache_reference), hint="build it"
        )
    return Chosen(_member(target, copy.digest), "other repository", _noted(copy), copy)


def _tagged(target: Target, cached: Digest, found: Mapping[Reference, Digest]) -> Chosen:
    own = found.get(target.pipeline_reference) if target.pipeline_reference else None
    member = _member(target, cached)
    if own == cached:
        return Chosen(member, "pipeline tag")
    if own is None:
        return Chosen(member, "cache tag", f"{target.name}: no pipeline tag, the cache tag's image is taken")
    note = f"{target.name}: {target.pipeline_reference} holds {own}, the cache tag's image is taken"
    return Chosen(member, "cache tag", note)


def _copy(action: Build | Alias, digest: Digest) -> CopyImage | None:
    """Return what brings an image that was found in another repository, to be used there or not."""
    if not isinstance(action, Alias) or action.upstream is None or action.digest != digest:
        return None
    return CopyImage(digest, action.upstream.repository, action.target.cache_reference)


def _noted(copy: CopyImage | None) -> str:
    return f"{copy.target.repository}: published from a copy of {copy.reference}" if copy else ""


def _member(target: Target, digest: Digest) -> Member:
    return Member(name=target.name, repository=target.repository, digest=digest)
