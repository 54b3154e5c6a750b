"""The HTTP client of registries: OCI distribution-spec v1.1.1, and what servers make of it."""

from __future__ import annotations

from collections.abc import Iterator

from hashtag.errors import HashtagError, ManifestMissing, RegistryError, TagOccupied, UntrustedAnswer
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import MEDIA_TYPES, OCI_INDEX, SIZE_LIMIT, Descriptor, Manifest
from hashtag.oci.reference import Reference, Repository
from hashtag.oci.referrers import fallback_referrers
from hashtag.oci.removal import Removal
from hashtag.registry.answers import (
    descriptor_of,
    digest_header,
    error_codes,
    error_text,
    manifest_of,
    next_page,
    tag_page,
)
from hashtag.registry.authorization import Scope
from hashtag.registry.blobs import PUSH, Blobs
from hashtag.registry.credentials import Credentials
from hashtag.registry.deletion import Deletion
from hashtag.registry.gitlab import GitLab
from hashtag.registry.login import Login
from hashtag.registry.messages import Answer, Pieces
from hashtag.registry.notices import Notices
from hashtag.registry.retry import Retries
from hashtag.registry.session import Session
from hashtag.registry.transport import Transport

_TAG_PAGE_LIMIT = 64 * 1024 * 1024
_TAG_PAGES = 10_000
_REFERRER_PAGES = 100
# All four in one header, also by digest, never */*: distribution 2.8 answers 404 for what is not
# named, or gives the amd64 child in place of the list.
_ACCEPT = {"Accept": ", ".join(MEDIA_TYPES)}
_NO_TAG = "hashtag-auth-check"  # whether it is there is of no interest
# How registries say that a tag cannot be changed: ECR, ACR and pull-through caches, GitLab, Harbor.
_IMMUTABLE = (400, 405, 409, 412)


