"""A small web server on loopback: files of a folder, and answers of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TypeAlias

from attrs import field, frozen

Answer: TypeAlias = Callable[[SimpleHTTPRequestHandler], None]


@frozen
class Web:
    """
    A server that answers.

    Attributes:
        url: Without a slash at the end.
        requests: The headers of each request, with its path under "path".
    """

    url: str
    requests: list[dict[str, str]] = field(factory=list)


@contextmanager
def web(folder: Path, answers: dict[str, Answer] | None = None) -> Iterator[Web]:
    """Serve a folder; paths of `answers` are answered by functions that write to the request."""
    requests: list[dict[str, str]] = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append({**{k.lower(): v for k, v in self.headers.items()}, "path": self.path})
            answer = (answers or {}).get(self.path)
            answer(self) if answer else super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Web(f"http://127.0.0.1:{server.server_port}", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def status(code: int, **headers: str) -> Answer:
    """Return an answer of a status without a body."""

    def answer(request: SimpleHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer
