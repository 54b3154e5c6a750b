"""Credential helpers: programs `docker-credential-NAME` that know logins."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping

from hashtag.errors import CredentialsError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SECONDS = 30.0
_NOT_FOUND = "credentials not found"  # docker-credential-helpers, credentials/error.go
_ANSWER_LIMIT = 64 * 1024


def ask_helper(
    helper: str, server: str, environ: Mapping[str, str], *, timeout_seconds: float = _SECONDS
) -> tuple[str, str] | None:
    """
    Return user and secret, or None where the helper knows none for the server.

    Args:
        helper: `ecr-login` for the program `docker-credential-ecr-login`.
        environ: What the helper sees; its PATH is searched.

    Raises:
        CredentialsError: It is not there, fails, hangs, or answers nonsense; its output is never shown.
    """
    program = f"docker-credential-{helper}"
    path = shutil.which(program, path=environ.get("PATH", "")) if _NAME.fullmatch(helper) else None
    if path is None:
        raise CredentialsError("not found in PATH", where=program, hint="install it, or log in without it")
    try:
        done = subprocess.run(  # noqa: S603 — a list, no shell, and a checked name
            [path, "get"],
            input=server.encode(),
            capture_output=True,
            timeout=timeout_seconds,
            env=dict(environ),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CredentialsError(f"no answer within {timeout_seconds:.0f} s", where=program) from None
    except OSError as error:
        raise CredentialsError(f"cannot be started: {error.strerror}", where=program) from error
    if done.returncode:
        if _NOT_FOUND in done.stdout.decode(errors="replace").lower():
            return None
        raise CredentialsError(f"ended with status {done.returncode}", where=program)
    return _parsed(done.stdout, program)


def _parsed(output: bytes, program: str) -> tuple[str, str]:
    try:
        answer = json.loads(output[:_ANSWER_LIMIT])
        return str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CredentialsError("its answer is not a login in JSON", where=program) from None
