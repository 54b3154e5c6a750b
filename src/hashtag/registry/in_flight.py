"""In flight: how many requests a host is asked at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from attrs import define, field

MOST = 16
_GOOD_ANSWERS = 32  # until one more is tried


@define
class _Host:
    limit: int
    asked: int = 0
    good: int = 0


@define(eq=False)
class InFlight:
    """
    Slots for each host: sixteen, half as many after each «too many», slowly more again.

    Any thread may call it. A thread takes one slot at a time.
    """

    most: int = MOST
    _hosts: dict[str, _Host] = field(factory=dict, init=False)
    _changed: Condition = field(factory=Condition, init=False, repr=False)

    def limit(self, host: str) -> int:
        """Return how many requests a host may be asked at once by now."""
        with self._changed:
            return self._host(host).limit

    @contextmanager
    def slot(self, host: str) -> Iterator[None]:
        """Wait until the host may be asked one more, and count it."""
        with self._changed:
            state = self._host(host)
            self._changed.wait_for(lambda: state.asked < state.limit)
            state.asked += 1
        try:
            yield
        finally:
            with self._changed:
                state.asked -= 1
                self._changed.notify()

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
                self._changed.notify()

    def _host(self, host: str) -> _Host:
        return self._hosts.setdefault(host, _Host(self.most))
