"""In flight: how many requests a host is asked at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from attrs import define, field

MOST = 16
# Of what a host is asked at once: what writes is a fourth of what reads, and what deletes an eighth.
_PARTS = {"PUT": 4, "POST": 4, "PATCH": 4, "DELETE": 8}
_GOOD_ANSWERS = 32  # until one more is tried


@define
class _Host:
    limit: int
    asked: Counter[int] = field(factory=Counter)
    good: int = 0

    def is_free(self, part: int) -> bool:
        return self.asked[part] < max(self.limit // part, 1)


@define(eq=False)
class InFlight:
    """
    Slots for each host: sixteen to read, four to write, two to delete.

    Half as many after each «too many», slowly more again. Any thread may call it. A thread takes
    one slot at a time.
    """

    most: int = MOST
    _hosts: dict[str, _Host] = field(factory=dict, init=False)
    _changed: Condition = field(factory=Condition, init=False, repr=False)

    def limit(self, host: str) -> int:
        """Return how many requests that read a host may be asked at once by now."""
        with self._changed:
            return self._host(host).limit

    @contextmanager
    def slot(self, host: str, method: str = "GET") -> Iterator[None]:
        """Wait until the host may be asked one more of the kind, and count it."""
        part = _PARTS.get(method, 1)
        with self._changed:
            state = self._host(host)
            self._changed.wait_for(lambda: state.is_free(part))
            state.asked[part] += 1
        try:
            yield
        finally:
            with self._changed:
                state.asked[part] -= 1
                self._changed.notify_all()  # one alone might wait for another kind, or host

    def too_many(self, host: str) -> None:
        """Halve what a host is asked at once: it answered 429."""
        with self._changed:
            state = self._host(host)
            state.limit, state.good = max(state.limit // 2, 1), 0

    def worked(self, host: str) -> None:
        """Count a good answer; after enough of them one more is asked at once."""
        with self._changed:
            state = self._host(host)
            state.good += 1
            if state.good >= _GOOD_ANSWERS and state.limit < self.most:
                state.limit, state.good = state.limit + 1, 0
                self._changed.notify_all()

    def _host(self, host: str) -> _Host:
        return self._hosts.setdefault(host, _Host(self.most))
