"""Putting back: what a registry took with a deletion, though a tag that stays needs it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hashtag.errors import ManifestMissing, PruneStopped
from hashtag.oci.manifest import Manifest
from hashtag.oci.ports import Reader
from hashtag.oci.reference import Reference, Repository
from hashtag.project.members import tree
from hashtag.project.survey import ListingWriter


def put_back(gone: Sequence[Reference], manifest: Manifest | None, registry: ListingWriter) -> None:
    """
    Write tags again that went with another one of the same image.

    Args:
        gone: Tags that stay, and are not there any more.
        manifest: What they held; None where it could not be read.
        registry: Where they were.

    Raises:
        PruneStopped: There was one.
    """
    if not gone:
        return
    end = "what they held is not known"
    if manifest is not None:
        for reference in gone:
            registry.put_manifest(manifest, reference)
        end = "they were put back"
    raise PruneStopped(
        f"the registry deleted other tags of the same image with one; {end}",
        where=str(gone[0]),
        hint="this registry cannot be cleaned by tags: use its own means",
    )


def check_newcomers(
    repository: Repository, before: Collection[Reference], lost: Manifest, registry: ListingWriter
) -> None:
    """
    Do nothing if no tag came that needs a manifest which was deleted in the same moment.

    A registry may keep a tag whose manifest is gone: it leads somewhere again once that is back.

    Args:
        repository: Whose tags.
        before: All there were right before.
        lost: The manifest.
        registry: Where it was.

    Raises:
        PruneStopped: One did; the manifest was put back.
    """
    names = (repository.tagged(tag) for tag in dict.fromkeys(registry.tags(repository)))
    hurt = [each for each in names if each not in before and not _is_whole(each, registry)]
    if not hurt:
        return
    registry.put_manifest(lost, repository.at(lost.digest))
    healed = [each for each in hurt if _is_whole(each, registry)]
    if healed:
        raise PruneStopped(
            "it came in the moment in which an image was deleted that it needs; that was put back",
            where=str(healed[0]),
            hint="run the cleanup of a registry that deletes no tags while no pipeline runs",
        )


def _is_whole(reference: Reference, registry: Reader) -> bool:
    found = registry.resolve(reference)
    if found is None:
        return False
    try:
        tree(reference.repository.at(found.digest), registry)
    except ManifestMissing:
        return False
    return True
