"""Look-ups by zone: what a pipeline believes, and which cache tag it would write."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from attrs import evolve

from hashtag.oci.manifest import Descriptor
from hashtag.oci.ports import Resolver
from hashtag.oci.reference import Reference
from hashtag.planning.plan import Target
from hashtag.planning.zone import Zone


def look_up(
    targets: Sequence[Target], zone: Zone, rebuild: Collection[str], registry: Resolver
) -> tuple[list[Target], Mapping[Reference, Descriptor]]:
    """
    Return the targets under the cache tags that this pipeline may use, and what those tags hold.

    A trusted pipeline sees trusted images alone. Another takes a trusted one where there is one,
    and builds what is not there, or what it was asked to build again, under its zone's own tag.

    Args:
        targets: In topological order, with the cache tags of trusted pipelines.
        zone: This pipeline's.
        rebuild: Names of images to build anyway, and so all that is built from them.
        registry: Where to look.
    """
    from hashtag.registry.bases import find

    if zone.is_trusted:
        return list(targets), find(registry, [target.cache_reference for target in targets])
    own = {target.name: _in_zone(target, zone) for target in targets}
    references = [*(t.cache_reference for t in targets), *(t.cache_reference for t in own.values())]
    found = find(registry, references)
    forced = set(rebuild)
    chosen: list[Target] = []
    for target in targets:
        if forced & set(target.parents):
            forced.add(target.name)
        is_trusted = target.cache_reference in found and target.name not in forced
        chosen.append(target if is_trusted else own[target.name])
    return chosen, found


def _in_zone(target: Target, zone: Zone) -> Target:
    tag = zone.cache_tag(target.fingerprint)
    return evolve(target, cache_reference=target.repository.tagged(tag))
