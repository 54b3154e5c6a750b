"""Blobs over HTTP: OCI distribution-spec v1.1.1, «Pulling blobs», «Pushing blobs» and «Mounting»."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

from hashtag.errors import AccessDenied, HashtagError, RegistryError
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import Descriptor
from hashtag.oci.reference import Repository
from hashtag.oci.verified import verified
from hashtag.registry.authorization import Scope
from hashtag.registry.blob_reader import BlobReader
from hashtag.registry.hiding import hiding
from hashtag.registry.messages import Pieces
from hashtag.registry.origin import Origin, check_move, joined
from hashtag.registry.retry import Temporary
from hashtag.registry.session import Session

BLOB_LIMIT = 16 * 1024 * 1024
PUSH = "pull,push"
_REMEMBERED = 64 * 1024  # bytes; an image's config


class Blobs:
    """The blobs of registries; any thread may ask. What is small is read once."""

    def __init__(self, session: Session) -> None:
        """Ask through a session."""
        self._session = session
        self._known: dict[tuple[Repository, Digest], bytes] = {}

    def read(self, repository: Repository, digest: Digest) -> bytes:
        """Return a small blob (at most 16 MiB), verified; raise `ManifestMissing`."""
        if (repository, digest) in self._known:
            return self._known[repository, digest]
        where, scope = f"{repository}@{digest}", Scope(repository)
        answer = self._session.ask("GET", scope, f"blobs/{digest}", limit=BLOB_LIMIT)
        if answer.status != 200:
            raise self._session.refused(answer, scope, where)
        if Digest.of(answer.content) != digest:
            raise RegistryError("the blob's bytes are not those of its digest", where=where)
        if len(answer.content) <= _REMEMBERED:
            self._known[repository, digest] = answer.content
        return answer.content

    def pieces(self, repository: Repository, blob: Descriptor) -> Iterator[bytes]:
        """Yield a blob's bytes; the last ones not before all are verified."""
        reader = BlobReader(self._session, repository, blob)
        try:
            yield from verified(reader, blob, f"{repository}@{blob.digest}")
        finally:
            reader.close()

    def has(self, repository: Repository, digest: Digest, *, actions: str = "pull") -> bool:
        """Return whether a blob is there; costs a HEAD."""
        scope = Scope(repository, actions)
        answer = self._session.ask("HEAD", scope, f"blobs/{digest}")
        if answer.status in (401, 403):
            raise self._session.refused(answer, scope, f"{repository}@{digest}")
        return answer.status == 200

    def put(self, repository: Repository, content: bytes) -> Digest:
        """Store the bytes, if they are not there yet; return their digest."""
        blob = Descriptor("application/octet-stream", Digest.of(content), len(content))
        if not self.has(repository, blob.digest, actions=PUSH):
            self.send(repository, blob, lambda: iter((content,)))
        return blob.digest

    def send(self, repository: Repository, blob: Descriptor, pieces: Pieces) -> None:
        """
        Store the bytes that `pieces` yields, from their start again where the connection breaks.

        An upload that does not end well is cancelled, so that nothing is left on the server.
        """
        scope = Scope(repository, PUSH)

        def attempt(number: int) -> None:
            # Only the reply may have been lost.
            if not (number and self.has(repository, blob.digest, actions=PUSH)):
                self._upload(scope, blob, pieces)

        self._session.repeat(scope, attempt)

    def mount(self, digest: Digest, source: Repository, target: Repository) -> bool:
        """
        Let a repository have a blob of another on the same server; return whether it did.

        Some servers know no mounts, and some allow none: then the bytes have to be sent.
        """
        if source.registry != target.registry:
            return False
        scope = Scope(target, PUSH, source=source.name)
        query = urlencode({"mount": str(digest), "from": source.name})
        try:
            answer = self._session.ask("POST", scope, f"blobs/uploads/?{query}")
        except AccessDenied:
            return False
        if answer.status == 202 and (location := answer.headers.get("location")):
            with hiding(answer.secrets):
                url = joined(answer.url, location)
            self._cancel(scope, url)
        return answer.status == 201

    def check_push(self, repository: Repository) -> None:
        """Begin an upload and cancel it; raise `AccessDenied` where nothing may be written."""
        scope = Scope(repository, PUSH)
        self._cancel(scope, self._session.repeat(scope, lambda _: self._begin(scope)))

    def _upload(self, scope: Scope, blob: Descriptor, pieces: Pieces) -> None:
        url = self._begin(scope)
        try:
            self._finish(scope, url, blob, pieces)
        except BaseException:
            self._cancel(scope, url)
            raise

    def _finish(self, scope: Scope, url: str, blob: Descriptor, pieces: Pieces) -> None:
        target = f"{url}{'&' if urlsplit(url).query else '?'}digest={blob.digest}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
        answer = self._session.ask_once("PUT", scope, target, headers=headers, content=pieces)
        if answer.status not in (200, 201):
            raise self._session.refused(answer, scope, f"{scope.repository}@{blob.digest}")

    def _begin(self, scope: Scope) -> str:
        answer = self._session.ask_once("POST", scope, "blobs/uploads/")
        location = answer.headers.get("location")
        if answer.status != 202 or location is None:
            raise self._session.refused(answer, scope, str(scope.repository))
        # OCI distribution-spec v1.1.1, «POST then PUT»: relative or absolute, and its query stays.
        with hiding(answer.secrets):
            url = joined(answer.url, location)
            check_move(Origin.of(answer.url), Origin.of(url), "upload location")
        return url

    def _cancel(self, scope: Scope, url: str) -> None:
        # A courtesy: servers forget uploads by themselves, and what went wrong before is what counts.
        try:
            self._session.ask_once("DELETE", scope, url)
        except (HashtagError, Temporary):
            return
