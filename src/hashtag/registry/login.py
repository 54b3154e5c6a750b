"""Logins: what is sent to a registry that asks who is there, and for which hosts it is meant."""

from __future__ import annotations

from base64 import b64encode

from attrs import field, frozen

from hashtag.oci.reference import DOCKER_HUB
from hashtag.registry.hiding import forms_of, scrubbed

_DOCKER_HUB_HOSTS = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})


@frozen(kw_only=True)
class Login:
    """
    A user and a password, or an identity token.

    Attributes:
        identity_token: An OAuth 2 refresh token, instead of a password.
        origin: Where it was found, for messages: `~/.docker/config.json`.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    origin: str = ""

    @property
    def name(self) -> str:
        """Whose it is, for messages."""
        return repr(self.username) if self.username else "an identity token"

    @property
    def basic(self) -> str:
        """The value of an Authorization header, RFC 7617."""
        return "Basic " + b64encode(self._pair.encode(errors="surrogateescape")).decode()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may show: password, token, how they are sent, and how they may come back."""
        return forms_of(self.password, self.identity_token, self._pair if self.password else "")

    @property
    def _pair(self) -> str:
        return f"{self.username}:{self.password}"

    def scrub(self, text: str) -> str:
        """Return `text` without this login's secrets."""
        return scrubbed(text, self.secrets)


def keys_for(registry: str, name: str) -> tuple[str, ...]:
    """
    Return the keys under which a login for a repository may stand, the most special first.

    containers-auth.json(5): `host/group/name`, `host/group`, `host`.

    Args:
        registry: `host[:port]`.
        name: `group/name`; may be empty.
    """
    parts = name.split("/") if name else []
    paths = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    host = normal_host(registry)
    return (*(f"{host}/{path}" for path in paths), host)


def normal_key(key: str) -> str:
    """
    Return a key of a `config.json` in the form of `keys_for`.

    Docker wrote URLs there, `https://index.docker.io/v1/`, and some tools still do.
    """
    bare = key.strip().removeprefix("https://").removeprefix("http://").rstrip("/")
    host, _, path = bare.partition("/")
    path = "" if path in ("v1", "v2") else path
    return normal_host(host) + (f"/{path}" if path else "")


def normal_host(host: str) -> str:
    """Return `host[:port]` in lower case, without the port of https, Docker Hub under one name."""
    host = host.lower().removesuffix(":443")
    return DOCKER_HUB if host in _DOCKER_HUB_HOSTS else host
