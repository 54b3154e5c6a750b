"""Authorization: the header that a registry's challenge asks for."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from attrs import define, field, frozen

from hashtag.errors import HashtagError, RegistryError
from hashtag.oci.reference import Repository
from hashtag.registry.answers import error_text
from hashtag.registry.challenge import Challenge, check_realm, choose_challenge, parse_challenges
from hashtag.registry.credentials import Credentials
from hashtag.registry.denial import denied, login_refused
from hashtag.registry.hiding import hiding
from hashtag.registry.login import Login
from hashtag.registry.messages import Answer
from hashtag.registry.origin import Origin
from hashtag.registry.retry import Temporary, is_temporary
from hashtag.registry.token import token_of, token_request
from hashtag.registry.transport import Transport


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
    header: str = field(repr=False)
    expires: float


@define(eq=False)
class _Flight:
    """One token for all who want it: one of them fetches it, the others wait for what becomes of that."""

    lock: Lock = field(factory=Lock)
    token: _Token | None = None
    failures: int = 0
    failure: HashtagError | Temporary | None = None

    def fetched(self, fetch: Callable[[], _Token]) -> _Token:
        try:
            return fetch()
        except (HashtagError, Temporary) as error:
            self.failures, self.failure = self.failures + 1, error
            raise


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
        self._flights: dict[tuple[str, ...], _Flight] = {}
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
        challenge = self._challenge(refusal)
        if challenge is None:
            return None
        registry = scope.repository.registry
        self._challenges[registry] = challenge
        self._scopes[registry, scope] = scopes_for(scope, challenge)
        header = self._header(challenge, scope, rejected or "")
        return None if header == rejected else header

    def other_answer(self, refusal: Answer, scope: Scope) -> str | None:
        """
        Return a header with the rights that the challenge names and no others; None where that is the same.

        Some token servers read only the first of several scopes, and ours comes first.
        """
        challenge = self._challenge(refusal)
        key = (scope.repository.registry, scope)
        if challenge is None or self._scopes.get(key, scope.texts) == scope.texts:
            return None
        self._scopes[key] = challenge.scopes
        return self._header(challenge, scope, "")

    def asks_for_password(self, registry: str) -> bool:
        """Return whether a registry takes the login itself, and no token."""
        challenge = self._challenges.get(registry)
        return challenge is not None and challenge.scheme == "basic"

    def _challenge(self, refusal: Answer) -> Challenge | None:
        challenge = choose_challenge(parse_challenges(refusal.headers.get("www-authenticate", "")))
        if challenge and challenge.scheme == "bearer":
            with hiding(refusal.secrets):
                check_realm(refusal.url, challenge.realm)
        return challenge

    def _header(self, challenge: Challenge, scope: Scope, rejected: str) -> str | None:
        login = self.login(scope)
        if challenge.scheme == "basic":
            return login.basic if login and login.username else None
        registry = scope.repository.registry
        scopes = self._scopes.get((registry, scope), scope.texts)
        key = (registry, challenge.realm, challenge.service, *scopes)
        with self._lock:
            flight = self._flights.setdefault(key, _Flight())
        failures = flight.failures
        with flight.lock:  # one fetches, the others wait and find it
            if flight.failure and flight.failures != failures:
                raise flight.failure
            token = flight.token
            if token is None or token.expires <= self._clock() or token.header == rejected:
                token = flight.token = flight.fetched(lambda: self._fetched(challenge, scope, scopes, login))
            return token.header

    def _fetched(
        self, challenge: Challenge, scope: Scope, scopes: tuple[str, ...], login: Login | None
    ) -> _Token:
        began = self._clock()
        answer = self._transport.send(token_request(challenge, scopes, login))
        found = token_of(answer) if answer.status == 200 else None
        if found is None:
            raise _no_token(answer, challenge, scope, login)
        text, seconds = found
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


def _no_token(
    answer: Answer, challenge: Challenge, scope: Scope, login: Login | None
) -> HashtagError | Temporary:
    server = f"token server {Origin.of(challenge.realm)}"
    what = f"its {server} answered {answer.status}{error_text(answer)}"
    if answer.status == 200:
        return denied(scope.repository, scope.actions, login, "its token server gave no token")
    if is_temporary(answer.status, answer.content):
        return Temporary(f"{server}: {answer.status}", answer.headers.get("retry-after"))
    if answer.status == 401 and login:
        return login_refused(scope.repository, login, what)
    if answer.status in (401, 403):
        return denied(scope.repository, scope.actions, login, what)
    return RegistryError(what, where=str(scope.repository))
