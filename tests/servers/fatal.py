"""A proxy that ends a process at one of its requests: the server got it, the process never hears so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import MSG_PEEK
from threading import Lock, Thread

from attrs import define, field


@define
class Fate:
    """
    What passes, and when it ends.

    Attributes:
        host: `127.0.0.1:PORT`.
        passed: `METHOD /path` of each request since it was last set.
        is_over: Whether the end was reached: nothing passes any more.
    """

    host: str = ""
    passed: list[str] = field(factory=list)
    is_over: bool = False
    _end: Callable[[], None] | None = None
    _after: int = 0
    _lock: Lock = field(factory=Lock)

    def comes(self, end: Callable[[], None], *, after: int) -> None:
        """Let so many requests of now on reach the server, and call `end` before the last is answered."""
        self.passed, self.is_over, self._end, self._after = [], False, end, after

    def never_comes(self) -> None:
        """Let everything pass."""
        self.passed, self.is_over, self._end = [], False, None

    def admits(self, what: str) -> tuple[bool, Callable[[], None] | None]:
        """Return whether a request may pass, and what is to be done once the server has it."""
        with self._lock:
            if self.is_over:
                return False, None
            self.passed.append(what)
            self.is_over = self._end is not None and len(self.passed) >= self._after
            return True, self._end if self.is_over else None


# RFC 8446, section 5.1, «ContentType».
_TLS_HANDSHAKE = b"\x16"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: str
    fate: Fate

    def handle(self) -> None:
        """Serve a connection; hang up on a first try with TLS, as a server that knows none."""
        if self.connection.recv(1, MSG_PEEK) != _TLS_HANDSHAKE:
            super().handle()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_admitted, end = self.fate.admits(f"{self.command} {self.path}")
        if not is_admitted:
            self.close_connection = True
            return
        connection = HTTPConnection(self.target, timeout=10)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if end:
            end()
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_HEAD = do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815 — their names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Say nothing: connections of a process that ended break."""


@contextmanager
def fatal(target: str) -> Iterator[Fate]:
    """Pass everything on to `host:port`, until it is told when to end."""
    fate = Fate()
    handler = type("Handler", (_Handler,), {"target": target, "fate": fate})
    with _Server(("127.0.0.1", 0), handler) as server:
        fate.host = f"127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield fate
        finally:
            server.shutdown()
            thread.join()
