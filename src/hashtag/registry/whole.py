"""Whole images: look-ups that do not believe a tag whose image lacks a part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from attrs import frozen

from hashtag.errors import ManifestMissing, RegistryError
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import Descriptor, Manifest
from hashtag.oci.ports import Home
from hashtag.oci.reference import Reference, Repository

IN_FLIGHT = 16
_MANIFESTS = 2000


@frozen
class Broken:
    """
    What a tag holds that cannot be used.

    Attributes:
        digest: The image's.
        missing: What it names and the repository does not hold: `blob sha256:…`.
    """

    digest: Digest
    missing: str


class WholeImages:
    """
    A registry in which a tag whose image lacks a part is as good as missing.

    A look-up costs, beside its HEAD, a GET for each manifest and a HEAD for each config and layer;
    no part of a repository is asked for twice. Any thread may call it, until it is closed.

    Attributes:
        broken: The tags found so, and what is the matter with each.
    """

    def __init__(self, registry: Home) -> None:
        """Ask nothing yet."""
        self.broken: dict[Reference, Broken] = {}
        self._registry = registry
        self._pool = ThreadPoolExecutor(IN_FLIGHT)
        self._blobs: dict[tuple[Repository, Digest], bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    @property
    def repository(self) -> Repository:
        """The registry's own."""
        return self._registry.repository

    def resolve(self, reference: Reference) -> Descriptor | None:
        """Return the descriptor, or None where nothing is there, or not all of it."""
        found = self._registry.resolve(reference)
        missing = found and self.missing(reference.repository, found.digest)
        if found and missing:
            self.broken[reference] = Broken(found.digest, missing)
            return None
        return found

    def manifest(self, reference: Reference) -> Manifest:
        """Return the very bytes; raise `ManifestMissing`."""
        return self._registry.manifest(reference)

    def blob(self, repository: Repository, digest: Digest) -> bytes:
        """Return a small blob; raise `ManifestMissing`."""
        return self._registry.blob(repository, digest)

    def has_blob(self, repository: Repository, digest: Digest) -> bool:
        """Return whether a blob is there."""
        key = (repository, digest)
        if key not in self._blobs:
            self._blobs[key] = self._registry.has_blob(repository, digest)
        return self._blobs[key]

    def missing(self, repository: Repository, digest: Digest) -> str | None:
        """Return a part of an image that its repository does not hold; None for a whole image."""
        asked, waiting = set[Digest](), [digest]
        while waiting:
            asked.update(waiting)
            if len(asked) > _MANIFESTS:
                raise RegistryError(
                    f"more than {_MANIFESTS} manifests belong to it", where=f"{repository}@{digest}"
                )
            found = list(self._pool.map(lambda each: self._manifest(repository, each), waiting))
            if None in found:
                return f"manifest {waiting[found.index(None)]}"
            there = [manifest for manifest in found if manifest]
            if blob := self._missing_blob(repository, there):
                return f"blob {blob}"
            waiting = list(dict.fromkeys(child for child in _children(there) if child not in asked))
        return None

    def _manifest(self, repository: Repository, digest: Digest) -> Manifest | None:
        try:
            return self._registry.manifest(repository.at(digest))
        except ManifestMissing:
            return None

    def _missing_blob(self, repository: Repository, manifests: Iterable[Manifest]) -> Digest | None:
        images = [manifest for manifest in manifests if not manifest.is_index]
        blobs = list(dict.fromkeys(blob.digest for manifest in images for blob in manifest.blobs()))
        there = self._pool.map(lambda blob: self.has_blob(repository, blob), blobs)
        return next((blob for blob, is_there in zip(blobs, there, strict=True) if not is_there), None)


def _children(manifests: Sequence[Manifest]) -> Iterable[Digest]:
    return (child.digest for manifest in manifests if manifest.is_index for child in manifest.children())
