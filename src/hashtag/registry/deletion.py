"""Deletion over HTTP: OCI distribution-spec v1.1.1, «Content Management», and what servers make of it."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from hashtag.errors import AccessDenied
from hashtag.oci.digest import Digest
from hashtag.oci.reference import Reference, Repository
from hashtag.oci.removal import Pending, Refused, Removal, Removed, Unsupported
from hashtag.registry.answers import error_text
from hashtag.registry.authorization import Scope
from hashtag.registry.gitlab import GitLab
from hashtag.registry.messages import Answer
from hashtag.registry.session import Session

# Docker's token specification, as distribution asks for it: deleting is a right of its own.
_DELETE = "pull,delete"
_DONE = (200, 202, 204, 404)
# distribution 2.8 answers 400 DIGEST_INVALID for a tag, 405 where deletion is switched off.
_UNSUPPORTED = (400, 405, 501)
# Harbor 412, ACR 409, a lock 423: this one stays.
_KEPT = (409, 412, 423)
# GitLab deletes in the background: seconds between looks.
_LOOKS = (0.0, 0.1, 0.4, 1.0, 2.0)


@frozen
class Deletion:
    """
    Deletes what a registry holds, and looks whether it is gone.

    Attributes:
        is_there: A HEAD of the tag or digest.
        sleep: Takes seconds.
        gitlab: Asked where the registry itself refuses; None outside of GitLab.
    """

    session: Session
    is_there: Callable[[Reference], bool]
    sleep: Callable[[float], object]
    gitlab: GitLab | None = None
    # Hosts that refused what GitLab did: it is asked first there.
    _refusing: set[str] = field(factory=set, init=False, repr=False)

    def tag(self, reference: Reference) -> Removal:
        """Delete a tag alone."""
        if self.gitlab is None or not self.gitlab.serves(reference.repository):
            return self._delete(reference)
        if reference.repository.registry in self._refusing:
            return self._by_gitlab(self.gitlab, reference) or self._delete(reference)
        try:
            removal = self._delete(reference)
        except AccessDenied:
            # A job's login may not delete by the registry's own API.
            if (deleted := self._after_refusal(self.gitlab, reference)) is None:
                raise
            return deleted
        if isinstance(removal, Unsupported):
            return self._after_refusal(self.gitlab, reference) or removal
        return removal

    def manifest(self, repository: Repository, digest: Digest) -> Removal:
        """Delete a manifest with all of its tags."""
        return self._delete(repository.at(digest))

    def _delete(self, reference: Reference) -> Removal:
        scope = Scope(reference.repository, _DELETE)
        answer = self.session.ask("DELETE", scope, f"manifests/{reference.version}")
        if answer.status in _UNSUPPORTED:
            return Unsupported(_said(answer))
        if answer.status in _KEPT:
            return Refused(_said(answer))
        if answer.status not in _DONE:
            raise self.session.refused(answer, scope, str(reference))
        if self._is_gone(reference, _LOOKS if answer.status != 404 else (0.0,)):
            return Removed()
        # zuul-registry knows no DELETE at all, and says 404.
        return Unsupported(f"{_said(answer)}, though it is there") if answer.status == 404 else Pending()

    def _after_refusal(self, gitlab: GitLab, reference: Reference) -> Removal | None:
        deleted = self._by_gitlab(gitlab, reference)
        if deleted is not None:
            self._refusing.add(reference.repository.registry)
        return deleted

    def _by_gitlab(self, gitlab: GitLab, reference: Reference) -> Removal | None:
        """Return what became of a tag; None where GitLab does not know it, and it is there."""
        is_done = gitlab.remove_tag(reference)
        if self._is_gone(reference, _LOOKS if is_done else (0.0,)):
            return Removed()
        return Pending() if is_done else None

    def _is_gone(self, reference: Reference, waits: tuple[float, ...]) -> bool:
        for seconds in waits:
            if seconds:
                self.sleep(seconds)
            if not self.is_there(reference):
                return True
        return False


def _said(answer: Answer) -> str:
    return f"the registry answered {answer.status}{error_text(answer)}"
