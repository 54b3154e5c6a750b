"""zuul-registry, from the package index: no deletion, no mounts, no referrers, tokens without a service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from servers.docker_registry import RunningRegistry, free_port, wait_for

USER, PASSWORD = "writer", "s3cret"


def start_zuul_registry(folder: Path, login: tuple[str, str] = (USER, PASSWORD)) -> RunningRegistry:
    """Return a server that anybody may read, and that one user may write to."""
    program = _program()
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = {
        "registry": {
            "address": "127.0.0.1",
            "port": port,
            "public-url": f"http://127.0.0.1:{port}",
            "secret": "of the tests",
            "users": [{"name": login[0], "pass": login[1], "access": "write"}],
            "storage": {"driver": "filesystem", "root": str(folder / "storage")},
        }
    }
    # JSON is YAML.
    (folder / "registry.yaml").write_text(json.dumps(config))
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [program, "-c", str(folder / "registry.yaml"), "serve"],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"]},
        )
    host = f"127.0.0.1:{port}"
    wait_for(host, process, log)
    return RunningRegistry(host, process, log)


def _program() -> str:
    beside = Path(sys.executable).parent / "zuul-registry"
    program = str(beside) if beside.exists() else shutil.which("zuul-registry")
    if program is None and os.environ.get("CI"):
        pytest.fail("zuul-registry is missing: pip install zuul-registry")
    if program is None:
        pytest.skip("zuul-registry is missing: pip install zuul-registry")
    return program
