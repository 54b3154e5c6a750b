"""A blob as it comes, from where it broke."""

from __future__ import annotations

from collections.abc import Iterator

from hashtag.errors import RegistryError
from hashtag.oci.manifest import Descriptor
from hashtag.oci.reference import Repository
from hashtag.registry.authorization import Scope
from hashtag.registry.messages import Body
from hashtag.registry.retry import Temporary
from hashtag.registry.session import Session


class BlobReader:
    """
    Yields a blob's bytes; where the connection breaks, it asks for the rest (RFC 9110, Range).

    Raises:
        ManifestMissing: It is not there.
        RegistryUnreachable: It keeps breaking, without a byte in between.
    """

    def __init__(self, session: Session, repository: Repository, blob: Descriptor) -> None:
        self._session = session
        self._scope = Scope(repository)
        self._blob = blob
        self._position = 0
        self._skip = 0
        self._body: Body | None = None
        self._pieces: Iterator[bytes] = iter(())

    def __iter__(self) -> Iterator[bytes]:
        while self._position < self._blob.size:
            yield self._session.repeat(self._scope, self._next)

    def close(self) -> None:
        """Let the connection go."""
        if self._body is not None:
            self._body.close()
            self._body = None

    def _next(self, _: int) -> bytes:
        if self._body is None:
            self._open()
        try:
            piece = self._new(next(self._pieces, b""))
        except Temporary:
            self.close()
            raise
        self._position += len(piece)
        return piece

    def _new(self, piece: bytes) -> bytes:
        """Return what of a piece was not had before; raise `Temporary` where nothing is left."""
        while piece and self._skip >= len(piece):
            self._skip -= len(piece)
            piece = next(self._pieces, b"")
        piece, self._skip = piece[self._skip :], 0
        if not piece:
            raise Temporary(f"the blob ended after {self._position} of {self._blob.size} bytes")
        return piece

    def _open(self) -> None:
        digest, start = self._blob.digest, self._position
        headers = {"Range": f"bytes={start}-"} if start else {}
        answer = self._session.ask_once(
            "GET", self._scope, f"blobs/{digest}", headers=headers, limit=self._blob.size, is_streamed=True
        )
        where = f"{self._scope.repository}@{digest}"
        if answer.body is None:
            raise self._session.refused(answer, self._scope, where)
        self._body = answer.body
        self._pieces = iter(answer.body)
        is_rest = answer.status == 206 and answer.headers.get("content-range", "").startswith(
            f"bytes {start}-"
        )
        if answer.status != 200 and not is_rest:
            self.close()
            raise RegistryError(f"the registry answered {answer.status} to a request for a blob", where=where)
        # A server that knows no ranges begins again.
        self._skip = start if answer.status == 200 else 0
