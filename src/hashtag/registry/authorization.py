"""Authorization: the header that a registry's challenge asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode

from attrs import frozen

from hashtag.errors import AccessDenied, RegistryError
from hashtag.oci.reference import Repository
from hashtag.registry.challenge import Challenge, check_realm, choose_challenge, parse_challenges
from hashtag.registry.credentials import Credentials
from hashtag.registry.login import Login
from hashtag.registry.messages import Answer, Request
from hashtag.registry.origin import Origin
from hashtag.registry.retry import Temporary, is_temporary
from hashtag.registry.transport import Transport

_SHORTEST_LIFE = 60.0  # Docker's token specification: expires_in is optional and at least 60 s


@frozen
class Scope:
    """
    Rights to one repository: `pull`, or `pull,push`.

    Attributes:
        source: The name of another repository on the same server to read as well; may be empty.
    """

    repository: Repository
    actions: str = "pull"
    source: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """What a token server is asked for."""
        own = (str(self),)
        return (*own, f"repository:{self.source}:pull") if self.source else own

    def __str__(self) -> str:
        return f"repository:{self.repository.name}:{self.actions}"


@frozen
class _Token:
    header: str
    expires: float


class Authorization:
    """
    Headers for registries, from what they asked for before.

    A token is fetched once for each token server, service and scope, also by many threads.
    """

    def __init__(self, transport: Transport, credentials: Credentials, clock: Callable[[], float]) -> None:
        """Take logins from `credentials` and the time of tokens from `clock`, in seconds."""
        self._transport = transport
        self._credentials = credentials
        self._clock = clock
        self._challenges: dict[str, Challenge] = {}
        self._scopes: dict[tuple[str, Scope], tuple[str, ...]] = {}
        self._tokens: dict[tuple[str, ...], _Token] = {}
        self._locks: dict[tuple[str, ...], Lock] = {}
        self._lock = Lock()

    def __repr__(self) -> str:
        return "Authorization()"

    def login(self, scope: Scope) -> Login | None:
        """Return the login for a repository, if there is one."""
        return self._credentials.login(scope.repository.registry, scope.repository.name)

    def header(self, scope: Scope) -> str | None:
        """Return the header for a request; None before the registry's first challenge."""
        challenge = self._challenges.get(scope.repository.registry)
        return self._header(challenge, scope, "") if challenge else None

    def answer(self, refusal: Answer, scope: Scope, rejected: str | None) -> str | None:
        """
        Return a header that meets the challenge of a 401; None where there is nothing new to say.

        Args:
            refusal: Comes from the registry itself, never from where it redirected to.
            rejected: The header of the request that was refused.
        """
        challenge = choose_challenge(parse_challenges(refusal.headers.get("www-authenticate", "")))
        if challenge is None:
            return None
        if challenge.scheme == "bearer":
            check_realm(refusal.url, challenge.realm)
        registry = scope.repository.registry
        self._challenges[registry] = challenge
        self._scopes[registry, scope] = scopes_for(scope, challenge)
        header = self._header(challenge, scope, rejected or "")
        return None if header == rejected else header

    def _header(self, challenge: Challenge, scope: Scope, rejected: str) -> str | None:
        login = self.login(scope)
        if challenge.scheme == "basic":
            return login.basic if login and login.username else None
        registry = scope.repository.registry
        scopes = self._scopes.get((registry, scope), scope.texts)
        key = (registry, challenge.realm, challenge.service, *scopes)
        with self._lock:
            lock = self._locks.setdefault(key, Lock())
        with lock:  # one fetches, the others wait and find it
            token = self._tokens.get(key)
            if token is None or token.expires <= self._clock() or token.header == rejected:
                token = self._tokens[key] = self._fetched(challenge, scope, scopes, login)
            return token.header

    def _fetched(
        self, challenge: Challenge, scope: Scope, scopes: tuple[str, ...], login: Login | None
    ) -> _Token:
        began = self._clock()
        answer = self._transport.send(_token_request(challenge, scopes, login))
        realm = Origin.of(challenge.realm)
        if is_temporary(answer.status, answer.content):
            raise Temporary(f"token server {realm}: {answer.status}", answer.headers.get("retry-after"))
        if answer.status in (401, 403):
            raise denied(scope, login, f"its token server {realm} answered {answer.status}")
        if answer.status != 200:
            where = str(scope.repository)
            raise RegistryError(f"its token server {realm} answered {answer.status}", where=where)
        text, seconds = _token(answer, scope, login)
        # A little early, so that it does not end on its way.
        return _Token(f"Bearer {text}", began + max(seconds * 0.9 - 5, 1))


def scopes_for(scope: Scope, challenge: Challenge) -> tuple[str, ...]:
    """
    Return what to ask a token server for.

    Our own scope first: zuul-registry's challenge names none that would do. Then what the
    challenge adds: behind a proxy the repository may have another name.
    """
    asked = dict(_parted(text) for text in scope.texts)
    added = (
        text
        for text in challenge.scopes
        if text.startswith("repository:") and not _parted(text)[1] <= asked.get(_parted(text)[0], frozenset())
    )
    return (*scope.texts, *added)


def _parted(scope: str) -> tuple[str, frozenset[str]]:
    """Return a scope without its actions, and these: servers list them in any order."""
    head, _, actions = scope.rpartition(":")
    return head, frozenset(actions.split(","))


def denied(scope: Scope, login: Login | None, what: str) -> AccessDenied:
    """Return the error that says where the login came from, or that there was none."""
    host = scope.repository.registry
    if login is None:
        hint = f"no login was found for {host}: docker login {host}, or set DOCKER_AUTH_CONFIG"
    else:
        user = repr(login.username) if login.username else "an identity token"
        hint = f"the login {user} came from {login.origin}; it needs {scope.actions} on this repository"
    return AccessDenied(f"missing or no permission: {what}", where=str(scope.repository), hint=hint)


def _token_request(challenge: Challenge, scopes: tuple[str, ...], login: Login | None) -> Request:
    if login and login.identity_token:
        return _refresh_request(challenge, scopes, login)
    query = [("service", challenge.service)] if challenge.service else []
    query += [("scope", text) for text in scopes]
    mark = "&" if "?" in challenge.realm else "?"
    headers = {"Authorization": login.basic} if login else {}
    url = challenge.realm + mark + urlencode(query, quote_via=quote)
    return Request(method="GET", url=url, headers=headers, is_secret=True)


def _refresh_request(challenge: Challenge, scopes: tuple[str, ...], login: Login) -> Request:
    # Docker, «Registry authentication: OAuth2 token»: a refresh token is exchanged by POST.
    form = {
        "grant_type": "refresh_token",
        "service": challenge.service,
        "client_id": "hashtag",
        "scope": " ".join(scopes),
        "refresh_token": login.identity_token,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    content = urlencode(form).encode()
    return Request(method="POST", url=challenge.realm, headers=headers, content=content, is_secret=True)


def _token(answer: Answer, scope: Scope, login: Login | None) -> tuple[str, float]:
    document: Any = None
    try:
        document = json.loads(answer.content)
        text = document.get("token") or document.get("access_token")
        seconds = float(document.get("expires_in") or _SHORTEST_LIFE)
    except (ValueError, AttributeError, TypeError, RecursionError):
        text, seconds = None, _SHORTEST_LIFE
    if not isinstance(text, str) or not text.isascii() or not text.isprintable() or not text:
        raise denied(scope, login, "its token server gave no token")
    return text, seconds
