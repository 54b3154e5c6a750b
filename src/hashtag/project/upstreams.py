"""Images of other repositories, for what our own does not hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

from hashtag.apply import apply
from hashtag.errors import StalePlan
from hashtag.oci.copying import Progress, Warn
from hashtag.oci.digest import Digest
from hashtag.oci.ports import Home, Resolver, Writer
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.change import CopyImage
from hashtag.planning.plan import Alias, OnUpstreamHit, Plan, Target, Upstream
from hashtag.planning.zone import TRUSTED


def upstreams(
    registry: Home,
    targets: Iterable[Target],
    found: Collection[Reference],
    look_in: Iterable[str],
    on_hit: str,
) -> Mapping[Reference, tuple[Upstream, Digest]]:
    """
    Return what other repositories hold of the targets that ours does not; trusted images alone.

    Args:
        registry: Ours, through which the others are read.
        targets: All that is planned.
        found: The cache references that ours holds.
        look_in: The others, in order.
        on_hit: As configured: `copy` or `use`.
    """
    from hashtag.registry.upstream import find_upstream

    others = [Repository.parse(text) for text in look_in]
    if not others:
        return {}
    missing = {
        target.cache_reference: TRUSTED.cache_tag(target.fingerprint)
        for target in targets
        if target.cache_reference not in found
    }
    there = find_upstream(registry, missing, registry.repository, others)
    return {
        reference: (Upstream(repository, OnUpstreamHit(on_hit)), held.digest)
        for reference, (repository, held) in there.items()
    }


def bring(
    plan: Plan,
    names: Collection[str],
    registry: Writer,
    progress: Progress | None = None,
    warn: Warn | None = None,
) -> None:
    """
    Copy the images of a plan that another repository holds.

    One that is gone there is left out, and one that was built here meanwhile: the first image wins.
    """
    for alias in plan.aliases:
        copies = [change for change in alias.changes if isinstance(change, CopyImage)]
        if copies and alias.name in names and registry.resolve(alias.target.cache_reference) is None:
            with suppress(StalePlan):
                apply(copies, registry, progress, warn)


def used_elsewhere(plan: Plan, names: Collection[str], registry: Resolver) -> dict[str, Alias]:
    """Return by name the images of a plan that stay in another repository, as far as they are still there."""
    from hashtag.registry.bases import find

    used = [alias for alias in plan.aliases if alias.is_used_elsewhere and alias.name in names]
    held = find(registry, [alias.reference for alias in used])
    return {alias.name: alias for alias in used if alias.reference in held}
