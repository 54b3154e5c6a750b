"""First image wins: what a pushed image and its tags become."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from hashtag.apply import apply
from hashtag.errors import RegistryError, RegistryUnreachable, StalePlan, TagOccupied, UntrustedAnswer
from hashtag.oci.digest import Digest
from hashtag.oci.ports import Resolver, Writer
from hashtag.oci.reference import Reference
from hashtag.planning.change import AddTag
from hashtag.planning.plan import Build, Reason, Target

# Longer than it takes from a look at a tag to writing it: a few requests.
_PAUSE_SECONDS = 0.3


def settle(
    build: Build, pushed: Digest, registry: Writer, sleep: Callable[[float], object] = time.sleep
) -> Digest:
    """
    Return the digest of the image that counts, after all of its tags hold it.

    The registry has no compare-and-swap, and so two images of one fingerprint can exist for a
    moment; every reader ends on the cache tag.

    Args:
        build: Of a plan.
        pushed: What the builder pushed into the image's repository.
        registry: Where that is.
        sleep: Takes seconds.

    Raises:
        TagOccupied: The cache tag cannot be replaced, which `rebuild` asked for.
    """
    cache = build.target.cache_reference
    if build.reason is Reason.REBUILD_ASKED:
        _replace(pushed, build.target, registry)
        move(build.target, pushed, registry)
        return pushed
    first = held(registry, cache)
    if first is not None and first == build.replaces:
        # Nobody can use it. Another may have replaced it since, and then was first.
        _replace(pushed, build.target, registry)
        first = None
    if first is None:
        first = _add(pushed, cache, registry)
        # Another may have seen no tag either, and write it after us: it has the last word.
        sleep(_PAUSE_SECONDS)
        first = held(registry, cache) or first
    move(build.target, first, registry)
    return first


def move(target: Target, digest: Digest, registry: Writer, free: Collection[Reference] = ()) -> None:
    """
    Give an existing image this pipeline's tag, unless it has it already; no blob is asked for.

    Args:
        target: The image.
        digest: What its cache tag holds.
        registry: Where it is.
        free: Tags that held nothing a moment ago.
    """
    tag = target.pipeline_reference
    if tag is not None and tag != target.cache_reference:
        apply([AddTag(digest, tag)], registry, free=free)


def held(registry: Resolver, reference: Reference) -> Digest | None:
    """Return the digest that a tag holds."""
    found = registry.resolve(reference)
    return found.digest if found else None


def _add(digest: Digest, cache: Reference, registry: Writer) -> Digest:
    """Put the cache tag where none was; return what it holds then: another may have been first."""
    try:
        apply([AddTag(digest, cache)], registry)
    except (RegistryUnreachable, UntrustedAnswer):
        raise
    except (RegistryError, StalePlan, TagOccupied):
        # Read back, it was another's; or it is immutable, and was there.
        first = held(registry, cache)
        if first is None or first == digest:
            raise
        return first
    return digest


def _replace(digest: Digest, target: Target, registry: Writer) -> None:
    try:
        apply([AddTag(digest, target.cache_reference)], registry)
    except TagOccupied as error:
        raise TagOccupied(
            error.what,
            where=error.where,
            hint=f'its tags are immutable; commit a new salt for {target.name} instead: salt = "1"',
        ) from error
