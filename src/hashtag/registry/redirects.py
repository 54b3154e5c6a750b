"""Redirects: what becomes of a request that a server sends elsewhere. Pure."""

from __future__ import annotations

from attrs import evolve

from hashtag.errors import UntrustedAnswer
from hashtag.registry.messages import Answer, Request
from hashtag.registry.origin import Origin, joined, shown

# RFC 9110, 15.4: only these keep the method and the body of a request that writes.
_KEEPS_METHOD = (307, 308)
_ANY_REDIRECT = (301, 302, 303, 307, 308)


def redirect_target(request: Request, answer: Answer) -> str | None:
    """Return the URL that an answer sends a request to; None where it does not."""
    location = answer.headers.get("location")
    codes = _ANY_REDIRECT if request.method in ("GET", "HEAD") else _KEEPS_METHOD
    if location is None or answer.status not in codes:
        return None
    return joined(request.url, location)


def redirected(request: Request, target: str) -> Request:
    """
    Return the request for where it was sent to: without authorization at another origin.

    Raises:
        UntrustedAnswer: It is for its own origin alone.
    """
    if Origin.of(target) == Origin.of(request.url):
        return evolve(request, url=target)
    if request.is_secret:
        raise UntrustedAnswer(f"it redirects to {shown(target)}", where=str(Origin.of(request.url)))
    headers = {name: value for name, value in request.headers.items() if name != "Authorization"}
    return evolve(request, url=target, headers=headers)
