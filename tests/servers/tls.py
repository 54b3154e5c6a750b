"""Servers that speak TLS with any certificate, and the authority that signs them."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from attrs import define, field

from servers.debian import require


@define
class Authority:
    """Signs certificates in a folder."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Authority:
        """Return a new one."""
        made = cls(folder)
        made._openssl("req", "-x509", *_NEW, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=tests")
        return made

    @property
    def ca(self) -> Path:
        """Its own certificate."""
        return self.folder / "ca.crt"

    def certificate(self, name: str, *, host: str = "IP:127.0.0.1", days: int = 2) -> tuple[Path, Path]:
        """Return a certificate and its key; one with less than no days is over."""
        self._openssl("req", *_NEW, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={host}\n")
        signing = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", f"{name}.ext"]
        made = ["-in", f"{name}.csr", "-out", f"{name}.crt", "-days", str(days)]
        self._openssl("x509", "-req", *made, *signing)
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def encrypted(self, key: Path) -> None:
        """Put a password on a key."""
        self._openssl("ec", "-in", key.name, "-aes128", "-passout", "pass:x", "-out", key.name)

    def _openssl(self, *arguments: str) -> None:
        program = require("openssl", "openssl")
        subprocess.run([program, *arguments], cwd=self.folder, check=True, capture_output=True)


_NEW = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@define
class TlsServer:
    """
    A registry without any tag.

    Attributes:
        host: `127.0.0.1:PORT`.
        requests: `METHOD path` of each.
        plain: How many connections did not begin with TLS.
    """

    host: str
    requests: list[str] = field(factory=list)
    plain: int = 0


@contextmanager
def tls_server(certificate: tuple[Path, Path], *, clients_of: Path | None = None) -> Iterator[TlsServer]:
    """Serve on a free port; with `clients_of` only those with a certificate of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients_of)
    running = TlsServer("")

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            running.requests.append(f"{self.command} {self.path}")
            self.send_response(404)
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def finish_request(self, request: socket.socket, client_address: object) -> None:
            # A TLS handshake begins so.
            running.plain += request.recv(1, socket.MSG_PEEK) != b"\x16"
            with context.wrap_socket(request, server_side=True) as encrypted:
                Handler(encrypted, client_address, self)

        def handle_error(self, *_: object) -> None:
            pass  # clients that do not trust us leave

    server = Server(("127.0.0.1", 0), Handler)
    running.host = f"127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
