"""Referrers: what refers to a manifest, where a registry lists none. OCI distribution-spec v1.1.1. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from hashtag.errors import ManifestMissing
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_INDEX, Descriptor, Manifest
from hashtag.oci.ports import Fetcher
from hashtag.oci.reference import Repository

# cosign's own tags: a signature, attestations, a bill of materials.
COSIGN_SUFFIXES = ("sig", "att", "sbom")


def fallback_tag(digest: Digest) -> str:
    """Return the tag of «Referrers Tag Schema»."""
    return f"sha256-{digest.hex}"


def cosign_tags(digest: Digest) -> tuple[str, ...]:
    """Return the tags under which cosign keeps what belongs to a manifest."""
    return tuple(f"{fallback_tag(digest)}.{suffix}" for suffix in COSIGN_SUFFIXES)


def fallback_index(listed: Iterable[Descriptor]) -> Manifest:
    """Return the index that stands under the fallback tag, each manifest once."""
    manifests = list({descriptor.digest: descriptor.to_json() for descriptor in listed}.values())
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return Manifest(OCI_INDEX, json.dumps(document, separators=(",", ":")).encode())


def fallback_referrers(registry: Fetcher, repository: Repository, digest: Digest) -> tuple[Descriptor, ...]:
    """Return what the fallback tag lists; nothing where it is not there, or is something else."""
    try:
        manifest = registry.manifest(repository.tagged(fallback_tag(digest)))
    except ManifestMissing:
        return ()
    return manifest.children() if manifest.is_index else ()
