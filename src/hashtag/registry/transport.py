"""The one module that speaks HTTP: one request, its redirects, and a bounded answer."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Self
from weakref import finalize

from attrs import evolve

from hashtag import __version__
from hashtag.errors import ConfigError, RegistryError, RegistryUnreachable, UntrustedAnswer
from hashtag.registry.certificates import certificates_folder, tls_context, tls_failure
from hashtag.registry.hiding import hiding, scrubbed
from hashtag.registry.messages import ERROR_LIMIT, Answer, Request
from hashtag.registry.origin import Origin, check_move, is_loopback, shown
from hashtag.registry.redirects import redirect_target, redirected
from hashtag.registry.retry import Temporary

if TYPE_CHECKING:
    import httpx

_LOG = logging.getLogger("hashtag.requests")
CONNECTIONS = 32  # sixteen requests in flight, and streams beside them
_REDIRECTS = 5
_PROXY = "HTTP_PROXY, HTTPS_PROXY and ALL_PROXY are http://host:port, NO_PROXY hosts with commas between"
_GUESS_SECONDS = 3.0
_USER_AGENT = f"hashtag/{__version__}"
_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")


class _Received:
    """
    The bytes of an answer as they come, at most `Request.limit`; of a bad answer the first 64 KiB.

    Raises:
        Temporary: The connection broke.
        RegistryError: There are more, or they are compressed.
    """

    def __init__(self, response: httpx.Response, request: Request) -> None:
        self.response = response
        self._request = request
        try:
            self._check()
        except BaseException:
            response.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        response, request = self.response, self._request
        left = request.limit if response.is_success else ERROR_LIMIT
        with hiding(request.secrets), _translated(request.url):
            for piece in response.iter_raw():
                if len(piece) > left and response.is_success:
                    where = shown(request.url)
                    raise RegistryError(f"the answer is larger than {request.limit} bytes", where=where)
                yield piece[:left]
                left -= len(piece)
                if left < 0:
                    return

    def answer(self, content: bytes | None = None) -> Answer:
        """Return the answer with this body: still open, or as its bytes."""
        headers = self.response.headers
        return Answer(
            status=self.response.status_code,
            url=self._request.url,
            headers={name.lower(): headers[name] for name in headers},
            content=content or b"",
            body=self if content is None else None,
            secrets=self._request.secrets,
        )

    def close(self) -> None:
        """Let the connection go; one whose body was not read to its end is closed."""
        self.response.close()

    def _check(self) -> None:
        stream, check = self.response.extensions.get("network_stream"), self._request.check_host
        if check and stream is not None and (peer := stream.get_extra_info("server_addr")):
            check(peer[0])
        if self.response.headers.get("content-encoding", "identity").lower() != "identity":
            # A few kilobytes could unpack to gigabytes; nobody asked for it.
            where = shown(self._request.url)
            raise RegistryError("the answer is compressed, though that was not asked for", where=where)


class Transport:
    """
    Connections to any number of hosts; may be used by several threads at once.

    Nothing is connected, and httpx is not imported, before the first request.
    """

    def __init__(
        self,
        *,
        ca: Path | str | None = None,
        insecure: Collection[str] = (),
        environ: Mapping[str, str] | None = None,
        timeout_seconds: float = 30.0,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        """
        Prepare, without connecting.

        Args:
            ca: Certificates to trust besides the system's: a file, or PEM text.
            insecure: Hosts (`host[:port]`) that may be spoken to without TLS, as loopback ones may.
            environ: For SSL_CERT_FILE and SSL_CERT_DIR.
            timeout_seconds: The longest silence of a server.
            wire: Replaces the network.
        """
        self._ca = ca
        self._insecure = frozenset(insecure)
        self._environ = dict(environ or {})
        self._timeout_seconds = max(timeout_seconds, 1.0)
        self._wire = wire
        self._clients: dict[Path | None, httpx.Client] = {}
        self._folders: dict[Origin, Path | None] = {}
        self._schemes: dict[str, str] = {}
        self._lock = Lock()
        # Whoever forgets to close has no connections left either.
        finalize(self, _close_all, self._clients)

    def __repr__(self) -> str:
        return f"Transport(insecure={sorted(self._insecure)!r})"

    def ask(self, host: str, path: str, request: Request) -> Answer:
        """
        Return a registry's answer; `request.url` is replaced by the host's URL and `path`.

        A host that may go without TLS is tried with it first, as Docker does; then it is remembered.

        Raises:
            Temporary: No connection, or it broke.
            RegistryUnreachable: The host's certificate is not trusted.
        """
        if scheme := self._scheme(host):
            return self.send(evolve(request, url=f"{scheme}://{host}{path}"))
        try:
            answer = self.send(evolve(request, url=f"https://{host}{path}"), guess=True)
        except _NoTls:
            answer = self.send(evolve(request, url=f"http://{host}{path}"))
            self._schemes[host] = "http"
        else:
            self._schemes[host] = "https"
        return answer

    def url(self, host: str) -> str:
        """Return the URL of a host that has answered before, or of one that needs TLS."""
        return f"{self._schemes.get(host, 'https')}://{host}"

    def send(self, request: Request, *, guess: bool = False) -> Answer:
        """
        Return the answer to one request, after at most five redirects.

        Raises:
            Temporary: No connection, or it broke.
            UntrustedAnswer: A redirect leads where nothing may be sent.
            RegistryError: The body is larger than the limit, or compressed.
        """
        with hiding(request.secrets):
            return self._followed(request, guess=guess)

    def close(self) -> None:
        """Close all connections."""
        _close_all(self._clients)

    def _followed(self, request: Request, *, guess: bool) -> Answer:
        start = Origin.of(request.url)
        for _ in range(_REDIRECTS + 1):
            if request.check_host:
                request.check_host(Origin.of(request.url).host)
            answer = self._once(request, guess=guess)
            target = redirect_target(request, answer)
            if target is None:
                return answer
            check_move(start, Origin.of(target), "redirect")
            request = redirected(request, target)
        raise UntrustedAnswer(f"more than {_REDIRECTS} redirects", where=str(start))

    def _scheme(self, host: str) -> str | None:
        if host in self._schemes:
            return self._schemes[host]
        return None if host in self._insecure or is_loopback(host) else "https"

    def _once(self, request: Request, *, guess: bool) -> Answer:
        import httpx

        headers = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"} | dict(request.headers)
        seconds = _GUESS_SECONDS if guess else self._timeout_seconds
        timeout = httpx.Timeout(self._timeout_seconds, connect=min(seconds, 10.0), pool=None)
        content = request.content() if callable(request.content) else request.content
        client = self._opened(Origin.of(request.url))
        with _translated(request.url, guess=guess):
            message = client.build_request(
                request.method, request.url, headers=headers, content=content, timeout=timeout
            )
            body = _Received(client.send(message, stream=True), request)
        if _LOG.isEnabledFor(logging.DEBUG):
            target = scrubbed(shown(request.url), request.secrets)
            _LOG.debug("%s %s %d", request.method, target, body.response.status_code)
        if request.is_streamed and body.response.is_success:
            return body.answer()
        with body:
            return body.answer(b"".join(body))

    def _opened(self, origin: Origin) -> httpx.Client:
        """Return the connections that trust what counts for a host: most hosts share them."""
        with self._lock:
            if origin not in self._folders:
                host = str(origin).partition("://")[2]
                self._folders[origin] = certificates_folder(host, self._environ)
            folder = self._folders[origin]
            if folder not in self._clients:
                self._clients[folder] = self._client(folder)
            return self._clients[folder]

    def _client(self, folder: Path | None) -> httpx.Client:
        import httpx

        context = tls_context(self._ca, self._environ, folder)
        try:
            return httpx.Client(
                verify=context,
                limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
                follow_redirects=False,
                # As Go's clients: a proxy is never asked for this machine.
                mounts=dict.fromkeys(("all://localhost", "all://127.0.0.1", "all://[::1]")),
                transport=self._wire,
            )
        except (ImportError, ValueError, httpx.InvalidURL):
            # `from None`: a proxy's URL may hold a password.
            raise ConfigError("the environment names a proxy that cannot be used", hint=_PROXY) from None


def _close_all(clients: Mapping[Path | None, httpx.Client]) -> None:
    for client in clients.values():
        client.close()


class _NoTls(Exception):
    """The host may speak plain HTTP: the TLS handshake failed, and not for its certificate."""


@contextmanager
def _translated(url: str, *, guess: bool = False) -> Iterator[None]:
    import httpx

    try:
        yield
    except httpx.TransportError as error:
        raise _failure(error, Origin.of(url), guess=guess) from error
    except httpx.InvalidURL as error:
        raise UntrustedAnswer(f"not a URL: {shown(url)}") from error


def _failure(error: httpx.TransportError, origin: Origin, *, guess: bool) -> Exception:
    import httpx

    causes = list(_causes(error))
    if refusal := next(filter(None, (tls_failure(cause, str(origin)) for cause in causes)), None):
        return refusal
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return UntrustedAnswer(f"not a request that can be sent: {error}", where=str(origin))
    refused = any(isinstance(cause, ConnectionRefusedError | socket.gaierror) for cause in causes)
    # What fails after the handshake speaks TLS.
    if guess and not refused and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return _NoTls()
    if any(isinstance(cause, ssl.SSLError) and getattr(cause, "reason", "") in _NOT_TLS for cause in causes):
        return RegistryUnreachable(
            "it does not speak TLS", where=str(origin), hint="allow it to go without, as an insecure host"
        )
    return Temporary(f"{origin}: {str(error) or type(error).__name__}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
