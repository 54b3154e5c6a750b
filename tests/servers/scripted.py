"""A server that answers from a script, inside the process: for httpx.MockTransport."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import httpx
from attrs import define, field, frozen


@frozen
class Reply:
    """One answer; the body may be chunks without end."""

    status: int = 200
    content: bytes | Iterable[bytes] = b""
    headers: dict[str, str] | list[tuple[str, str]] = field(factory=dict)


class _Chunks(httpx.SyncByteStream):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks


@define
class Script:
    """
    Answers by method and URL; the last of several is repeated; what is not in it is an error of the test.

    Attributes:
        requests: All that came, in order.
    """

    requests: list[httpx.Request] = field(factory=list)
    _answers: dict[tuple[str, str], list[Reply | Exception | Callable[[httpx.Request], Reply]]] = field(
        factory=dict
    )

    def on(
        self, method: str, url: str, *answers: Reply | Exception | Callable[[httpx.Request], Reply]
    ) -> Script:
        """Add answers; a URL without a query stands for any query."""
        self._answers[method, url] = list(answers)
        return self

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        url = str(request.url)
        answers = (
            self._answers.get((request.method, url)) or self._answers[request.method, url.partition("?")[0]]
        )
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = answer(request)
        chunks = [answer.content] if isinstance(answer.content, bytes) else answer.content
        return httpx.Response(answer.status, headers=answer.headers, stream=_Chunks(chunks))

    @property
    def log(self) -> list[str]:
        """`METHOD URL` of each request."""
        return [f"{request.method} {request.url}" for request in self.requests]

    @property
    def authorizations(self) -> list[str | None]:
        """The Authorization of each request."""
        return [request.headers.get("authorization") for request in self.requests]


@define
class Clock:
    """Time that passes only by sleeping."""

    waits: list[float] = field(factory=list)
    elapsed: float = 0.0

    def __call__(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.elapsed += seconds
