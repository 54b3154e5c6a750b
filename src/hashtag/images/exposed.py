"""Exposed ports: the words of EXPOSE, as BuildKit's portSpecs reads them."""

from __future__ import annotations

from functools import lru_cache

from hashtag.errors import DockerfileError, Location

_PROTOCOLS = ("tcp", "udp", "sctp")
_TOP_PORT = 65535


def exposed_ports(word: str, location: Location) -> tuple[str, ...]:
    """Return `port/protocol` for each port of `[[ip:]host:]port[-port][/protocol]`."""
    text, _, protocol = word.rsplit(":", 1)[-1].partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in _PROTOCOLS:
        raise DockerfileError(
            f"EXPOSE {word}: {protocol!r} is no protocol", where=location, hint="use tcp, udp or sctp"
        )
    first, dash, last = text.partition("-")
    start = _port(first, word, location)
    end = _port(last, word, location) if dash else start
    if end < start:
        raise DockerfileError(f"EXPOSE {word}: the range runs backwards", where=location)
    return _numbered(start, end, protocol)


@lru_cache(maxsize=64)
def _numbered(start: int, end: int, protocol: str) -> tuple[str, ...]:
    return tuple(f"{port}/{protocol}" for port in range(start, end + 1))


def _port(text: str, word: str, location: Location) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > _TOP_PORT:
        raise DockerfileError(f"EXPOSE {word}: {text!r} is no port", where=location, hint="EXPOSE 8080/tcp")
    return int(text)
