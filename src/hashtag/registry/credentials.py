"""Credentials: where logins are looked for, in which order."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from attrs import frozen

from hashtag.errors import CredentialsError
from hashtag.registry.credential_helper import Helpers
from hashtag.registry.docker_config import DockerConfig
from hashtag.registry.handed_over import handed_over
from hashtag.registry.login import Login, normal_host

Source: TypeAlias = Callable[[str, str], Login | None]
"""Returns the login for a registry (`host[:port]`) and a name in it, or None."""

_FILE_LIMIT = 16 * 1024 * 1024


class Credentials:
    """
    Logins by repository, from the first source that has one; looked up once, by any thread.

    Nothing is read before the first question.
    """

    def __init__(self, sources: Iterator[Source] | tuple[Source, ...] = ()) -> None:
        """Ask these sources, in their order."""
        self._sources = tuple(sources)
        self._known: dict[tuple[str, str], Login | None] = {}
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"Credentials({len(self._sources)} sources)"

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], *, creds: str | None = None, registry: str = ""
    ) -> Credentials:
        """
        Return what an environment offers.

        Args:
            environ: DOCKER_AUTH_CONFIG, DOCKER_CONFIG, REGISTRY_AUTH_FILE, CI_REGISTRY_USER and others.
            creds: `user:password` for `registry`, before all others; default: HASHTAG_CREDS.
            registry: `host[:port]`.
        """
        return cls(_sources(environ, creds, registry))

    def login(self, registry: str, name: str) -> Login | None:
        """Return the login for a repository; None means to come without one."""
        with self._lock:
            if (registry, name) not in self._known:
                found = (source(registry, name) for source in self._sources)
                self._known[registry, name] = next((login for login in found if login), None)
            return self._known[registry, name]


@frozen
class _OneHost:
    """A login for one host alone."""

    host: str
    login: Login

    def __call__(self, registry: str, _: str) -> Login | None:
        return self.login if normal_host(registry) == normal_host(self.host) else None


class _File:
    """The logins of a file, read when first needed; a file that is not there has none."""

    def __init__(self, path: Path, helpers: Helpers) -> None:
        self._path = path
        self._helpers = helpers
        self._config: DockerConfig | None = None

    def __call__(self, registry: str, name: str) -> Login | None:
        if self._config is None:
            self._config = DockerConfig.parse(_content(self._path) or b"{}", str(self._path))
        return self._config.login(registry, name, self._helpers)


def _sources(environ: Mapping[str, str], creds: str | None, registry: str) -> Iterator[Source]:
    if creds is not None:
        yield _OneHost(registry, split_creds(creds, "creds"))
    elif environ.get("HASHTAG_CREDS"):
        yield _OneHost(registry, split_creds(environ["HASHTAG_CREDS"], "HASHTAG_CREDS"))
    yield from _handed_over(environ)
    helpers = Helpers(environ)
    if text := environ.get("DOCKER_AUTH_CONFIG", "").strip():
        yield partial(_in_text, text, helpers)
    for path in login_files(environ, os.getuid() if hasattr(os, "getuid") else None):
        yield _File(path, helpers)
    yield from _of_gitlab(environ)


def split_creds(text: str, origin: str) -> Login:
    """Return the login of `user:password`; raise `CredentialsError`."""
    user, colon, password = text.partition(":")
    if not colon or not user:
        raise CredentialsError("not user:password", where=origin, hint="write it as user:password")
    return Login(username=user, password=password, origin=origin)


def _in_text(text: str, helpers: Helpers, registry: str, name: str) -> Login | None:
    return DockerConfig.parse(text, "DOCKER_AUTH_CONFIG").login(registry, name, helpers)


def login_files(environ: Mapping[str, str], user: int | None) -> Iterator[Path]:
    """
    Yield where Docker and podman keep logins, whether or not there are any.

    Args:
        user: The number of the user who asks; None where users have none.
    """
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if folder := environ.get("DOCKER_CONFIG"):
        yield Path(folder) / "config.json"
    elif home:
        yield Path(home) / ".docker" / "config.json"
    if path := environ.get("REGISTRY_AUTH_FILE"):
        yield Path(path)
    if folder := environ.get("XDG_RUNTIME_DIR"):
        yield Path(folder) / "containers" / "auth.json"
    elif home and user is not None:
        # containers-auth.json(5): so it is for root, and in a job without a session.
        yield Path(f"/run/containers/{user}/auth.json")
    if home:
        yield Path(environ.get("XDG_CONFIG_HOME") or Path(home) / ".config") / "containers" / "auth.json"


def _handed_over(environ: Mapping[str, str]) -> Iterator[Source]:
    registry = handed_over(environ)
    if registry and registry.login:
        yield _OneHost(registry.host, registry.login)


def _of_gitlab(environ: Mapping[str, str]) -> Iterator[Source]:
    # GitLab, «Predefined CI/CD variables»: the job's own registry, and the group's dependency proxy.
    for prefix, host in (
        ("CI_REGISTRY", "CI_REGISTRY"),
        ("CI_DEPENDENCY_PROXY", "CI_DEPENDENCY_PROXY_SERVER"),
    ):
        user, password = environ.get(f"{prefix}_USER"), environ.get(f"{prefix}_PASSWORD")
        if user and password and environ.get(host):
            yield _OneHost(environ[host], Login(username=user, password=password, origin=f"{prefix}_USER"))
    # GitLab, «CI/CD job token»: what CI_REGISTRY_PASSWORD holds too, where a job did not unset it.
    if (token := environ.get("CI_JOB_TOKEN")) and environ.get("CI_REGISTRY"):
        login = Login(username="gitlab-ci-token", password=token, origin="CI_JOB_TOKEN")
        yield _OneHost(environ["CI_REGISTRY"], login)


def _content(path: Path) -> bytes | None:
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CredentialsError("cannot be read: it is not a file", where=str(path))
            return file.read(_FILE_LIMIT)
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
