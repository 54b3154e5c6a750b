"""Manifests: the bytes that a tag names, and what stands in them."""

from __future__ import annotations

import json
from typing import Any

from attrs import field, frozen

from hashtag.errors import RegistryError
from hashtag.oci.digest import Digest
from hashtag.oci.platform import Platform

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MEDIA_TYPES = (OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST)
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"

# OCI distribution-spec v1.1.1, «Pushing manifests»: both sides should support at least 4 MiB.
SIZE_LIMIT = 4 * 1024 * 1024


@frozen
class Descriptor:
    """What a registry says of some bytes: their media type, digest and size in bytes."""

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    annotations: dict[str, str] = field(factory=dict, hash=False)
    artifact_type: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the OCI JSON form, without empty members."""
        document: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.platform:
            document["platform"] = _platform_json(self.platform)
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        return document

    @classmethod
    def from_json(cls, document: Any) -> Descriptor:
        """Read the OCI JSON form; raise `RegistryError` where it is not one."""
        try:
            platform = document.get("platform")
            return cls(
                media_type=str(document["mediaType"]),
                digest=Digest(document["digest"]),
                size=int(document["size"]),
                platform=_platform(platform) if platform else None,
                annotations=dict(document.get("annotations") or {}),
                artifact_type=str(document.get("artifactType") or ""),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RegistryError(f"not a descriptor: {error!r}") from error


@frozen
class Manifest:
    """The very bytes of a manifest or index, and the media type under which they were stored."""

    media_type: str
    content: bytes = field(repr=False)

    @property
    def digest(self) -> Digest:
        """The digest of the bytes."""
        return Digest.of(self.content)

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of the bytes."""
        return Descriptor(self.media_type, self.digest, len(self.content))

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests, one a platform."""
        return self.media_type in (OCI_INDEX, DOCKER_LIST)

    def document(self) -> dict[str, Any]:
        """
        Return the parsed JSON.

        Raises:
            RegistryError: It is no JSON object, has a key twice or NaN, or is index and manifest at
                once (CVE-2021-41190).
        """
        try:
            document = json.loads(self.content, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise RegistryError(f"manifest {self.digest} is not valid JSON: {error}") from error
        if not isinstance(document, dict):
            raise RegistryError(f"manifest {self.digest} is not a JSON object")
        if "manifests" in document and ("layers" in document or "config" in document):
            raise RegistryError(f"manifest {self.digest} is an index and an image at once")
        return document

    def children(self) -> tuple[Descriptor, ...]:
        """Return what an index lists, in its order; nothing for an image."""
        return tuple(Descriptor.from_json(child) for child in self.document().get("manifests") or ())

    def references(self) -> tuple[Digest, ...]:
        """
        Return what has to be in a repository before this manifest: children, or config and layers.

        Foreign layers, which have URLs, need not be there.
        """
        document = self.document()
        parts = [*(document.get("manifests") or ()), *(document.get("layers") or ())]
        parts += [document["config"]] if document.get("config") else []
        here = (part for part in parts if not (isinstance(part, dict) and part.get("urls")))
        return tuple(Descriptor.from_json(part).digest for part in here)

    def blobs(self) -> tuple[Descriptor, ...]:
        """Return an image's config and layers; foreign layers, which have URLs, are left out."""
        document = self.document()
        parts = [document["config"]] if document.get("config") else []
        parts += document.get("layers") or ()
        here = (part for part in parts if not (isinstance(part, dict) and part.get("urls")))
        return tuple(Descriptor.from_json(part) for part in here)

    def foreign_layers(self) -> tuple[Descriptor, ...]:
        """Return the layers that have URLs: a registry may take the image without them."""
        layers = self.document().get("layers") or ()
        elsewhere = (layer for layer in layers if isinstance(layer, dict) and layer.get("urls"))
        return tuple(Descriptor.from_json(layer) for layer in elsewhere)

    def config(self) -> Descriptor:
        """Return the descriptor of an image's config."""
        return Descriptor.from_json(self.document().get("config"))


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return document


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _platform(document: dict[str, Any]) -> Platform:
    parts = (document.get(key) or "" for key in ("os", "architecture", "variant"))
    return Platform.parse("/".join(str(part) for part in parts if part))


def _platform_json(platform: Platform) -> dict[str, str]:
    document = {"architecture": platform.architecture, "os": platform.os}
    return document | ({"variant": platform.variant} if platform.variant else {})
