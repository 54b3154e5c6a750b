"""A token server for docker-registry: Docker's «Token Authentication Specification», as small as it goes."""

from __future__ import annotations

import json
import ssl
import time
import uuid
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from attrs import define, field

from servers.docker_registry import RunningRegistry, certificates, start_registry

SERVICE, ISSUER = "tests", "tests' tokens"


@define
class TokenServer:
    """
    What tests may change while it runs.

    Attributes:
        life_seconds: Of each token.
        tells_life: Whether the answer has `expires_in`.
        name: Of the token in the answer: `token` or `access_token`.
        reads_all: Whether more than the first scope of a request counts.
        users: Password and the actions that a user may, by name; strangers are under "".
        asked: The scopes of each request.
    """

    key: bytes
    certificate: str
    url: str = ""
    life_seconds: float = 300
    tells_life: bool = True
    name: str = "token"
    reads_all: bool = True
    users: dict[str, tuple[str, set[str]]] = field(factory=lambda: {"": ("", {"pull"})})
    asked: list[list[str]] = field(factory=list)

    def answer(self, scopes: list[str], user: str) -> dict[str, Any]:
        """Return the document for a request."""
        self.asked.append(scopes)
        allowed = self.users[user][1]
        access = []
        for scope in scopes if self.reads_all else scopes[:1]:
            kind, name, actions = scope.split(":")
            granted = [action for action in actions.split(",") if action in allowed]
            access.append({"type": kind, "name": name, "actions": granted})
        now = time.time()
        claims = {
            "iss": ISSUER,
            "sub": user,
            "aud": SERVICE,
            "exp": int(now + self.life_seconds),
            "nbf": int(now) - 1,
            "iat": int(now),
            "jti": uuid.uuid4().hex,
            "access": access,
        }
        text = jwt.encode(claims, self.key, algorithm="ES256", headers={"x5c": [self.certificate]})
        return {self.name: text} | ({"expires_in": self.life_seconds} if self.tells_life else {})

    def user(self, header: str | None) -> str | None:
        """Return who an Authorization header is of; None for a wrong password."""
        if header is None:
            return ""
        name, _, password = b64decode(header.removeprefix("Basic ")).decode().partition(":")
        return name if name in self.users and self.users[name][0] == password else None


@contextmanager
def token_guarded(folder: Path) -> Iterator[tuple[RunningRegistry, TokenServer]]:
    """Serve a docker-registry whose tokens come from a server in this process."""
    folder.mkdir(parents=True, exist_ok=True)
    ca = certificates(folder)
    certificate = ssl.PEM_cert_to_DER_cert((folder / "tls.crt").read_text())
    tokens = TokenServer((folder / "tls.key").read_bytes(), b64encode(certificate).decode())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            user = tokens.user(self.headers.get("Authorization"))
            scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
            document = {"errors": []} if user is None else tokens.answer(scopes, user)
            content = json.dumps(document).encode()
            self.send_response(401 if user is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    tokens.url = f"http://127.0.0.1:{server.server_port}/token"
    section = {"realm": tokens.url, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(ca)}
    running = start_registry(folder / "registry", auth={"token": section})
    try:
        yield running, tokens
    finally:
        running.stop()
        server.shutdown()
        server.server_close()
        thread.join()
