"""Debian's Docker engine (20.10, with its own BuildKit), run as root, without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from attrs import frozen

from servers.debian import require

_PATIENCE_SECONDS = 60.0


@frozen
class Engine:
    """
    An engine that answers.

    Attributes:
        socket: Of its API.
        client: Debian's `docker`, whose BuildKit needs no plugin.
    """

    socket: Path
    client: str
    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def environ(self) -> Mapping[str, str]:
        """What a client needs to know to speak to this engine alone."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "DOCKER_HOST": f"unix://{self.socket}",
            "DOCKER_BUILDKIT": "1",
            "DOCKER_CONFIG": str(self.folder / "config"),
        }

    def docker(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the client; a status other than 0 is in the answer."""
        return subprocess.run(
            [self.client, *map(str, arguments)],
            env=self.environ,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_PATIENCE_SECONDS,
        )

    def stop(self) -> None:
        """End the engine and what it started; forget its sockets."""
        self.process.terminate()
        try:
            self.process.wait(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=_PATIENCE_SECONDS)
        shutil.rmtree(self.socket.parent, ignore_errors=True)


def start_engine(folder: Path) -> Engine:
    """Return an engine that keeps its images in a folder; skip where there can be none (in CI: fail)."""
    client = _packaged(require("docker", "docker.io"))
    program = require("dockerd", "docker.io")
    if os.geteuid() != 0:
        _refuse("dockerd needs root")
    folder.mkdir(parents=True, exist_ok=True)
    # A path of a Unix socket has at most 107 bytes, and pytest's folders are long.
    short = Path(tempfile.mkdtemp(prefix="engine-"))
    socket = short / "d.sock"
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [program, *_options(folder, short), "-H", f"unix://{socket}"],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
        )
    engine = Engine(socket, client, process, folder)
    if not _answers(engine):
        engine.stop()
        _refuse(f"dockerd does not start here: {log.read_text(errors='replace')[-1000:]}")
    return engine


def _packaged(client: str) -> str:
    # A newer client before Debian's on the PATH would ask for the plugin buildx.
    return "/usr/bin/docker" if Path("/usr/bin/docker").exists() else client


def _options(folder: Path, short: Path) -> Sequence[str]:
    return (
        "--iptables=false",
        "--ip6tables=false",
        "--bridge=none",
        "--storage-driver=vfs",
        f"--data-root={folder / 'data'}",
        f"--exec-root={short / 'exec'}",
        f"--pidfile={short / 'pid'}",
        f"--config-file={_no_configuration(folder)}",
    )


def _no_configuration(folder: Path) -> Path:
    path = folder / "daemon.json"
    path.write_text("{}")
    return path


def _answers(engine: Engine) -> bool:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end and engine.process.poll() is None:
        if engine.socket.exists() and engine.docker("version").returncode == 0:
            return True
        time.sleep(0.1)
    return False


def _refuse(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
