"""What tags need besides the manifest that they hold: children, subjects, what signatures are for."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from hashtag.errors import ManifestMissing, PruneStopped
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import Descriptor
from hashtag.oci.ports import Reader
from hashtag.oci.reference import Reference, Repository
from hashtag.project.members import tree
from hashtag.project.survey import in_parallel

# OCI distribution-spec v1.1.1, «Referrers Tag Schema»; cosign adds .sig, .att and .sbom.
_OF_DIGEST = re.compile(r"sha256-([0-9a-f]{64})(?:\..*)?")


def needed_digests(
    repository: Repository,
    kept: Mapping[Reference, Digest],
    whole: Collection[Reference],
    registry: Reader,
) -> dict[Digest, Reference]:
    """
    Return every manifest that tags of a repository need, with a tag that needs it.

    Args:
        repository: Theirs.
        kept: The tags, and what they hold.
        whole: Those among them whose image has to be whole.
        registry: Where they are.

    Raises:
        PruneStopped: The image of one of `whole` is not.
    """
    roots = {digest: reference for reference, digest in kept.items()}
    strict = {kept[reference] for reference in whole}
    found: dict[Digest, Reference] = {}
    trees = in_parallel(lambda digest: _tree(repository.at(digest), digest in strict, registry), roots)
    for reference, members in zip(roots.values(), trees, strict=True):
        for digest in members:
            found.setdefault(digest, reference)
    for reference in kept:
        if signed := _OF_DIGEST.fullmatch(str(reference.tag)):
            found.setdefault(Digest(f"sha256:{signed[1]}"), reference)
    return found


def _tree(root: Reference, is_strict: bool, registry: Reader) -> list[Digest]:  # noqa: FBT001  # private
    """Return the manifests of an image and the subjects of each."""
    try:
        members = list(tree(root, registry))
        subjects = (_subject(root.repository.at(digest), registry) for digest in members)
        return [*members, *(subject for subject in subjects if subject)]
    except ManifestMissing as error:
        if not is_strict:
            return []
        raise PruneStopped(
            f"the image of a tag that stays is not whole: {error.what}",
            where=str(root),
            hint="look at it first: build it again, or delete its tags by hand",
        ) from error


def _subject(reference: Reference, registry: Reader) -> Digest | None:
    subject = registry.manifest(reference).document().get("subject")
    return Descriptor.from_json(subject).digest if subject else None
