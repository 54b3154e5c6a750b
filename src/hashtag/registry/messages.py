"""Messages: what is asked over HTTP, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, Self, TypeAlias

from attrs import field, frozen

ERROR_LIMIT = 64 * 1024
Pieces: TypeAlias = Callable[[], Iterator[bytes]]
"""Yields the pieces of a body, from its start each time that it is called."""


class Body(Protocol):
    """
    The bytes of an answer as they come, at most `Request.limit`.

    Raises:
        Temporary: The connection broke.
        RegistryError: There are more.
    """

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces, once."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None:
        """Let the connection go; one whose body was not read to its end is closed."""


@frozen(kw_only=True)
class Request:
    """
    One HTTP request.

    Attributes:
        content: The body, or what yields its pieces each time that it is sent.
        limit: The most bytes of a good answer's body; of a bad one at most 64 KiB are kept.
        secrets: What no message about it, or about its answer, may show.
        is_secret: Whether it is for one origin alone: a redirect to another is refused.
        is_streamed: Whether a good answer comes with an open body to read and close, not with its bytes.
        check_host: Called with each host before it is asked, and with the address that answered
            before its body is read; raises to refuse it.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    content: bytes | Pieces = field(default=b"", repr=False)
    limit: int = ERROR_LIMIT
    secrets: tuple[str, ...] = field(default=(), repr=False)
    is_secret: bool = False
    is_streamed: bool = False
    check_host: Callable[[str], None] | None = field(default=None, repr=False)


@frozen(kw_only=True)
class Answer:
    """
    What a server said.

    Attributes:
        url: Where it came from, after the redirects.
        headers: With names in lower case; several of one name joined by commas.
        body: Open, where the request was streamed and the status is a success.
        secrets: What no message may show.
    """

    status: int
    url: str
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    body: Body | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()
