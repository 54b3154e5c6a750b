"""Origins: which host a URL belongs to, and whom it may be trusted with."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urljoin, urlsplit

from attrs import frozen

from hashtag.errors import UntrustedAnswer

_PORTS = {"https": 443, "http": 80}
_METADATA_NAMES = ("metadata.google.internal",)
_PRIVATE_NAMES = ("localhost", *_METADATA_NAMES)
# Where machines of clouds are told their secrets, beside 169.254.169.254: Alibaba, AWS over IPv6.
_METADATA_ADDRESSES = (ip_address("100.100.100.200"), ip_address("fd00:ec2::254"))
# RFC 6052: IPv4 addresses behind a translator.
_NAT64 = ip_network("64:ff9b::/96")


@frozen
class Origin:
    """RFC 6454: scheme, host and port; credentials never leave it."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Return the origin of an absolute http or https URL; raise `UntrustedAnswer` for another."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise UntrustedAnswer(f"not a URL: {shown(url)}") from None
        if parts.scheme not in _PORTS or not host:
            raise UntrustedAnswer(f"not an http URL: {shown(url)}")
        return cls(parts.scheme, host.lower().rstrip("."), port or _PORTS[parts.scheme])

    @property
    def is_encrypted(self) -> bool:
        """Whether it is https."""
        return self.scheme == "https"

    @property
    def is_private(self) -> bool:
        """Whether its address is visibly not one of the public Internet: `10.0.0.1`, `localhost`."""
        if self.host in _PRIVATE_NAMES or self.host.endswith(".localhost"):
            return True
        address = _address(self.host)
        return address is not None and not address.is_global

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def is_loopback(host: str) -> bool:
    """Return whether `host[:port]` is this machine: localhost, 127.0.0.0/8, [::1]."""
    name = Origin.of(f"http://{host}").host
    if name == "localhost":
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def is_link_local(host: str) -> bool:
    """Return whether a host's name or address is for machines of one link, or tells a cloud's secrets."""
    address = _address(host)
    if address is None:
        return host in _METADATA_NAMES
    if address in _NAT64:
        address = IPv4Address(int(address) & 0xFFFFFFFF)
    return address.is_link_local or address in _METADATA_ADDRESSES


def joined(url: str, location: str) -> str:
    """Return what `location`, from an answer of `url`, means; raise `UntrustedAnswer` if nothing."""
    try:
        return urljoin(url, location)
    except ValueError:
        raise UntrustedAnswer(f"it names no URL: {shown(location)}", where=str(Origin.of(url))) from None


def check_move(start: Origin, target: Origin, what: str) -> None:
    """
    Raise `UntrustedAnswer` where an answer of `start` may not send anything to `target`.

    Encryption is never given up, and a public server never names an address inside.
    """
    if start.is_encrypted and not target.is_encrypted:
        raise UntrustedAnswer(f"its {what} leads from https to {target}", where=str(start))
    if target.is_private and not start.is_private and target.host != start.host:
        raise UntrustedAnswer(f"its {what} leads to the private address {target}", where=str(start))


def shown(url: str) -> str:
    """Return a URL for a message: no user, no query, no control characters, not too long."""
    bare = url.partition("?")[0]
    scheme, separator, rest = bare.partition("://")
    authority, slash, path = rest.partition("/")
    clean = f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
    return "".join(c if c.isprintable() else "�" for c in clean[:200])


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return _loose_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _loose_address(host: str) -> IPv4Address | None:
    # The resolver also takes 127.1, 0x7f000001 and 2130706433.
    if not host[:1].isdigit():
        return None
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None
