"""Stored documents: reading the artifacts that hashtag puts into a registry."""

from __future__ import annotations

from attrs import frozen

from hashtag.errors import InvalidDocument, ManifestMissing
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import Descriptor
from hashtag.oci.ports import Reader
from hashtag.oci.reference import Reference
from hashtag.planning.change import LAST_USE


@frozen
class Stored:
    """
    A document as it is stored.

    Attributes:
        digest: Of its manifest.
        last_use: RFC 3339; empty where it was not used again.
    """

    digest: Digest
    content: bytes
    last_use: str = ""


def read_artifact(registry: Reader, reference: Reference, artifact_type: str) -> Stored | None:
    """
    Return a stored document; None where there is none.

    Raises:
        InvalidDocument: Something else is there.
    """
    try:
        manifest = registry.manifest(reference)
    except ManifestMissing:
        return None
    try:
        document = manifest.document()
        layers = document.get("layers")
        if document.get("artifactType") != artifact_type or not isinstance(layers, list) or not layers:
            raise InvalidDocument(f"it is not of the type {artifact_type}", where=str(reference))
        content = registry.blob(reference.repository, Descriptor.from_json(layers[0]).digest)
        annotations = document.get("annotations")
        last_use = annotations.get(LAST_USE) if isinstance(annotations, dict) else ""
        return Stored(manifest.digest, content, str(last_use or ""))
    except ManifestMissing:
        if registry.resolve(reference) is None:
            return None  # deleted meanwhile
        raise
