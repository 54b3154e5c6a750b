"""Programs of Debian that the integration tests need."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def require(command: str, package: str) -> str:
    """Return the path of a program; install its Debian package as root, else skip (in CI: fail)."""
    if path := _which(command):
        return path
    line = f"apt-get install --yes --no-install-recommends {package}"
    if shutil.which("apt-get") and os.geteuid() == 0:
        # dpkg works for one at a time, and the tests run in several processes.
        with (Path(tempfile.gettempdir()) / "hashtag-tests-apt.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _which(command) is None:
                _apt_get(line)
    path = _which(command)
    if path is None and os.environ.get("CI"):
        pytest.fail(f"{command} is missing: {line}")
    if path is None:
        pytest.skip(f"{command} is missing: {line}")
    return path


def _apt_get(line: str) -> None:
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for step in ("apt-get update", line):
        subprocess.run(step.split(), env=environ, capture_output=True, check=False, timeout=600)


def _which(command: str) -> str | None:
    return shutil.which(command, path=f"{os.environ.get('PATH', '')}:{SBIN}")
