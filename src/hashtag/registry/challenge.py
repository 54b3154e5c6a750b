"""Challenges: what a registry wants to see before it answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from attrs import field, frozen

from hashtag.errors import UntrustedAnswer
from hashtag.registry.origin import Origin, check_move, is_link_local

# RFC 9110, 11.6.1: challenge = auth-scheme [ 1*SP ( token68 / #auth-param ) ], comma-separated.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 — RFC 9110's word for a name
_PARAMETER = re.compile(rf"\s*({_TOKEN})\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"?|([^\s,\"]*))\s*")
_SCHEME = re.compile(rf"[\s,]*({_TOKEN})(?=\s|,|$)")
_TOKEN68 = re.compile(r"\s+[A-Za-z0-9._~+/-]+=*\s*(?=,|$)")
_SEPARATOR = re.compile(r"[\s,]*")


@frozen
class Challenge:
    """
    One way in.

    Attributes:
        scheme: In lower case: `basic`, `bearer`.
        parameters: With names in lower case: `realm`, `service`, `scope`.
    """

    scheme: str
    parameters: Mapping[str, str] = field(factory=dict)

    @property
    def realm(self) -> str:
        """For bearer: the URL of the token server."""
        return self.parameters.get("realm", "")

    @property
    def service(self) -> str:
        """What the token server calls this registry; may be empty."""
        return self.parameters.get("service", "")

    @property
    def scopes(self) -> tuple[str, ...]:
        """The rights that the request needs, such as `repository:group/name:pull`."""
        return tuple(self.parameters.get("scope", "").split())


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Return the challenges of a WWW-Authenticate value, in its order; what is malformed is left out."""
    challenges: list[Challenge] = []
    position = 0
    while found := _SCHEME.match(header, position):
        parameters, position = _parameters(header, found.end())
        challenges.append(Challenge(found[1].lower(), parameters))
    return tuple(challenges)


def choose_challenge(challenges: tuple[Challenge, ...]) -> Challenge | None:
    """Return the challenge to meet: a bearer token before a password, nothing for any other scheme."""
    by_scheme = {challenge.scheme: challenge for challenge in reversed(challenges)}
    return by_scheme.get("bearer") or by_scheme.get("basic")


def check_realm(registry: str, realm: str) -> None:
    """
    Raise `UntrustedAnswer` where credentials may not go to this token server.

    It needs https, unless it is on the host of a registry that has none itself; a public registry may
    not name an address inside (CVE-2026-48978), and none may name a cloud's metadata, or a user, who
    would be sent in place of ours.

    Args:
        registry: The URL of the answer with the challenge.
        realm: The URL it names.
    """
    start, target = Origin.of(registry), Origin.of(realm)
    check_move(start, target, "token server")
    if "@" in urlsplit(realm).netloc:
        raise UntrustedAnswer(f"the URL of its token server {target} names a user", where=str(start))
    if is_link_local(target.host):
        raise UntrustedAnswer(f"its token server has the link-local address {target}", where=str(start))
    if not target.is_encrypted and target.host != start.host:
        raise UntrustedAnswer(f"its token server is another host without https: {target}", where=str(start))


def _parameters(header: str, position: int) -> tuple[dict[str, str], int]:
    if found := _TOKEN68.match(header, position):
        return {}, found.end()
    parameters: dict[str, str] = {}
    while found := _PARAMETER.match(header, _skip(header, position)):
        name, quoted, bare = found.groups()
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
        parameters.setdefault(name.lower(), value)
        position = found.end()
    return parameters, position


def _skip(header: str, position: int) -> int:
    found = _SEPARATOR.match(header, position)
    return found.end() if found else position
