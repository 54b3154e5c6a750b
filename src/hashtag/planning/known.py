"""What a plan says of external bases, for a run that has to use the same. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from hashtag.images.bases import BaseImage, KnownBases
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference
from hashtag.planning.plan import Failed, Plan, PlannedBase


def known_bases(plan: Plan) -> KnownBases:
    """
    Return the bases as a plan pinned them.

    A tag that stands in the plan with two digests is left out: one of them was written in a
    Dockerfile, and the plan does not say which.
    """
    known = KnownBases()
    bases = list(_bases(plan))
    digests: dict[Reference, set[str]] = {}
    for base in bases:
        digests.setdefault(Reference.parse(base.reference), set()).add(str(base.digest))
    for base in bases:
        reference = Reference.parse(base.reference)
        written = [reference.with_digest(base.digest), reference.repository.at(base.digest)]
        if len(digests[reference]) == 1:
            written.append(reference)
        for platform, digest in base.platforms.items():
            index = base.digest if base.digest != digest else None
            image = BaseImage(digest, base.configs.get(platform, {}), index)
            for spelling in written:
                known.pin(spelling, Platform.parse(platform), image)
    return known


def _bases(plan: Plan) -> Iterator[PlannedBase]:
    for action in plan:
        if not isinstance(action, Failed):
            yield from action.target.bases
