"""A registry that sends back what it was told of passwords and tokens, wherever an answer has room for it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import quote, unquote

from attrs import define, field

TOKEN = "t0ken/0f+the=hostile~server"


def forms_of(text: str) -> set[str]:
    """Return a secret as it is, in base64, with percent signs and as JSON writes it."""
    encoded = b64encode(text.encode()).decode()
    return {text, encoded, encoded.rstrip("="), quote(text, safe=""), quote(text), json.dumps(text)[1:-1]}


@define
class Hostile:
    """
    Attributes:
        host: `127.0.0.1:PORT`.
        told: The Authorization of each request that had one, by what was done with it.
    """

    host: str = ""
    told: dict[str, set[str]] = field(factory=dict)


Answer = Callable[["_Handler", str], None]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hostile: Hostile
    kind: str

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = self.headers.get("Authorization")
        if told is None:
            bearer = f'Bearer realm="http://{self.hostile.host}/token"'
            self.reply(401, {"WWW-Authenticate": "Basic" if self.kind == "password" else bearer})
        elif self.kind == "token" and self.path.startswith("/token"):
            self.reply(200, {}, json.dumps({"token": TOKEN}).encode())
        else:
            way = next(way for way in WAYS if f"{repository_for(way)}/" in unquote(self.path))
            self.hostile.told.setdefault(way, set()).add(told)
            WAYS[way](self, " ".join(sorted(self.secrets(told))))

    do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_GET  # noqa: N815 — http.server's names

    def secrets(self, told: str) -> set[str]:
        """Return what was told in every form."""
        if told.startswith("Basic "):
            user_and_password = b64decode(told.removeprefix("Basic ")).decode()
            password = user_and_password.partition(":")[2]
            return {told} | forms_of(user_and_password) | forms_of(password)
        return {told} | forms_of(told.removeprefix("Bearer "))

    def reply(self, status: int, headers: dict[str, str], content: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def errors(self, status: int, text: str, **headers: str) -> None:
        document = {"errors": [{"code": "DENIED", "message": text, "detail": text}]}
        self.reply(status, {"Content-Type": "application/json", **headers}, json.dumps(document).encode())

    def raw(self, text: str) -> None:
        self.close_connection = True
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


def _first(text: str) -> str:
    """Return one of the secrets that can stand in a URL's path or host."""
    return next(word for word in text.split() if word.isalnum())


def _manifest(handler: _Handler, text: str, **headers: str) -> None:
    oci = "application/vnd.oci.image.manifest.v1+json"
    content = json.dumps({"schemaVersion": 2, "mediaType": text}).encode()
    digest = "sha256:" + "0" * 64
    handler.reply(200, {"Content-Type": oci, "Docker-Content-Digest": digest} | headers, content)


WAYS: dict[str, Answer] = {
    "a refusal": lambda handler, text: handler.errors(401, text, **{"WWW-Authenticate": "Basic"}),
    "missing rights": lambda handler, text: handler.errors(403, text),
    "an error": lambda handler, text: handler.errors(400, text),
    "a failure for a while": lambda handler, text: handler.errors(503, text),
    "a page": lambda handler, text: handler.reply(200, {"Content-Type": "text/html"}, text.encode()),
    "a challenge": lambda handler, text: handler.reply(
        401,
        {"WWW-Authenticate": f'Bearer realm="http://{_first(text)}.example/{_first(text)}",scope="{text}"'},
    ),
    "a redirect to another host": lambda handler, text: handler.reply(
        307, {"Location": f"https://{_first(text)}.169.254.169.254/{_first(text)}?{quote(text)}"}
    ),
    "a redirect to metadata": lambda handler, text: handler.reply(
        307, {"Location": f"http://169.254.169.254/{text}"}
    ),
    "a redirect with a user": lambda handler, text: handler.reply(
        307, {"Location": f"http://u:{quote(text)}@{handler.hostile.host}/{quote(text)}"}
    ),
    "a redirect to itself": lambda handler, text: handler.reply(307, {"Location": f"/{quote(text)}"}),
    "no URL": lambda handler, text: handler.reply(307, {"Location": f"http://[{text}"}),
    "a warning": lambda handler, text: handler.reply(
        404, {"Warning": ", ".join(f'299 - "{word}"' for word in text.split() if '"' not in word)}
    ),
    "a digest": lambda handler, text: _manifest(handler, "x", **{"Docker-Content-Digest": text}),
    "a type": lambda handler, text: _manifest(handler, "x", **{"Content-Type": text}),
    "a type inside": _manifest,
    "a compression": lambda handler, text: _manifest(handler, "x", **{"Content-Encoding": text}),
    "a list's next page": lambda handler, text: handler.reply(
        200, {"Link": f'<https://{_first(text)}.example/{quote(text)}>; rel="next"'}, b'{"tags": []}'
    ),
    "an upload elsewhere": lambda handler, text: handler.reply(
        202 if handler.command == "POST" else 404,
        {"Location": f"http://{_first(text)}.169.254.169.254/{quote(text)}"},
    ),
    "no HTTP": lambda handler, text: handler.raw(f"{text}\r\n\r\n"),
    "a false status": lambda handler, text: handler.raw(f"HTTP/1.1 {text}\r\n\r\n"),
    "a false header": lambda handler, text: handler.raw(f"HTTP/1.1 200 OK\r\n{text}\r\n\r\n"),
    "a false length": lambda handler, text: handler.raw(f"HTTP/1.1 200 OK\r\nContent-Length: {text}\r\n\r\n"),
}
"""What it does with what it was told, by name."""


def repository_for(way: str) -> str:
    """Return in which repository it does so."""
    return way.lower().replace(" ", "-").replace("'", "")


@contextmanager
def hostile_server(kind: str) -> Iterator[Hostile]:
    """
    Serve on a free port.

    Args:
        kind: It asks for a `password`, or for a `token`, which it gives; or its `token server` is hostile.
    """
    hostile = Hostile()
    members = {"hostile": hostile, "kind": kind}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), members))
    server.daemon_threads = True
    hostile.host = f"127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hostile
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
