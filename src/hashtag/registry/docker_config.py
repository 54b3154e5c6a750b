"""Docker's `config.json` and podman's `auth.json`: logins in a file, or by a helper it names."""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

from hashtag.errors import CredentialsError, HelperFailed
from hashtag.oci.reference import DOCKER_HUB
from hashtag.registry.login import Login, keys_for, normal_key

# helper's name, server → (user, secret), or None where it knows no login.
AskHelper: TypeAlias = Callable[[str, str], tuple[str, str] | None]

_TOKEN_USER = "<token>"  # noqa: S105 — docker-credential-helpers: this user marks an identity token


@frozen
class DockerConfig:
    """
    The logins of one file.

    Attributes:
        auths: Entries by key, as `normal_key` writes it.
        helpers: Names of helpers by key.
        store: The helper for all other hosts; may be empty.
    """

    origin: str
    auths: Mapping[str, Mapping[str, Any]] = field(factory=dict, repr=False)
    helpers: Mapping[str, str] = field(factory=dict)
    store: str = ""

    @classmethod
    def parse(cls, text: str | bytes, origin: str) -> DockerConfig:
        """Read a file's text; raise `CredentialsError`, which never shows it."""
        document = _object(_json(text, origin), origin)
        auths = _object(document.get("auths") or {}, origin)
        helpers = _object(document.get("credHelpers") or {}, origin)
        store = document.get("credsStore") or ""
        if not all(isinstance(name, str) for name in (*helpers.values(), store)):
            raise _malformed(origin)
        return cls(
            origin,
            {normal_key(key): _object(entry, origin) for key, entry in auths.items()},
            {normal_key(key): name for key, name in helpers.items()},
            store,
        )

    def login(self, registry: str, name: str, ask_helper: AskHelper) -> Login | None:
        """
        Return the login for a repository: the longest key wins.

        For one key it is that of its helper, else for a host of the store, else of the file.
        """
        *paths, host = keys_for(registry, name)
        for key in paths:
            if found := self._helped(key, self.helpers.get(key, ""), ask_helper) or self._written(key):
                return found
        return self._helped(host, self.helpers.get(host, self.store), ask_helper) or self._written(host)

    def _helped(self, key: str, helper: str, ask_helper: AskHelper) -> Login | None:
        if not helper:
            return None
        try:
            found = ask_helper(helper, "https://index.docker.io/v1/" if key == DOCKER_HUB else key)
        except HelperFailed as error:
            what = f"{error.what} (named in {self.origin})"
            raise HelperFailed(what, where=error.where, hint=error.hint) from error
        if found is None:
            return None
        user, secret = found
        origin = f"docker-credential-{helper} (named in {self.origin})"
        if user == _TOKEN_USER:
            return Login(identity_token=secret, origin=origin)
        return Login(username=user, password=secret, origin=origin)

    def _written(self, key: str) -> Login | None:
        entry = self.auths.get(key)
        if not entry:
            return None
        user, password = _basic(entry, f"{self.origin}, entry {key}")
        identity = str(entry.get("identitytoken") or "")
        if not (user or password or identity):
            return None
        return Login(username=user, password=password, identity_token=identity, origin=self.origin)


def _basic(entry: Mapping[str, Any], where: str) -> tuple[str, str]:
    encoded = entry.get("auth")
    if not encoded:
        return str(entry.get("username") or ""), str(entry.get("password") or "")
    try:
        # Some tools leave the padding out; Docker's own pads with NUL bytes.
        decoded = b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode()
    except (Base64Error, ValueError, TypeError):
        raise _not_a_login(where) from None
    user, colon, password = decoded.partition(":")
    if not colon:  # it may be a token, which is not to be shown as a user
        raise _not_a_login(where)
    return user, password.rstrip("\0")


def _not_a_login(where: str) -> CredentialsError:
    return CredentialsError(
        "`auth` is not base64 of user:password", where=where, hint="log in again: docker login"
    )


def _json(text: str | bytes, origin: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        # `from None`: the parser's message quotes the text.
        raise _malformed(origin) from None


def _object(value: Any, origin: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _malformed(origin)
    return value


def _malformed(origin: str) -> CredentialsError:
    return CredentialsError(
        "not a Docker configuration in JSON",
        where=origin,
        hint='it should read {"auths": {"host": {"auth": "base64 of user:password"}}}',
    )
