"""Broken images: found where a plan looks at every part, and told from what was repaired since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hashtag.oci.digest import Digest
from hashtag.oci.manifest import Descriptor
from hashtag.oci.ports import Home
from hashtag.oci.reference import Reference
from hashtag.planning.plan import Plan

if TYPE_CHECKING:
    from hashtag.registry.whole import Broken


@contextmanager
def looked_into(registry: Home, *, deep: bool) -> Iterator[tuple[Home, Mapping[Reference, Broken]]]:
    """Yield a registry to look into, and the tags of broken images there, as far as they are known by now."""
    if not deep:
        yield registry, {}
        return
    from hashtag.registry.whole import WholeImages

    with WholeImages(registry) as whole:
        yield whole, whole.broken


def warning(reference: Reference, broken: Broken) -> str:
    """Return what a user should know of a broken image."""
    return (
        f"BROKEN IMAGE: {reference} holds {broken.digest}, whose {broken.missing} is missing; it is not used"
    )


def still_broken(plan: Plan, found: Mapping[Reference, Descriptor], registry: Home) -> dict[str, Digest]:
    """
    Return by name what cache tags still hold of the images that were broken when a plan was made.

    Args:
        plan: A build of it that replaces an image was planned because of that.
        found: What cache references hold now.
        registry: Looked into, where one holds what it held then.
    """
    same = {
        build.name: found[build.target.cache_reference].digest
        for build in plan.builds
        if (held := found.get(build.target.cache_reference)) and held.digest == build.replaces
    }
    if not same:
        return {}
    from hashtag.registry.whole import WholeImages

    repositories = {build.name: build.target.repository for build in plan.builds}
    with WholeImages(registry) as whole:
        return {name: digest for name, digest in same.items() if whole.missing(repositories[name], digest)}
