"""Sessions: requests to registries with the authorization and the retries they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from attrs import evolve

from hashtag.errors import HashtagError
from hashtag.oci.reference import DOCKER_HUB, Repository
from hashtag.registry.answers import error_text, is_of_registry, is_web_page, refusal, web_page
from hashtag.registry.authorization import Authorization, Scope
from hashtag.registry.credentials import Credentials
from hashtag.registry.denial import denied, login_refused
from hashtag.registry.hiding import forms_of
from hashtag.registry.in_flight import InFlight
from hashtag.registry.login import Login
from hashtag.registry.messages import ERROR_LIMIT, Answer, Pieces, Request
from hashtag.registry.notices import Notices
from hashtag.registry.origin import Origin
from hashtag.registry.retry import Retries, Temporary, is_temporary
from hashtag.registry.transport import Transport

T = TypeVar("T")

# ghcr.io says 403 for «too many» (`is_temporary`).
_TOO_MANY = (403, 429)
_DOCKER_HUB_SERVER = "registry-1.docker.io"


class Session:
    """Requests to any number of registries, from any thread."""

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        retries: Retries,
        notices: Notices | None = None,
    ) -> None:
        """Connect through `transport`, on the first request."""
        self._transport = transport
        self._retries = retries
        self._notices = notices or Notices()
        self._in_flight = InFlight()
        self._authorization = Authorization(transport, credentials, retries.clock)
        self._open_hosts: set[str] = set()
        self._html_hosts: dict[str, bool] = {}

    def __repr__(self) -> str:
        return f"Session({self._transport!r})"

    def ask(
        self,
        method: str,
        scope: Scope,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        limit: int = ERROR_LIMIT,
        is_secret: bool = False,
        is_done: Callable[[], bool] | None = None,
    ) -> Answer:
        """
        Return the answer, whatever its status, once it is not a temporary failure.

        Args:
            target: Below the repository, as `manifests/latest`, or a URL that the registry named.
            limit: The most bytes of a good answer.
            is_secret: Whether a redirect to another host is refused.
            is_done: Asked before a request is repeated: whether only the reply was lost; the
                answer is then 201.
        """
        request = Request(
            method=method,
            url=target,
            headers=headers or {},
            content=content,
            limit=limit,
            is_secret=is_secret,
        )

        def attempt(number: int) -> Answer:
            if number and is_done and is_done():
                return Answer(status=201, url=target)
            return self._authorized(request, scope)

        return self.repeat(scope, attempt)

    def ask_once(
        self,
        method: str,
        scope: Scope,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | Pieces = b"",
        limit: int = ERROR_LIMIT,
        is_streamed: bool = False,
    ) -> Answer:
        """
        Return the answer, whatever its status; raise `Temporary` for a temporary failure.

        Args:
            content: The body, or what yields its pieces each time that it is sent.
            is_streamed: Whether a good answer comes with its body open.
        """
        request = Request(
            method=method,
            url=target,
            headers=headers or {},
            content=content,
            limit=limit,
            is_streamed=is_streamed,
        )
        return self._authorized(request, scope)

    def repeat(self, scope: Scope, attempt: Callable[[int], T]) -> T:
        """Return what `attempt` returns once it does not raise `Temporary`, within the host's budget."""
        return self._retries.call(scope.repository.registry, attempt)

    def refused(self, answer: Answer, scope: Scope, where: str) -> HashtagError:
        """Return the error for an answer that is no success: `AccessDenied` for 401 and 403."""
        if answer.status not in (401, 403):
            return refusal(answer, where)
        what = f"the registry answered {answer.status}{error_text(answer)}"
        login, repository = self.login(scope), scope.repository
        is_password = self._authorization.asks_for_password(repository.registry) and answer.secrets
        if login and is_password and answer.status == 401 and self._is_from(answer, repository):
            return login_refused(repository, login, what)
        return denied(repository, scope.actions, login, what)

    def login(self, scope: Scope) -> Login | None:
        """Return the login for a repository, if there is one."""
        return self._authorization.login(scope)

    def login_sent(self, scope: Scope) -> Login | None:
        """Return the login for a repository, if there is one and the registry wanted to see it."""
        return self.login(scope) if self._authorization.header(scope) else None

    def in_flight(self, host: str) -> int:
        """Return how many requests a host is asked at once by now."""
        return self._in_flight.limit(host)

    def give_up(self) -> None:
        """Ask nothing again that fails."""
        self._retries.give_up()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _authorized(self, request: Request, scope: Scope) -> Answer:
        header = self._authorization.header(scope)
        answer = self._sent(request, scope, header)
        challenge = self._challenge(answer, scope, header)
        if challenge and self._is_from(challenge, scope.repository):
            renewed = self._authorization.answer(challenge, scope, header)
            if renewed is not None:
                answer = self._sent(request, scope, renewed)
                if answer.status == 401 and self._is_from(answer, scope.repository):
                    other = self._authorization.other_answer(answer, scope)
                    answer = self._sent(request, scope, other) if other else answer
        host = scope.repository.registry
        if is_temporary(answer.status, answer.content):
            if answer.status in _TOO_MANY:
                self._in_flight.too_many(host)
            raise Temporary(f"{answer.status}{error_text(answer)}", answer.headers.get("retry-after"))
        self._in_flight.worked(host)
        self._notices.take(host, answer.headers.get("warning", ""), answer.secrets)
        if is_web_page(answer) and not self._speaks_html(host):
            if answer.body:
                answer.body.close()
            raise web_page(answer, host)
        return answer

    def _speaks_html(self, host: str) -> bool:
        """Return whether a host is a registry though it calls its answers HTML, as zuul-registry does."""
        if host not in self._html_hosts:
            ping = self._transport.ask(_server(host), "/v2/", Request(method="GET", url=""))
            self._html_hosts[host] = ping.status in (200, 401) and is_of_registry(ping)
        return self._html_hosts[host]

    def _challenge(self, answer: Answer, scope: Scope, header: str | None) -> Answer | None:
        """
        Return the answer that says what authorization is wanted, None where none is.

        Some registries answer strangers with 404 for what is private: with a login at hand, 404
        is believed only where the registry asks nobody who they are.
        """
        if answer.status == 401:
            return answer
        host = scope.repository.registry
        if answer.status != 404 or header or host in self._open_hosts or not self._authorization.login(scope):
            return None
        ping = self._transport.ask(_server(host), "/v2/", Request(method="GET", url=""))
        if ping.status == 401:
            return ping
        self._open_hosts.add(host)
        return None

    def _sent(self, request: Request, scope: Scope, header: str | None) -> Answer:
        repository = scope.repository
        request = evolve(request, secrets=self._secrets(scope, header))
        authorization = {"Authorization": header} if header else {}
        if "://" not in request.url:
            path = f"/v2/{repository.name}/{request.url}"
            with self._slot(repository, request):
                return self._transport.ask(
                    _server(repository.registry), path, _with_headers(request, authorization)
                )
        if self._is_from(Answer(status=0, url=request.url), repository):
            request = _with_headers(request, authorization)
        with self._slot(repository, request):
            return self._transport.send(request)

    def _slot(self, repository: Repository, request: Request) -> AbstractContextManager[None]:
        # What reads or feeds a stream waits for nobody: its other end may be the same host.
        is_stream = request.is_streamed or not isinstance(request.content, bytes)
        return nullcontext() if is_stream else self._in_flight.slot(repository.registry, request.method)

    def _secrets(self, scope: Scope, header: str | None) -> tuple[str, ...]:
        login = self.login(scope) if header else None
        token = (header or "").rpartition(" ")[2]
        return (*forms_of(token), *(login.secrets if login else ()))

    def _is_from(self, answer: Answer, repository: Repository) -> bool:
        """Return whether an answer came from the registry itself, not from where it sent us."""
        return Origin.of(answer.url) == Origin.of(self._transport.url(_server(repository.registry)))


def _with_headers(request: Request, more: Mapping[str, str]) -> Request:
    return evolve(request, headers={**request.headers, **more})


def _server(registry: str) -> str:
    return _DOCKER_HUB_SERVER if registry == DOCKER_HUB else registry