class HttpRegistry:
    """
    Registries that speak HTTP, with all the ports of `hashtag.oci.ports`.

    Any thread may call it. What is asked for by its digest, and is not large, is read once.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials | None = None,
        retries: Retries | None = None,
        notices: Notices | None = None,
        gitlab: GitLab | None = None,
    ) -> None:
        """Connect through `transport`, on the first request; `gitlab` deletes what its registry does not."""
        retries = retries or Retries()
        self._session = Session(transport, credentials or Credentials(), retries, notices)
        self._deletion = Deletion(self._session, lambda r: self.resolve(r) is not None, retries.sleep, gitlab)
        self._manifests: dict[Reference, Manifest] = {}
        self._blobs = Blobs(self._session)
        self._without_referrers: set[str] = set()

    def __repr__(self) -> str:
        return f"HttpRegistry({self._session!r})"

    def resolve(self, reference: Reference) -> Descriptor | None:
        """Return the descriptor, or None where the registry says 404; costs a HEAD."""
        answer = self._manifest_answer("HEAD", reference)
        if answer.status == 404:
            return None
        if answer.status in (405, 501):
            return self._resolved_by_get(reference)
        found = descriptor_of(self._good(answer, reference), str(reference))
        if found is None:
            return self._resolved_by_get(reference)
        if reference.digest and found.digest != reference.digest:
            raise RegistryError(f"the registry answered for {found.digest}", where=str(reference))
        return found

    def manifest(self, reference: Reference) -> Manifest:
        """Return the very bytes, verified against their digest; raise `ManifestMissing`."""
        if reference.digest and (known := self._manifests.get(reference.repository.at(reference.digest))):
            return known
        answer = self._good(self._manifest_answer("GET", reference), reference)
        manifest = manifest_of(answer, reference.digest, str(reference))
        self._manifests[reference.repository.at(manifest.digest)] = manifest
        return manifest

    def blob(self, repository: Repository, digest: Digest) -> bytes:
        """Return a small blob (at most 16 MiB), verified; raise `ManifestMissing`."""
        return self._blobs.read(repository, digest)

    def put_manifest(self, manifest: Manifest, reference: Reference) -> Digest:
        """
        Store the very bytes under the reference; return the digest the registry gave.

        Raises:
            TagOccupied: The tag cannot be changed, and holds something else.
            ManifestMissing: What the manifest names is not in the repository.
        """
        where, scope = str(reference), Scope(reference.repository, PUSH)
        answer = self._session.ask(
            "PUT",
            scope,
            f"manifests/{reference.version}",
            headers={"Content-Type": manifest.media_type},
            content=manifest.content,
            is_done=lambda: self._held(reference) == manifest.digest,
        )
        if answer.status not in (200, 201, 202):
            if self._is_kept(answer, manifest, reference):
                return manifest.digest
            raise self._not_stored(answer, scope, manifest, where)
        stored = digest_header(answer, where) or manifest.digest
        if stored != manifest.digest or (reference.digest and stored != reference.digest):
            raise RegistryError(f"the registry stored {stored}, not {manifest.digest}", where=where)
        return stored

    def put_blob(self, repository: Repository, content: bytes) -> Digest:
        """Store the bytes, if they are not there yet; return their digest."""
        return self._blobs.put(repository, content)

    def has_blob(self, repository: Repository, digest: Digest) -> bool:
        """Return whether a blob is there; costs a HEAD."""
        return self._blobs.has(repository, digest)

    def blob_pieces(self, repository: Repository, blob: Descriptor) -> Iterator[bytes]:
        """Yield a blob's bytes; the last ones not before all are verified."""
        return self._blobs.pieces(repository, blob)

    def put_blob_pieces(self, repository: Repository, blob: Descriptor, pieces: Pieces) -> None:
        """Store the bytes that `pieces` yields, from their start again where the connection breaks."""
        self._blobs.send(repository, blob, pieces)

    def mount_blob(self, digest: Digest, source: Repository, target: Repository) -> bool:
        """Let a repository have a blob of another on the same server; return whether it did."""
        return self._blobs.mount(digest, source, target)

    def referrers(self, repository: Repository, digest: Digest) -> tuple[Descriptor, ...]:
        """Return the manifests whose subject is this one; nothing where there are none."""
        listed = self._listed_referrers(repository, digest)
        return fallback_referrers(self, repository, digest) if listed is None else listed

    def check_access(self, repository: Repository, *, push: bool) -> Login | None:
        """
        Return who we are to a repository, None for a stranger, if it may be read, and written to.

        A registry that asks nobody who they are takes us for a stranger.

        Nothing is written: an upload is begun and cancelled.

        Raises:
            AccessDenied: It may not.
        """
        self.resolve(repository.tagged(_NO_TAG))
        if push:
            self._blobs.check_push(repository)
        return self._session.login_sent(Scope(repository))

    def tags(self, repository: Repository) -> Iterator[str]:
        """Yield every tag, in the registry's order; nothing for a repository that is not there."""
        # No ?n=: zuul-registry answers it with 404, and Link says all there is to say.
        target: str | None = "tags/list"
        pages, seen = set[str](), set[str]()
        while target:
            if target in pages or len(pages) == _TAG_PAGES:
                raise RegistryError("its list of tags has no end", where=str(repository))
            pages.add(target)
            answer = self._tag_answer(repository, target)
            if answer.status == 404 and len(pages) == 1:
                return
            new = dict.fromkeys(tag for tag in tag_page(answer, str(repository)) if tag not in seen)
            seen.update(new)
            yield from new
            target = next_page(answer, str(repository))

    def remove_tag(self, reference: Reference) -> Removal:
        """Delete a tag alone; other tags of its manifest stay."""
        return self._deletion.tag(reference)

    def remove_manifest(self, repository: Repository, digest: Digest) -> Removal:
        """Delete a manifest, and with it every tag that holds it."""
        self._manifests.pop(repository.at(digest), None)
        return self._deletion.manifest(repository, digest)

    def in_flight(self, host: str) -> int:
        """Return how many requests a host is asked at once by now."""
        return self._session.in_flight(host)

    def give_up(self) -> None:
        """Ask nothing again that fails: who asked is about to end; a signal's handler may say so."""
        self._session.give_up()

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _manifest_answer(self, method: str, reference: Reference) -> Answer:
        path = f"manifests/{reference.version}"
        return self._session.ask(method, Scope(reference.repository), path, headers=_ACCEPT, limit=SIZE_LIMIT)

    def _good(self, answer: Answer, reference: Reference) -> Answer:
        if answer.status != 200:
            raise self._session.refused(answer, Scope(reference.repository), str(reference))
        return answer

    def _resolved_by_get(self, reference: Reference) -> Descriptor | None:
        try:
            return self.manifest(reference).descriptor
        except ManifestMissing:
            return None

    def _held(self, reference: Reference) -> Digest | None:
        found = self.resolve(reference)
        return found.digest if found else None

    def _not_stored(self, answer: Answer, scope: Scope, manifest: Manifest, where: str) -> HashtagError:
        error = self._session.refused(answer, scope, where)
        if answer.status != 413:
            return error
        return RegistryError(
            f"a manifest of {len(manifest.content)} bytes is too large: {error.what}", where=where
        )

    def _is_kept(self, answer: Answer, manifest: Manifest, reference: Reference) -> bool:
        """Return whether a tag that cannot be changed holds this one; raise `TagOccupied` for another."""
        if answer.status not in _IMMUTABLE or "MANIFEST_BLOB_UNKNOWN" in error_codes(answer):
            return False
        held = self._held(reference)
        if held in (None, manifest.digest):
            return held is not None
        raise TagOccupied(
            f"holds {held} and the registry refuses to change it to {manifest.digest}{error_text(answer)}",
            where=str(reference),
            hint="the registry keeps its tags immutable, or takes no writes",
        )

    def _listed_referrers(self, repository: Repository, digest: Digest) -> tuple[Descriptor, ...] | None:
        """Return what the registry lists; None where it does not offer that."""
        found: list[Descriptor] = []
        target: str | None = f"referrers/{digest}"
        for _ in range(_REFERRER_PAGES):
            if target is None or repository.registry in self._without_referrers:
                break
            try:
                # ghcr.io sends us to a web page elsewhere.
                answer = self._session.ask("GET", Scope(repository), target, limit=SIZE_LIMIT, is_secret=True)
            except UntrustedAnswer:
                answer = Answer(status=404, url="")
            if answer.status != 200 or answer.media_type != OCI_INDEX:
                self._without_referrers.add(repository.registry)
                return None
            found += Manifest(OCI_INDEX, answer.content).children()
            target = next_page(answer, str(repository))
        return None if repository.registry in self._without_referrers else tuple(found)

    def _tag_answer(self, repository: Repository, target: str) -> Answer:
        scope = Scope(repository)
        answer = self._session.ask("GET", scope, target, limit=_TAG_PAGE_LIMIT)
        if answer.status == 200 or (answer.status == 404 and target == "tags/list"):
            return answer
        raise self._session.refused(answer, scope, str(repository))
