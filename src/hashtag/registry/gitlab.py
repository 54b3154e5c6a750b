"""GitLab's REST API: deletes tags of its container registry, where the registry itself does not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from threading import Lock
from typing import Any
from urllib.parse import quote

from attrs import field, frozen

from hashtag.errors import AccessDenied, CredentialsError, HashtagError, RegistryError
from hashtag.oci.reference import Reference, Repository
from hashtag.registry.hiding import forms_of
from hashtag.registry.messages import Answer, Request
from hashtag.registry.origin import Origin, is_loopback
from hashtag.registry.retry import Retries, Temporary, is_temporary
from hashtag.registry.transport import Transport

TOKEN = "HASHTAG_GITLAB_TOKEN"  # noqa: S105 — a variable's name
_JOB_TOKEN = "CI_JOB_TOKEN"  # noqa: S105 — a variable's name
# GitLab, «REST API authentication»: each kind of token has a header of its own.
_HEADERS = {TOKEN: "PRIVATE-TOKEN", _JOB_TOKEN: "JOB-TOKEN"}
_NEEDED = f"put a project access token with the role Developer or above and the scope api into {TOKEN}"
_PAGE = 100
_PAGES = 100
_PAGE_LIMIT = 4 * 1024 * 1024


@frozen(kw_only=True)
class GitLab:
    """
    A project's registry repositories, as GitLab's REST API knows them.

    Any thread may call it. They are listed once.

    Attributes:
        registry: The host of the project's images.
        url: Of the project: `https://gitlab.example.com/api/v4/projects/42`.
        origin: The variable that the token came from.
    """

    registry: str
    url: str
    origin: str
    _token: str = field(repr=False)
    _transport: Transport = field(repr=False)
    _retries: Retries = field(repr=False)
    _numbers: dict[str, int] = field(factory=dict, init=False, repr=False)
    _lock: Lock = field(factory=Lock, init=False, repr=False)

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], transport: Transport, retries: Retries
    ) -> GitLab | None:
        """Return what the variables of a GitLab job name; None elsewhere, and where there is no TLS."""
        api, registry = environ.get("CI_API_V4_URL", "").rstrip("/"), environ.get("CI_REGISTRY", "")
        project = environ.get("CI_PROJECT_ID") or quote(environ.get("CI_PROJECT_PATH", ""), safe="")
        origin = TOKEN if environ.get(TOKEN) else _JOB_TOKEN
        token = environ.get(origin, "").strip()
        if not (api and registry and project and token) or not _may_have_tokens(api):
            return None
        return cls(
            registry=registry,
            url=f"{api}/projects/{project}",
            origin=origin,
            token=token,
            transport=transport,
            retries=retries,
        )

    def serves(self, repository: Repository) -> bool:
        """Return whether a repository is in this GitLab's registry."""
        return repository.registry == self.registry

    def remove_tag(self, reference: Reference) -> bool:
        """
        Delete a tag alone; return False where the project has no such repository or tag.

        Raises:
            AccessDenied: The token may not; the hint says which one may.
        """
        # GitLab REST API, «Container registry API», «Delete a registry repository tag».
        number = self._number(reference.repository)
        if number is None:
            return False
        answer = self._ask("DELETE", f"/{number}/tags/{reference.tag}")
        if answer.status != 404:
            self._check(answer, str(reference))
        return answer.status != 404

    def _number(self, repository: Repository) -> int | None:
        with self._lock:
            if not self._numbers:
                self._numbers.update(self._listed(str(repository)))
            return self._numbers.get(repository.name)

    def _listed(self, where: str) -> dict[str, int]:
        """Return the number of each repository of the project by its path."""
        numbers: dict[str, int] = {}
        for page in range(1, _PAGES + 1):
            answer = self._ask("GET", f"?per_page={_PAGE}&page={page}")
            self._check(answer, where)
            found = _numbers(answer, where)
            numbers.update(found)
            if len(found) < _PAGE:
                break
        return numbers

    def _ask(self, method: str, target: str) -> Answer:
        if not (self._token.isascii() and self._token.isprintable()):
            raise CredentialsError("not a token", where=self.origin)
        request = Request(
            method=method,
            url=f"{self.url}/registry/repositories{target}",
            headers={_HEADERS[self.origin]: self._token},
            limit=_PAGE_LIMIT,
            secrets=forms_of(self._token),
            is_secret=True,
        )

        def attempt(_: int) -> Answer:
            answer = self._transport.send(request)
            if is_temporary(answer.status, answer.content):
                raise Temporary(f"GitLab answered {answer.status}", answer.headers.get("retry-after"))
            return answer

        return self._retries.call(str(Origin.of(self.url)), attempt)

    def _check(self, answer: Answer, where: str) -> None:
        if answer.status in (200, 202, 204):
            return
        # 404 for the project itself: GitLab hides what a token may not see.
        if answer.status in (401, 403, 404):
            what = f"GitLab answered {answer.status} to the token of {self.origin}, which may not delete tags"
            raise AccessDenied(what, where=where, hint=_NEEDED)
        raise RegistryError(f"GitLab answered {answer.status}", where=where)


def _may_have_tokens(api: str) -> bool:
    try:
        origin = Origin.of(api)
    except HashtagError:
        return False
    return origin.is_encrypted or is_loopback(origin.host)


def _numbers(answer: Answer, where: str) -> dict[str, int]:
    try:
        listed: list[Any] = json.loads(answer.content)
        return {str(each["path"]): int(each["id"]) for each in listed}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RegistryError("GitLab's answer is not a list of registry repositories", where=where) from None
