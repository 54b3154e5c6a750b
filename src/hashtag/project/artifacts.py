"""Stored documents: reading the artifacts that hashtag puts into a registry."""

from __future__ import annotations

from attrs import frozen

from hashtag.errors import InvalidDocument, ManifestMissing
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import Descriptor
from hashtag.oci.ports import Reader
from hashtag.oci.reference import Reference


@frozen
class Stored:
    """
    A document as it is stored.

    Attributes:
        digest: Of its manifest.
    """

    digest: Digest
    content: bytes


def read_artifact(registry: Reader, reference: Reference, artifact_type: str) -> Stored | None:
    """
    Return a stored document; None where there is none.

    Raises:
        InvalidDocument: Something else is there.
    """
    held = registry.resolve(reference)
    if held is None:
        return None
    pinned = reference.repository.at(held.digest)
    try:
        document = registry.manifest(pinned).document()
        layers = document.get("layers")
        if document.get("artifactType") != artifact_type or not isinstance(layers, list) or not layers:
            raise InvalidDocument(f"it is not of the type {artifact_type}", where=str(reference))
        return Stored(
            held.digest, registry.blob(reference.repository, Descriptor.from_json(layers[0]).digest)
        )
    except ManifestMissing:
        if registry.resolve(reference) is None:
            return None  # deleted meanwhile
        raise
