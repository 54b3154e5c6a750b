"""DECIDE: which images are built, and why. Pure and total."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from hashtag.errors import MissingParent
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import Descriptor
from hashtag.oci.reference import Reference
from hashtag.planning.plan import Action, Alias, Build, Failed, Reason, Target, Upstream


def decide(
    targets: Iterable[Target],
    found: Mapping[Reference, Descriptor],
    *,
    upstream: Mapping[Reference, tuple[Upstream, Digest]] | None = None,
    broken: Mapping[Reference, Digest] | None = None,
    rebuild: Collection[str] = (),
    failed: Iterable[Failed] = (),
) -> tuple[Action, ...]:
    """
    Choose for each image whether it is built or exists already.

    A hit is a hit even where its parent's image is built: the fingerprint covers the parent's.

    Args:
        targets: In topological order: a parent before its children.
        found: What the registry holds under cache references; one absent here is absent there.
        upstream: What other repositories hold in place of cache references.
        broken: What cache references hold that cannot be used: it is built again, and replaced.
        rebuild: Names of images to build anyway, their descendants with them.
        failed: Images that cannot be planned; what is built from one cannot be either.

    Returns:
        The failed first, then the targets in their order.
    """
    actions: dict[str, Action] = {failure.name: failure for failure in failed}
    for target in targets:
        replaces = (broken or {}).get(target.cache_reference)
        actions[target.name] = _action(target, found, upstream or {}, replaces, rebuild, actions)
    return tuple(actions.values())


def _action(
    target: Target,
    found: Mapping[Reference, Descriptor],
    upstream: Mapping[Reference, tuple[Upstream, Digest]],
    replaces: Digest | None,
    rebuild: Collection[str],
    before: Mapping[str, Action],
) -> Action:
    match _choice(target, found, upstream, replaces, rebuild, before):
        case Reason() as reason:
            return Build(target, reason, parent_images(target, before), replaces)
        case Descriptor(digest=digest):
            return Alias(target, Reason.HIT, digest)
        case (elsewhere, digest):
            return Alias(target, Reason.HIT_UPSTREAM, digest, elsewhere)
        case Failed(name=parent):
            return Failed(target.name, f"its parent {parent!r} cannot be planned", MissingParent.code)


def _choice(
    target: Target,
    found: Mapping[Reference, Descriptor],
    upstream: Mapping[Reference, tuple[Upstream, Digest]],
    replaces: Digest | None,
    rebuild: Collection[str],
    before: Mapping[str, Action],
) -> Reason | Descriptor | tuple[Upstream, Digest] | Failed:
    parents = [before[name] for name in target.parents if name in before]
    built = [parent for parent in parents if isinstance(parent, Build)]
    is_asked = target.name in rebuild or any(parent.reason is Reason.REBUILD_ASKED for parent in built)
    hit = found.get(target.cache_reference) or upstream.get(target.cache_reference)
    if hit and not is_asked:
        return hit
    if missing := [parent for parent in parents if isinstance(parent, Failed)]:
        return missing[0]
    if is_asked:
        return Reason.REBUILD_ASKED
    if replaces:
        return Reason.CACHE_IS_BROKEN
    return Reason.PARENT_IS_BUILT if built else Reason.NEVER_BUILT


def parent_images(target: Target, before: Mapping[str, Action]) -> dict[str, Reference]:
    """Return where a build finds its parents, by name: an existing one by digest, another by its tag."""
    return {
        parent: action.reference
        for parent in target.parents
        if isinstance(action := before.get(parent), (Build, Alias))
    }
