"""Credential helpers: programs `docker-credential-NAME` that know logins."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping

from attrs import field, frozen

from hashtag.errors import HelperFailed

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SECONDS = 30.0
_NOT_FOUND = "credentials not found"  # docker-credential-helpers, credentials/error.go
_ANSWER_LIMIT = 64 * 1024


@frozen
class Helpers:
    """What helpers say, each asked once for a server; one that failed fails again without being asked."""

    environ: Mapping[str, str] = field(repr=False)
    _known: dict[tuple[str, str], tuple[str, str] | HelperFailed | None] = field(
        factory=dict, init=False, repr=False
    )

    def __call__(self, helper: str, server: str) -> tuple[str, str] | None:
        """Return user and secret, or None where the helper knows none; raise `HelperFailed`."""
        if (helper, server) not in self._known:
            self._known[helper, server] = self._asked(helper, server)
        answer = self._known[helper, server]
        if isinstance(answer, HelperFailed):
            raise answer
        return answer

    def _asked(self, helper: str, server: str) -> tuple[str, str] | HelperFailed | None:
        try:
            return ask_helper(helper, server, self.environ)
        except HelperFailed as error:
            return error


def ask_helper(
    helper: str, server: str, environ: Mapping[str, str], *, timeout_seconds: float = _SECONDS
) -> tuple[str, str] | None:
    """
    Return user and secret, or None where the helper knows none for the server.

    Args:
        helper: `ecr-login` for the program `docker-credential-ecr-login`.
        environ: What the helper sees; its PATH is searched.

    Raises:
        HelperFailed: It is not there, fails, hangs, or answers nonsense; its output is never shown.
    """
    program = f"docker-credential-{helper}"
    path = shutil.which(program, path=environ.get("PATH", "")) if _NAME.fullmatch(helper) else None
    if path is None:
        raise HelperFailed("not found in PATH", where=program, hint="install it, or log in without it")
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
        raise HelperFailed(f"no answer within {timeout_seconds:.0f} s", where=program) from None
    except OSError as error:
        raise HelperFailed(f"cannot be started: {error.strerror}", where=program) from error
    if done.returncode:
        if _NOT_FOUND in done.stdout.decode(errors="replace").lower():
            return None
        raise HelperFailed(f"ended with status {done.returncode}", where=program)
    return _parsed(done.stdout, program)


def _parsed(output: bytes, program: str) -> tuple[str, str] | None:
    try:
        answer = json.loads(output[:_ANSWER_LIMIT])
        user, secret = answer["Username"], answer["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError):
        user = secret = None
    if not (isinstance(user, str) and isinstance(secret, str)):
        raise HelperFailed("its answer is not a login in JSON", where=program)
    # Some say so of hosts that are not theirs.
    return (user, secret) if user or secret else None
