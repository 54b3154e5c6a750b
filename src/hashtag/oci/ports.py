"""Ports: what the flow needs of a registry, one capability a protocol.

The HTTP client, the OCI layout folder and the memory registry of `hashtag.testing` offer all of
them, and pass the same tests. A registry that is handed to threads is called from several at once.

Every method raises `AccessDenied` (401 and 403), `RegistryUnreachable` (after the retries) and
`RegistryError` (an answer that the specification does not allow). Only 404 means missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from hashtag.oci.digest import Digest
from hashtag.oci.manifest import Descriptor, Manifest
from hashtag.oci.reference import Reference, Repository
from hashtag.oci.removal import Removal


class Resolver(Protocol):
    """Answers what a tag or digest names."""

    def resolve(self, reference: Reference) -> Descriptor | None:
        """Return the descriptor, or None where the registry says 404; costs a HEAD."""


class Fetcher(Protocol):
    """Reads manifests and small blobs."""

    def manifest(self, reference: Reference) -> Manifest:
        """Return the very bytes, verified against their digest; raise `ManifestMissing`."""

    def blob(self, repository: Repository, digest: Digest) -> bytes:
        """Return a small blob (at most 16 MiB), verified; raise `ManifestMissing`."""


class Tagger(Protocol):
    """Writes manifests."""

    def put_manifest(self, manifest: Manifest, reference: Reference) -> Digest:
        """Store the very bytes under the reference; return the digest the registry gave."""


class BlobWriter(Protocol):
    """Writes small blobs."""

    def put_blob(self, repository: Repository, content: bytes) -> Digest:
        """Store the bytes, if they are not there yet; return their digest."""


class BlobFinder(Protocol):
    """Answers whether blobs are there."""

    def has_blob(self, repository: Repository, digest: Digest) -> bool:
        """Return whether a blob is there; costs a HEAD."""


class BlobStreamer(BlobFinder, Protocol):
    """Reads and writes blobs of any size, piece by piece."""

    def blob_pieces(self, repository: Repository, blob: Descriptor) -> Iterator[bytes]:
        """
        Yield a blob's bytes; the last ones not before all are verified.

        Raises:
            ManifestMissing: It is not there.
            RegistryError: The bytes are not those of the digest.
        """

    def put_blob_pieces(
        self, repository: Repository, blob: Descriptor, pieces: Callable[[], Iterator[bytes]]
    ) -> None:
        """
        Store a blob of known digest and size.

        Args:
            repository: Where.
            blob: Its digest and size.
            pieces: Yields its bytes, from their start each time; it may be called again where a
                connection breaks. What it raises ends the upload, and nothing is stored.
        """


class Mounter(Protocol):
    """Shares blobs between repositories."""

    def mount_blob(self, digest: Digest, source: Repository, target: Repository) -> bool:
        """Let a repository have a blob of another on the same server; return whether it did."""


class ReferrerLister(Protocol):
    """Lists what refers to a manifest: signatures, attestations, bills of materials."""

    def referrers(self, repository: Repository, digest: Digest) -> tuple[Descriptor, ...]:
        """Return the manifests whose subject is this one; nothing where there are none."""


class TagLister(Protocol):
    """Lists tags."""

    def tags(self, repository: Repository) -> Iterator[str]:
        """Yield every tag, in the registry's order; nothing for a repository that is not there."""


class TagRemover(Protocol):
    """Deletes tags, and manifests with all of their tags."""

    def remove_tag(self, reference: Reference) -> Removal:
        """Delete a tag alone; other tags of its manifest stay. What is not there is `Removed`."""

    def remove_manifest(self, repository: Repository, digest: Digest) -> Removal:
        """Delete a manifest, and with it every tag that holds it."""


class Reader(Resolver, Fetcher, Protocol):
    """A registry to read from."""


class Writer(
    Reader, Tagger, BlobWriter, BlobStreamer, Mounter, ReferrerLister, TagLister, TagRemover, Protocol
):
    """A registry to read from and write to."""


class Home(Reader, BlobFinder, Protocol):
    """A registry to read from that has a repository of its own."""

    @property
    def repository(self) -> Repository:
        """Where a project's images live."""
