"""Logins for builders: in a file that only this user can read, never on a command line."""

from __future__ import annotations

import json
import os
import stat
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import evolve, field, frozen

from hashtag.builders.builder import Builder
from hashtag.errors import CredentialsError

_LIMIT = 16 * 1024 * 1024
# docker/cli cli/config: Docker Hub stands there under this key.
_DOCKER_HUB_KEYS = {"docker.io": "https://index.docker.io/v1/"}


@frozen(kw_only=True)
class Login:
    """A user and a password, or an identity token."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)


@contextmanager
def builder_environment(builder: Builder, logins: Mapping[str, Login]) -> Iterator[Builder]:
    """
    Yield the builder with these logins, by `host[:port]` or `host[:port]/name`; forgotten afterwards.

    Without any, the builder uses what it has.
    """
    if not logins:
        yield builder
        return
    with TemporaryDirectory(prefix="hashtag-logins-") as folder:
        if builder.is_docker:
            _write_docker_config(Path(folder), builder.environ, logins)
            yield evolve(builder, environ={**builder.environ, "DOCKER_CONFIG": folder})
        else:
            path = Path(folder) / "auth.json"
            _write(path, {"auths": _auths(logins)})
            yield evolve(builder, authfile=str(path))


def _write_docker_config(folder: Path, environ: Mapping[str, str], logins: Mapping[str, Login]) -> None:
    """Make a copy of the user's configuration, with these logins before all others."""
    own = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "/")) / ".docker")
    document = _read(own / "config.json")
    # A store or helper would be asked before what stands in the file.
    for key in ("credsStore", "credHelpers"):
        document.pop(key, None)
    document["auths"] = {**(document.get("auths") or {}), **_auths(logins)}
    _write(folder / "config.json", document)
    for path in _beside(own):  # plugins, contexts, the state of buildx
        if path.name != "config.json":
            (folder / path.name).symlink_to(path.absolute())


def _beside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # what may not be looked into is not there for the builder, either
        return []


def _read(path: Path) -> dict[str, Any]:
    content = _content(path)
    try:
        document = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        # `from None`: the parser's error holds the text.
        raise CredentialsError("cannot be read: it is not JSON", where=str(path)) from None
    if not isinstance(document, dict) or not isinstance(document.get("auths") or {}, dict):
        raise CredentialsError("not the configuration of a Docker client", where=str(path))
    return document


def _content(path: Path) -> bytes | None:
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CredentialsError("cannot be read: it is not a file", where=str(path))
            return file.read(_LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        # In a folder that may not be looked into there is no file for us.
        if isinstance(error, PermissionError) and not os.path.lexists(path):
            return None
        raise CredentialsError(f"cannot be read: {error.strerror}", where=str(path)) from error


def _without_waiting(path: str, flags: int) -> int:
    # A FIFO must not hold us up before it is refused; Windows knows neither it nor the flag.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _auths(logins: Mapping[str, Login]) -> dict[str, dict[str, str]]:
    return {_DOCKER_HUB_KEYS.get(host, host): _entry(login) for host, login in logins.items()}


def _entry(login: Login) -> dict[str, str]:
    if login.identity_token:
        return {"identitytoken": login.identity_token, "auth": _basic(login.username or "00000000", "")}
    return {"auth": _basic(login.username, login.password)}


def _basic(username: str, password: str) -> str:
    return b64encode(f"{username}:{password}".encode()).decode()


def _write(path: Path, document: Mapping[str, Any]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file)
