"""Downloads: the digest of what `ADD https://…` would fetch."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import nullcontext
from hashlib import sha256
from urllib.parse import urlsplit, urlunsplit

from hashtag.errors import (
    HashtagError,
    Location,
    RegistryUnreachable,
    UnsupportedConstruct,
    UntrustedAnswer,
)
from hashtag.registry.messages import Request
from hashtag.registry.origin import Origin, is_link_local, shown
from hashtag.registry.retry import Retries, Temporary, is_temporary
from hashtag.registry.transport import Transport

LIMIT = 2 * 1024**3
_HINT = "give its checksum: ADD --checksum=sha256:…"


def content_digest(
    url: str,
    location: Location,
    *,
    transport: Transport | None = None,
    retries: Retries | None = None,
    limit: int = LIMIT,
) -> str:
    """
    Return the SHA-256 of what a server gives for a URL, in hex; it is never in memory as a whole.

    Nobody is told who asks: a user and password in the URL are not sent.

    Args:
        url: http or https.
        location: The ADD; it stands in every error.
        transport: Closed afterwards.
        limit: Bytes.

    Raises:
        UnsupportedConstruct: It is not there, or larger than the limit.
        RegistryUnreachable: The server gave no usable answer within the budget.
        UntrustedAnswer: It, or where it redirects to, is an address of the link or of a cloud's metadata.
    """
    transport, retries = transport or Transport(environ=os.environ), retries or Retries()
    request = Request(
        method="GET", url=_without_user(url), limit=limit, check_host=check_host, is_streamed=True
    )
    try:
        host = Origin.of(url).host
        return retries.call(host, lambda _: _digest(transport, request))
    except HashtagError as error:
        raise _at(error, url, location) from error
    finally:
        transport.close()


def check_host(host: str) -> None:
    """
    Raise `UntrustedAnswer` where a name leads to this link or to a cloud's metadata.

    A name that cannot be resolved here is left to whoever can: a proxy.
    """
    for address in (host, *_addresses(host)):
        if is_link_local(address):
            raise UntrustedAnswer(f"{address} is an address of this machine's link, or of a cloud's metadata")


def _digest(transport: Transport, request: Request) -> str:
    hasher = sha256()
    answer = transport.send(request)
    with answer.body or nullcontext(()) as pieces:
        if is_temporary(answer.status, answer.content):
            raise Temporary(f"it answered {answer.status}", answer.headers.get("retry-after"))
        if answer.status != 200:
            raise UnsupportedConstruct(f"it answered {answer.status}")
        for piece in pieces:
            hasher.update(piece)
    return hasher.hexdigest()


def _addresses(host: str) -> Iterator[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    yield from (str(address[0]) for *_, address in found)


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def _at(error: HashtagError, url: str, location: Location) -> HashtagError:
    what = f"ADD {shown(url)}: {error.what}"
    match error:
        case RegistryUnreachable() | UntrustedAnswer():
            return type(error)(what, where=location, hint=_HINT)
        case _:
            return UnsupportedConstruct(what, where=location, hint=_HINT)
