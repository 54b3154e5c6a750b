"""Origins: which host a URL belongs to, and whom it may be trusted with."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urljoin, urlsplit

from attrs import frozen

from hashtag.errors import UntrustedAnswer

_PORTS = {"https": 443, "http": 80}
_METADATA_NAMES = ("metadata.google.internal", "metadata.goog")
_PRIVATE_NAMES = ("localhost", *_METADATA_NAMES)
# Where machines of clouds are told their secrets, beside 169.254.169.254: Alibaba, AWS over IPv6.
_METADATA_ADDRESSES = (ip_address("100.100.100.200"), ip_address("fd00:ec2::254"))
# RFC 6052, RFC 8215, RFC 4291 2.5.5.1: IPv6 addresses that end with an IPv4 one.
_CARRIERS = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("::/96"))
# RFC 3986, 3.2.2, without percent signs and zones: the one form that every reader takes alike.
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?)(?::([0-9]*))?")
# WHATWG URL, «ends in a number checker»: what some readers take for an IPv4 address.
_NUMERIC_END = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)")


@frozen
class Origin:
    """RFC 6454: scheme, host and port; credentials never leave it."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """
        Return the origin of an absolute http or https URL; raise `UntrustedAnswer` for another.

        So it does where readers differ on which host is meant: `127.1`, `0x7f.0.0.1`, a backslash, letters
        that are not ASCII.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise UntrustedAnswer(f"not a URL: {shown(url)}") from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise UntrustedAnswer(f"not an http URL: {shown(url)}")
        return cls(parts.scheme, _host(parts.netloc, url), _PORTS[parts.scheme] if port is None else port)

    @property
    def is_encrypted(self) -> bool:
        """Whether it is https."""
        return self.scheme == "https"

    @property
    def is_private(self) -> bool:
        """Whether its address is visibly not one of the public Internet: `10.0.0.1`, `localhost`."""
        if self.host in _PRIVATE_NAMES or self.host.endswith(".localhost"):
            return True
        return any(not address.is_global or address.is_multicast for address in _addresses(self.host))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def is_loopback(host: str) -> bool:
    """Return whether `host[:port]` is this machine: localhost, 127.0.0.0/8, [::1]."""
    name = Origin.of(f"http://{host}").host
    if name == "localhost":
        return True
    address = next(_addresses(name), None)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address is not None and (mapped or address).is_loopback


def is_link_local(host: str) -> bool:
    """Return whether a host's name or address is for machines of one link, or tells a cloud's secrets."""
    return host in _METADATA_NAMES or any(
        address.is_link_local or address in _METADATA_ADDRESSES for address in _addresses(host)
    )


def joined(url: str, location: str) -> str:
    """Return what `location`, from an answer of `url`, means; raise `UntrustedAnswer` if nothing good."""
    where = str(Origin.of(url))
    try:
        target = urljoin(url, location)
        names_user = "@" in urlsplit(target).netloc
    except ValueError:
        raise UntrustedAnswer(f"it names no URL: {shown(location)}", where=where) from None
    if names_user:  # it would be sent in place of ours
        raise UntrustedAnswer(f"it names a user, at {Origin.of(target)}", where=where)
    return target


def check_move(start: Origin, target: Origin, what: str) -> None:
    """
    Raise `UntrustedAnswer` where an answer of `start` may not send anything to `target`.

    Encryption is never given up, a public server never names an address inside, and none another host
    that has a link-local address or tells a cloud's secrets.
    """
    if start.is_encrypted and not target.is_encrypted:
        raise UntrustedAnswer(f"its {what} leads from https to {target}", where=str(start))
    if target.is_private and not start.is_private and target.host != start.host:
        raise UntrustedAnswer(f"its {what} leads to the private address {target}", where=str(start))
    if is_link_local(target.host) and target.host != start.host:
        raise UntrustedAnswer(f"its {what} leads to the link-local address {target}", where=str(start))


def shown(url: str) -> str:
    """Return a URL for a message: no user, no query, no control characters, not too long."""
    bare = url.partition("?")[0]
    scheme, separator, rest = bare.partition("://")
    authority, slash, path = rest.partition("/")
    clean = f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
    return "".join(c if c.isprintable() else "�" for c in clean[:200])


def _host(authority: str, url: str) -> str:
    """Return the host as it is compared: in lower case, an address in its one form."""
    found = _HOST.fullmatch(authority.rpartition("@")[2])
    if found is None or "\\" in authority:
        raise UntrustedAnswer(f"its host is no plain name: {shown(url)}")
    host = found[1].lower().rstrip(".")
    try:
        if host.startswith("["):
            return str(ip_address(host[1:-1]))
        return str(ip_address(host)) if _NUMERIC_END.fullmatch(host) else host
    except ValueError:
        raise UntrustedAnswer(f"its host may be a private or link-local address: {shown(url)}") from None


def _addresses(host: str) -> Iterator[IPv4Address | IPv6Address]:
    """Yield the address that a host is, and the IPv4 addresses that it carries."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        yield from _loose_address(host)
        return
    yield address
    if isinstance(address, IPv6Address):
        yield from filter(None, (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())))
        if any(address in carrier for carrier in _CARRIERS):
            yield IPv4Address(int(address) & 0xFFFFFFFF)


def _loose_address(host: str) -> Iterator[IPv4Address]:
    # The resolver also takes 127.1, 0x7f000001 and 2130706433.
    if host[:1].isdigit():
        with suppress(OSError, UnicodeError):
            yield IPv4Address(socket.inet_aton(host))
