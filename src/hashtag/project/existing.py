"""What of a plan is there by now."""

from __future__ import annotations

from collections.abc import Collection

from hashtag.errors import ManifestMissing, RegistryError
from hashtag.oci.manifest import Descriptor
from hashtag.oci.ports import Reader
from hashtag.oci.reference import Reference
from hashtag.planning.plan import Plan, Target
from hashtag.project.survey import in_parallel


def existing(
    plan: Plan, targets: Collection[Target], registry: Reader, *, aliases: bool
) -> dict[Reference, Descriptor]:
    """
    Return what the cache tags of a plan's images hold; one that the registry says 404 to is left out.

    Args:
        plan: Says which of them existed.
        targets: The images asked for.
        registry: Where they are.
        aliases: Whether those that existed are about to be tagged.
    """
    tagged = {alias.target.cache_reference for alias in plan.aliases} if aliases else set[Reference]()
    wanted = list(dict.fromkeys(target.cache_reference for target in targets))

    def ask(reference: Reference) -> Descriptor | None:
        return _read(reference, registry) if reference in tagged else registry.resolve(reference)

    answers = zip(wanted, in_parallel(ask, wanted), strict=True)
    return {reference: held for reference, held in answers if held}


def _read(reference: Reference, registry: Reader) -> Descriptor | None:
    """Not only look at a tag: the one to come is made of these bytes, and needs no second request."""
    try:
        return registry.manifest(reference).descriptor
    except ManifestMissing:
        return None
    except RegistryError as error:
        if type(error) is not RegistryError:
            raise
        return registry.resolve(reference)  # what is wrong with the image is told when it is tagged
