"""An OCI image layout folder as a registry: image-spec v1.1.0, «OCI Image Layout»."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from hashtag.errors import AccessDenied, ManifestMissing, RegistryError
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import MEDIA_TYPES, OCI_INDEX, OCI_MANIFEST, SIZE_LIMIT, Descriptor, Manifest
from hashtag.oci.reference import LAYOUT, Reference, Repository
from hashtag.oci.referrers import fallback_referrers
from hashtag.oci.removal import Removal, Removed
from hashtag.oci.verified import verified
from hashtag.registry.files import locked, pieces_of, replace
from hashtag.registry.layout_index import LayoutIndex, layout_name, repository_name

_MARKER = b'{"imageLayoutVersion": "1.0.0"}'
_INDEX_LIMIT = 64 * 1024 * 1024
_BLOB_LIMIT = 16 * 1024 * 1024


class Layout:
    """
    A folder with all the ports of `hashtag.oci.ports`; threads and processes may share it.

    It is made with the first write. References of other registries stand in it under their full
    text, as external bases.
    """

    def __init__(self, folder: str, path: Path) -> None:
        """
        Name the layout, without touching it.

        Args:
            folder: As in `oci-layout:FOLDER`.
            path: Where that is.
        """
        self._registry = LAYOUT + folder
        self._path = path
        self._thread_lock = Lock()
        self._parsed = (b"", LayoutIndex())

    def __repr__(self) -> str:
        return f"Layout({self._registry!r})"

    def resolve(self, reference: Reference) -> Descriptor | None:
        """Return the descriptor, or None where the layout has neither name nor bytes for it."""
        if reference.digest is None:
            named = self.index().named(layout_name(reference, self._registry))
            if named is None or not self._has(named.digest):
                return None
            return Descriptor(named.media_type, named.digest, named.size)
        try:
            return self._by_digest(reference.digest, str(reference)).descriptor
        except ManifestMissing:
            return None

    def manifest(self, reference: Reference) -> Manifest:
        """Return the very bytes, verified against their digest; raise `ManifestMissing`."""
        if reference.digest is not None:
            return self._by_digest(reference.digest, str(reference))
        named = self.index().named(layout_name(reference, self._registry))
        if named is None:
            raise ManifestMissing("the layout has no such name", where=str(reference))
        content = self._content(named.digest, SIZE_LIMIT, str(reference))
        return Manifest(_media_type(Manifest(named.media_type, content), str(reference)), content)

    def blob(self, repository: Repository, digest: Digest) -> bytes:
        """Return a small blob (at most 16 MiB), verified; raise `ManifestMissing`."""
        return self._content(digest, _BLOB_LIMIT, f"{repository}@{digest}")

    def has_blob(self, repository: Repository, digest: Digest) -> bool:  # noqa: ARG002 — a layout has one heap
        """Return whether there is a file for the digest."""
        return self._has(digest)

    def blob_pieces(self, repository: Repository, blob: Descriptor) -> Iterator[bytes]:
        """Yield a blob's bytes; the last ones not before all are verified."""
        where = f"{repository}@{blob.digest}"
        return verified(pieces_of(self._blob_path(blob.digest), where), blob, where)

    def put_blob_pieces(
        self, repository: Repository, blob: Descriptor, pieces: Callable[[], Iterator[bytes]]
    ) -> None:
        """Store a blob of known digest and size; nothing where its bytes turn out to be others."""
        if not self._has(blob.digest):
            self._begin()
            self._write(self._blob_path(blob.digest), verified(pieces(), blob, f"{repository}@{blob.digest}"))

    def mount_blob(self, digest: Digest, source: Repository, target: Repository) -> bool:
        """Return whether a blob is there already: all repositories of a layout share one heap."""
        return source.registry == target.registry and self._has(digest)

    def referrers(self, repository: Repository, digest: Digest) -> tuple[Descriptor, ...]:
        """Return the manifests whose subject is this one; nothing where there are none."""
        return fallback_referrers(self, repository, digest)

    def put_manifest(self, manifest: Manifest, reference: Reference) -> Digest:
        """Store the very bytes under the reference; raise `ManifestMissing` if what they name is absent."""
        digest = manifest.digest
        if reference.digest not in (None, digest):
            raise RegistryError(f"the bytes are {digest}", where=str(reference))
        for named in manifest.references():
            if not self._has(named):
                raise ManifestMissing(f"it names {named}, which is not there", where=str(reference))
        self._store(manifest.content)
        if reference.digest is None:
            name = layout_name(reference, self._registry)
            self._change(lambda index: index.with_name(name, manifest.descriptor))
        return digest

    def put_blob(self, repository: Repository, content: bytes) -> Digest:  # noqa: ARG002 — a layout has one heap
        """Store the bytes, if they are not there yet; return their digest."""
        return self._store(content)

    def tags(self, repository: Repository) -> Iterator[str]:
        """Yield every tag, in the file's order; nothing for a repository that is not there."""
        yield from self.index().tags(repository_name(repository, self._registry))

    def check_access(self, *, push: bool) -> None:
        """Raise `AccessDenied` where the folder cannot be read, or written to; nothing is written."""
        self.index()
        folder = next(path for path in (self._path, *self._path.absolute().parents) if path.exists())
        if push and not os.access(folder, os.W_OK):
            raise AccessDenied("the folder cannot be written to", where=str(folder))

    def remove_tag(self, reference: Reference) -> Removal:
        """Delete a name; the bytes stay."""
        name = layout_name(reference, self._registry)
        if self.index().named(name) is not None:
            self._change(lambda index: index.without(lambda entry, _: entry == name))
        return Removed()

    def remove_manifest(self, repository: Repository, digest: Digest) -> Removal:  # noqa: ARG002 — a layout has one heap
        """Delete a manifest and every name of it; what it refers to stays."""
        if self._has(digest):
            self._change(lambda index: index.without(lambda _, found: found == digest))
            try:
                self._blob_path(digest).unlink(missing_ok=True)
            except OSError as error:
                raise RegistryError(f"cannot be deleted: {error.strerror}", where=str(digest)) from error
        return Removed()

    def index(self) -> LayoutIndex:
        """Return the index, parsed again only when the file is another one."""
        content = self._read(self._path / "index.json", _INDEX_LIMIT)
        if content is None:
            return LayoutIndex()
        known, index = self._parsed
        if content != known:
            index = LayoutIndex.parse(content, self._registry)
            self._parsed = (content, index)
        return index

    def _by_digest(self, digest: Digest, where: str) -> Manifest:
        content = self._content(digest, SIZE_LIMIT, where)
        return Manifest(_media_type(Manifest("", content), where), content)

    def _content(self, digest: Digest, limit: int, where: str) -> bytes:
        content = self._read(self._blob_path(digest), limit)
        if content is None:
            raise ManifestMissing("not in the layout", where=where)
        if Digest.of(content) != digest:
            raise RegistryError("the file's bytes are not those of its digest", where=where)
        return content

    def _has(self, digest: Digest) -> bool:
        return self._blob_path(digest).is_file()

    def _blob_path(self, digest: Digest) -> Path:
        return self._path / "blobs" / "sha256" / digest.hex

    def _read(self, path: Path, limit: int) -> bytes | None:
        try:
            with path.open("rb") as file:
                # No more than there is: Python makes room for all that is asked for.
                content = file.read(min(os.fstat(file.fileno()).st_size, limit) + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise RegistryError(f"cannot be read: {error.strerror}", where=str(path)) from error
        if len(content) > limit:
            raise RegistryError(f"larger than {limit} bytes", where=str(path))
        return content

    def _change(self, change: Callable[[LayoutIndex], LayoutIndex]) -> None:
        self._begin()
        with self._locked():
            self._write(self._path / "index.json", change(self.index()).to_json())

    def _store(self, content: bytes) -> Digest:
        digest = Digest.of(content)
        path = self._blob_path(digest)
        if not path.is_file():
            self._begin()
            self._write(path, content)
        return digest

    def _begin(self) -> None:
        """Make the folder a layout, if it is none yet."""
        if (self._path / "oci-layout").exists() and (self._path / "index.json").exists():
            return
        with self._locked():
            if not (self._path / "index.json").exists():
                self._write(self._path / "index.json", LayoutIndex().to_json())
            self._write(self._path / "oci-layout", _MARKER)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._thread_lock, locked(self._path / "index.json.lock"):
            yield

    def _write(self, path: Path, content: bytes | Iterable[bytes]) -> None:
        try:
            replace(path, content)
        except OSError as error:
            raise RegistryError(f"cannot be written: {error.strerror}", where=str(path)) from error


def _media_type(manifest: Manifest, where: str) -> str:
    """Return the media type that the bytes say, else the one they are stored under, else the shape's."""
    document = manifest.document()
    guess = OCI_INDEX if "manifests" in document else OCI_MANIFEST
    media_type = document.get("mediaType") or manifest.media_type or guess
    if media_type not in MEDIA_TYPES:
        raise RegistryError(f"a manifest of the unknown media type {str(media_type)[:100]!r}", where=where)
    return str(media_type)
