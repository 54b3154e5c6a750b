"""Images with all that can belong to one, for tests of copying."""

from __future__ import annotations

import json

from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.ports import Writer
from hashtag.oci.reference import Reference, Repository
from hashtag.oci.referrers import fallback_index, fallback_tag

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def put_image(
    registry: Writer, repository: Repository, *layers: bytes, name: str = "", subject: Manifest | None = None
) -> Manifest:
    """Put an image by its digest; return its manifest, which has odd white space."""
    config = _blob(registry, repository, json.dumps({"os": "linux", "architecture": name}).encode(), CONFIG)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config,
        "layers": [_blob(registry, repository, layer, LAYER) for layer in layers],
    }
    if subject:
        document["subject"] = subject.descriptor.to_json()
        document["artifactType"] = "application/x.signature"
    return _put(registry, repository, OCI_MANIFEST, document)


def put_image_with_urls(
    registry: Writer, repository: Repository, *layers: tuple[str, bytes | None], url: str
) -> Manifest:
    """Put an image whose layers have a URL: media types, and contents where they are here, too."""
    described = [
        Descriptor(kind, Digest.of(content or kind.encode()), len(content or kind)).to_json()
        | {"urls": [url]}
        for kind, content in layers
    ]
    for _, content in layers:
        if content is not None:
            registry.put_blob(repository, content)
    document = put_image(registry, repository).document() | {"layers": described}
    return _put(registry, repository, OCI_MANIFEST, document)


def put_tree(registry: Writer, target: Reference, *, layer: bytes = b"layer" * 1000) -> Manifest:
    """Put an index of two platforms and an attestation, a signature of each kind, a signature of that."""
    repository = target.repository
    images = [put_image(registry, repository, layer, name.encode(), name=name) for name in ("amd64", "arm64")]
    attestation = put_image(registry, repository, b"attestation", name="unknown")
    children = [_child(image, name) for image, name in zip(images, ("amd64", "arm64"), strict=True)]
    children.append(
        attestation.descriptor.to_json()
        | {
            "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": str(images[0].digest),
            },
        }
    )
    index = _put(
        registry,
        repository,
        OCI_INDEX,
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children},
    )
    registry.put_manifest(index, target)
    signature = put_image(registry, repository, b"signature", subject=index)
    second = put_image(registry, repository, b"of the signature", subject=signature)
    for subject, referrer in ((index, signature), (signature, second)):
        if not registry.referrers(repository, subject.digest):
            registry.put_manifest(
                fallback_index([referrer.descriptor]), repository.tagged(fallback_tag(subject.digest))
            )
    cosign = put_image(registry, repository, b"cosign")
    registry.put_manifest(cosign, repository.tagged(f"{fallback_tag(images[1].digest)}.sig"))
    return index


def all_bytes(registry: Writer, repository: Repository, digest: Digest) -> dict[Digest, bytes]:
    """Return the bytes of a manifest and of all below it and around it, by digest."""
    manifest = registry.manifest(repository.at(digest))
    found = {digest: manifest.content}
    for blob in () if manifest.is_index else manifest.blobs():
        found[blob.digest] = b"".join(registry.blob_pieces(repository, blob))
    below = manifest.children() if manifest.is_index else ()
    for each in (*below, *registry.referrers(repository, digest)):
        found |= all_bytes(registry, repository, each.digest)
    if held := registry.resolve(repository.tagged(f"{fallback_tag(digest)}.sig")):
        found |= all_bytes(registry, repository, held.digest)
    return found


def _blob(registry: Writer, repository: Repository, content: bytes, media_type: str) -> dict[str, object]:
    return Descriptor(media_type, registry.put_blob(repository, content), len(content)).to_json()


def _child(manifest: Manifest, architecture: str) -> dict[str, object]:
    platform = {"os": "linux", "architecture": architecture}
    return manifest.descriptor.to_json() | {"platform": platform}


def _put(registry: Writer, repository: Repository, media_type: str, document: object) -> Manifest:
    manifest = Manifest(media_type, json.dumps(document, indent=3).encode() + b"\n")
    registry.put_manifest(manifest, repository.at(manifest.digest))
    return manifest
