"""Carries out changes through the ports: what is read first, what is written, what is read back."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

from attrs import frozen

from hashtag.errors import HashtagError, InvalidDocument, ManifestMissing, RegistryError, StalePlan, raise_all
from hashtag.oci.copying import Progress, Warn, copy_image
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import EMPTY_TYPE, OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.ports import Reader, Writer
from hashtag.oci.reference import Reference, Repository
from hashtag.oci.removal import Pending, Refused, Removal, Removed, Unsupported
from hashtag.planning.change import AddTag, Change, CopyImage, PutArtifact, RemoveTag
from hashtag.planning.plan import Alias, Plan
from hashtag.planning.zone import TRUSTED

ARTIFACT_LIMIT = 16 * 1024 * 1024
# OCI image-spec v1.1.1, «Guidance for an Empty Descriptor».
_EMPTY = b"{}"
_REPLAN = "plan again: hashtag plan"
_REBUILD = "build it again: hashtag run"


@frozen
class Receipt:
    """
    What was done, each change in one of the two, in their order.

    Attributes:
        moved: These tags were written, and read back; or deleted.
        unchanged: These tags held the right digest already, or were gone; nothing was written.
    """

    moved: tuple[Change, ...]
    unchanged: tuple[Change, ...]


@frozen
class _Step:
    """A change that is needed: the manifest to put under the target, and the blobs it refers to."""

    change: Change
    manifest: Manifest
    blobs: tuple[bytes, ...] = ()


@frozen
class _Copied:
    """A tag for an image that a change before brings."""

    change: AddTag


_Needed: TypeAlias = _Step | _Copied | CopyImage | RemoveTag
_Prepared: TypeAlias = _Needed | HashtagError | None


def apply(
    changes: Iterable[Change],
    registry: Writer,
    progress: Progress | None = None,
    warn: Warn | None = None,
    free: Collection[Reference] = (),
) -> Receipt:
    """
    Carry out changes: first every source is looked at, then the tags are moved.

    A tag that holds the right digest already is not written, so that applying twice is applying
    once, and protected tags are left in peace. An existing image is moved by its manifest alone:
    no blob is asked for. One of another repository is copied with all that belongs to it.

    Args:
        changes: A copy before what names its image.
        registry: Holds the targets, and lets sources be read.
        progress: Told of the bytes of each copy.
        warn: Told of what is not copied.
        free: Tags that held nothing a moment ago, and are not looked at once more.

    Raises:
        StalePlan: A source has vanished; nothing was written. Or a part of one has, which the registry
            tells when it is to be tagged; the tags before it are moved.
        RegistryError: A tag does not hold what was written; the tags before it do.
    """
    wanted = tuple(changes)
    copied = {(c.target.repository, c.digest) for c in wanted if isinstance(c, CopyImage)}
    prepared = [_prepare(change, registry, copied, free) for change in wanted]
    raise_all(step for step in prepared if isinstance(step, HashtagError))
    steps = [step for step in prepared if isinstance(step, _Needed)]
    for step in steps:
        _carry_out(step, registry, progress, warn)
    moved = tuple(step.change if isinstance(step, _Step | _Copied) else step for step in steps)
    unchanged = tuple(change for change, step in zip(wanted, prepared, strict=True) if step is None)
    return Receipt(moved, unchanged)


def apply_plan(
    plan: Plan,
    registry: Writer,
    progress: Progress | None = None,
    warn: Warn | None = None,
    free: Collection[Reference] = (),
) -> Receipt:
    """
    Carry out the changes of a plan, after one more look at what it was made from.

    Raises:
        StalePlan: A cache tag is gone or holds another image than planned; nothing was written.
    """
    raise_all(filter(None, (_stale(alias, registry) for alias in plan.aliases)))
    return apply(plan.changes, registry, progress, warn, free)


def _stale(alias: Alias, registry: Reader) -> StalePlan | None:
    if alias.is_used_elsewhere:
        is_there = registry.resolve(alias.reference) is not None
        return None if is_there else StalePlan("the image is gone", where=str(alias.reference), hint=_REPLAN)
    cache = alias.target.cache_reference
    if alias.upstream is None:
        # Not only looked at: the tag to come is made of these bytes, and needs no second request.
        return _changed(alias, cache, _read(cache, registry))
    # First image wins: what was built here meanwhile is not replaced by a copy.
    held = registry.resolve(cache)
    if held is not None:
        return _changed(alias, cache, held.digest)
    there = alias.upstream.repository.tagged(TRUSTED.cache_tag(alias.target.fingerprint))
    held = registry.resolve(there)
    if held is None:
        return StalePlan("the image is gone", where=str(there), hint=_REPLAN)
    return _changed(alias, there, held.digest)


def _changed(alias: Alias, source: Reference, held: Digest | None) -> StalePlan | None:
    if held == alias.digest:
        return None
    now = f"holds {held} by now" if held else "is gone"
    return StalePlan(f"planned as {alias.digest}, it {now}", where=str(source), hint=_REPLAN)


def _read(reference: Reference, registry: Reader) -> Digest | None:
    try:
        return registry.manifest(reference).digest
    except ManifestMissing:
        return None


def _prepare(
    change: Change,
    registry: Reader,
    copied: Collection[tuple[Repository, Digest]] = (),
    free: Collection[Reference] = (),
) -> _Prepared:
    match change:
        case AddTag(digest, target):
            is_copied = (target.repository, digest) in copied
            is_right = target not in free and _holds(registry, target, digest)
            return None if is_right else _tagging(change, registry, is_copied)
        case CopyImage(digest, _, target):
            return None if _holds(registry, target, digest) else _copying(change, registry)
        case PutArtifact(target, artifact_type, content, annotations):
            manifest = artifact_manifest(artifact_type, content, annotations)
            is_there = _holds(registry, target, manifest.digest)
            return None if is_there else _Step(change, manifest, (_EMPTY, content))
        case RemoveTag():
            return _removing(change, registry)


def _tagging(change: AddTag, registry: Reader, is_copied: bool) -> _Prepared:  # noqa: FBT001 — of this module alone
    if is_copied:
        return _Copied(change)
    try:
        return _Step(change, registry.manifest(change.source))
    except ManifestMissing as error:
        return StalePlan(f"the image is gone: {error.what}", where=str(change.source), hint=_REPLAN)


def _copying(change: CopyImage, registry: Reader) -> _Prepared:
    if registry.resolve(change.reference) is None:
        return StalePlan("the image is gone", where=str(change.reference), hint=_REPLAN)
    return change


def _removing(change: RemoveTag, registry: Reader) -> _Prepared:
    held = registry.resolve(change.target)
    if held is None or held.digest == change.digest:
        return change if held else None
    return StalePlan(f"it holds {held.digest} by now, not {change.digest}", where=str(change.target))


def remove(change: RemoveTag, registry: Writer) -> Removal:
    """
    Delete one tag, after one more look at what it holds.

    Raises:
        StalePlan: It holds something else by now; nothing was deleted.
    """
    match _prepare(change, registry):
        case HashtagError() as error:
            raise error
        case None:
            return Removed()
        case _:
            return registry.remove_tag(change.target)


def _carry_out(step: _Needed, registry: Writer, progress: Progress | None, warn: Warn | None) -> None:
    try:
        _done(step, registry, progress, warn)
    except ManifestMissing as error:
        change = step if isinstance(step, CopyImage | RemoveTag) else step.change
        if isinstance(change, PutArtifact):
            raise
        raise StalePlan(f"the image is broken: {error.what}", where=_image(change), hint=_REBUILD) from error


def _image(change: AddTag | CopyImage | RemoveTag) -> str:
    match change:
        case AddTag():
            return str(change.source)
        case CopyImage():
            return str(change.reference)
        case RemoveTag():
            return str(change.target)


def _done(step: _Needed, registry: Writer, progress: Progress | None, warn: Warn | None) -> None:
    match step:
        case RemoveTag():
            _remove(step, registry)
        case CopyImage(digest, _, target):
            copy_image(registry, step.reference, target, progress, warn)
            _check_holds(registry, target, digest)
        case _Copied(change):
            _put(_Step(change, registry.manifest(change.source)), registry)
        case _Step():
            _put(step, registry)


def _remove(change: RemoveTag, registry: Writer) -> None:
    match registry.remove_tag(change.target):
        case Removed():
            return
        case Pending():
            raise RegistryError("the tag is to be deleted, and is still there", where=str(change.target))
        case Refused(reason) | Unsupported(reason):
            raise RegistryError(f"the tag is not deleted: {reason}", where=str(change.target))


def _put(step: _Step, registry: Writer) -> None:
    target = step.change.target
    for blob in step.blobs:
        registry.put_blob(target.repository, blob)
    registry.put_manifest(step.manifest, target)
    _check_holds(registry, target, step.manifest.digest)


def _check_holds(registry: Reader, target: Reference, digest: Digest) -> None:
    if not _holds(registry, target, digest):
        raise RegistryError(
            f"the tag does not hold {digest} after it was written",
            where=str(target),
            hint="another pipeline may have moved it at the same time: run the command again",
        )


def _holds(registry: Reader, target: Reference, digest: Digest) -> bool:
    held = registry.resolve(target)
    return held is not None and held.digest == digest


def artifact_manifest(
    artifact_type: str, content: bytes, annotations: Mapping[str, str] | None = None
) -> Manifest:
    """
    Return the manifest of a small document; the same content has the same manifest everywhere.

    Raises:
        InvalidDocument: The content is larger than 16 MiB.
    """
    if len(content) > ARTIFACT_LIMIT:
        raise InvalidDocument(
            f"a document of {len(content)} bytes is too large for a registry: 16 MiB at most"
        )
    # OCI image-spec v1.1.1, «Guidelines for Artifact Usage»: an empty config, the type in artifactType.
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": Descriptor(EMPTY_TYPE, Digest.of(_EMPTY), len(_EMPTY)).to_json(),
        "layers": [Descriptor(artifact_type, Digest.of(content), len(content)).to_json()],
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    return Manifest(OCI_MANIFEST, json.dumps(document, separators=(",", ":"), sort_keys=True).encode())
