"""The look-up chain: other repositories, in order, for what our own does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hashtag.oci.manifest import Descriptor
from hashtag.oci.ports import Resolver
from hashtag.oci.reference import Reference, Repository
from hashtag.registry.bases import find


def find_upstream(
    registry: Resolver, missing: Mapping[Reference, str], own: Repository, look_in: Iterable[Repository]
) -> dict[Reference, tuple[Repository, Descriptor]]:
    """
    Return where else images are, and what is there; the first repository that has one counts.

    Args:
        registry: Where to ask: each repository only for what those before it did not hold.
        missing: Our own cache tags that hold nothing, each with the tag to look for.
        own: Our repository; an image below it is looked for at the same place below the other.
        look_in: The others.

    Raises:
        RegistryError: One of them cannot be asked: nothing said of any image would be true.
    """
    found: dict[Reference, tuple[Repository, Descriptor]] = {}
    for upstream in look_in:
        asked = {
            reference: same_place(reference.repository, own, upstream).tagged(tag)
            for reference, tag in missing.items()
            if reference not in found and reference.repository.registry == own.registry
        }
        held = find(registry, asked.values())
        found |= {
            reference: (there.repository, held[there]) for reference, there in asked.items() if there in held
        }
    return found


def same_place(repository: Repository, own: Repository, upstream: Repository) -> Repository:
    """Return where another repository holds an image that is at or below our own."""
    name = repository.name
    if name == own.name:
        return upstream
    if own.name and not name.startswith(f"{own.name}/"):
        return Repository(upstream.registry, f"{upstream.name}{name.removeprefix(own.name)}")
    return upstream.child(name.removeprefix(own.name).lstrip("/"))
