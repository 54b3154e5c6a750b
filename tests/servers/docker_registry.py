"""Debian's docker-registry (distribution 2.8) on a free port of this machine."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from servers.debian import require

_PATIENCE_SECONDS = 20.0


@frozen
class RunningRegistry:
    """
    A server that answers.

    Attributes:
        host: `127.0.0.1:PORT`.
        ca: The certificate that signed its own, where it speaks TLS.
    """

    host: str
    process: subprocess.Popen[bytes]
    log: Path
    ca: Path | None = None

    def access_log(self) -> list[str]:
        """Return `METHOD /path?query` of each request so far, in the order of the answers."""
        lines = _settled(self.log).splitlines()
        records = [json.loads(line) for line in lines if line.startswith("{")]
        return [
            f"{record['http.request.method']} {record['http.request.uri']}"
            for record in records
            if record.get("msg", "").startswith("response completed") and "http.response.status" in record
        ]

    def stop(self) -> None:
        """End the server."""
        self.process.terminate()
        self.process.wait(timeout=_PATIENCE_SECONDS)


def start_registry(
    folder: Path,
    *,
    htpasswd: tuple[str, str] | None = None,
    tls: bool = False,
    port: int | None = None,
    auth: Mapping[str, object] | None = None,
) -> RunningRegistry:
    """
    Return a server that keeps its files in a folder.

    Args:
        folder: Its own; it is made.
        htpasswd: User and password that it asks for.
        tls: With a certificate of an authority made for it.
        port: Default: a free one.
        auth: Its `auth` section, in place of a file of passwords.
    """
    program = require("docker-registry", "docker-registry")
    folder.mkdir(parents=True, exist_ok=True)
    host = f"127.0.0.1:{port or free_port()}"
    config = _config(folder, host)
    if htpasswd:
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(_passwords(folder, *htpasswd))}}
    if auth:
        config["auth"] = dict(auth)
    ca = certificates(folder) if tls else None
    if tls:
        config["http"]["tls"] = {"certificate": str(folder / "tls.crt"), "key": str(folder / "tls.key")}
    # JSON is YAML.
    (folder / "config.yml").write_text(json.dumps(config))
    log = folder / "log"
    with log.open("wb") as file:
        command = [program, "serve", str(folder / "config.yml")]
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env={})
    wait_for(host, process, log)
    return RunningRegistry(host, process, log, ca)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _config(folder: Path, host: str) -> dict:
    return {
        "version": "0.1",
        "log": {"level": "info", "formatter": "json", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "storage")},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": host, "secret": "of the tests"},
    }


def _passwords(folder: Path, user: str, password: str) -> Path:
    program = require("htpasswd", "apache2-utils")
    path = folder / "htpasswd"
    command = [program, "-ciB", "-C", "4", str(path), user]
    subprocess.run(command, input=password.encode(), check=True, capture_output=True)
    return path


def certificates(folder: Path) -> Path:
    """Make `tls.key` and `tls.crt` in a folder; return the authority that signed them."""
    openssl = require("openssl", "openssl")
    ca, request = folder / "ca.crt", folder / "tls.csr"
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    sign = ["-CA", ca, "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", extensions]
    steps = [
        ["req", "-x509", *new, "-keyout", "ca.key", "-out", ca, "-subj", "/CN=tests", "-days", "2"],
        ["req", *new, "-keyout", "tls.key", "-out", request, "-subj", "/CN=127.0.0.1"],
        ["x509", "-req", "-in", request, *sign, "-out", "tls.crt"],
    ]
    for step in steps:
        subprocess.run([openssl, *map(str, step)], cwd=folder, check=True, capture_output=True)
    return ca


def _settled(log: Path) -> str:
    """Return what stands in the log once nothing is added any more: it is written after the answer."""
    text = None
    while text != (text := log.read_text(errors="replace")):
        time.sleep(0.05)
    return text


def wait_for(host: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once a server takes connections."""
    name, _, port = host.rpartition(":")
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection((name, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    process.kill()
    raise RuntimeError(f"the registry does not answer: {log.read_text(errors='replace')[-2000:]}")
