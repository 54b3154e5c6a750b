"""Retries: what is worth asking again, when, and for how long altogether."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from threading import Event, Lock
from typing import TYPE_CHECKING, NoReturn, TypeVar

from attrs import Factory, field, frozen

from hashtag.errors import RegistryUnreachable

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

_LOG = logging.getLogger("hashtag.registry")

_TEMPORARY = frozenset({408, 429, 500, 502, 503, 504})
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 8.0
_MOST_ATTEMPTS = 100
_SLICE = 0.1


class Temporary(Exception):
    """
    A failure that may be gone the next time.

    Attributes:
        cause: What happened, for the message after the last attempt.
        retry_after: The value of the header, where there was one.
    """

    def __init__(self, cause: str, retry_after: str | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.retry_after = retry_after


def is_temporary(status: int, body: bytes = b"") -> bool:
    """Return whether the same request may succeed later."""
    # ghcr.io answers 403 «You have exceeded a secondary rate limit».
    return status in _TEMPORARY or (status == 403 and b"secondary rate limit" in body.lower())


def retry_after_seconds(text: str | None, now: float) -> float | None:
    """
    Return what a Retry-After header asks for, in seconds; None for no header, garbage and the past.

    Args:
        text: RFC 9110, 10.2.3: seconds, or an HTTP date.
        now: Seconds since the epoch.
    """
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9]) or None
    try:
        seconds = parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def wait_seconds(attempt: int, asked: float | None, jitter: float) -> float:
    """
    Return how long to wait before the next attempt.

    Args:
        attempt: The number of attempts before the one that failed.
        asked: What the server asked for, in seconds; it is never waited less.
        jitter: From 0 to 1, so that parallel requests do not come back together.
    """
    if asked is not None:
        return asked + jitter * 0.25
    return min(_FIRST_WAIT * 2.0 ** min(attempt, 10), _LONGEST_WAIT) * (1 + jitter / 2)


@frozen(kw_only=True)
class Retries:
    """
    One budget of seconds for each host, shared by all requests to it.

    It starts with a failed request and ends with a good one, so that a dead host is waited for
    once, however many requests are in flight.

    Attributes:
        clock: Seconds that only grow; for the budget.
        now: Seconds since the epoch; for Retry-After dates.
        jitter: From 0 to 1.
    """

    budget_seconds: float = 30.0
    _is_over: Event = field(factory=Event, init=False, repr=False)
    sleep: Callable[[float], None] = field(default=Factory(lambda self: self._sleep, takes_self=True))
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    jitter: Callable[[], float] = random.random
    _failing_since: dict[str, float] = field(factory=dict, init=False)
    _lock: Lock = field(factory=Lock, init=False, repr=False)

    def call(self, host: str, ask: Callable[[int], T]) -> T:
        """
        Return what `ask(number of attempts before)` returns once it does not raise `Temporary`.

        Raises:
            RegistryUnreachable: The budget would be exceeded by the next wait.
        """
        from tenacity import Retrying, retry_if_exception_type  # only where something is asked at all

        call = _Call(self, host)
        loop = Retrying(
            sleep=self.sleep,
            retry=retry_if_exception_type(Temporary),
            wait=call.wait_seconds,
            stop=call.is_too_long,
            before_sleep=call.tell,
            retry_error_callback=call.give_up,
        )
        answer: T = loop(call.attempt, ask)
        self.worked(host)
        return answer

    def give_up(self) -> None:
        """Ask no host again, and end the waits; may be called by a signal's handler."""
        self._is_over.set()

    def _sleep(self, seconds: float) -> None:
        # Not by waiting for the event: that takes a lock, which a signal's handler cannot wait for.
        end = time.monotonic() + seconds
        while not self._is_over.is_set() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE))

    def spend(self, host: str, start: float, began: float, wait: float) -> bool:
        """
        Return whether waiting would exceed a host's budget; then the next request finds it used up.

        Args:
            host: Whose budget.
            start: When the request was first made.
            began: When the attempt was made that failed.
            wait: In seconds.
        """
        with self._lock:
            since = min(start, self._failing_since.setdefault(host, began))
            is_spent = self.clock() + wait - since > self.budget_seconds or self._is_over.is_set()
            if is_spent:
                self._failing_since[host] = since - self.budget_seconds
            return is_spent

    def worked(self, host: str) -> None:
        """Give a host its whole budget again."""
        if host in self._failing_since:
            with self._lock:
                self._failing_since.pop(host, None)


class _Call:
    """What the loop asks about one request: the policy above, for its host."""

    def __init__(self, retries: Retries, host: str) -> None:
        self._retries = retries
        self._host = host
        self._start = self._began = retries.clock()
        self._attempts = 0
        self._asked: float | None = None

    def attempt(self, ask: Callable[[int], T]) -> T:
        self._began, self._attempts = self._retries.clock(), self._attempts + 1
        return ask(self._attempts - 1)

    def wait_seconds(self, state: RetryCallState) -> float:
        retries = self._retries
        self._asked = retry_after_seconds(_failure(state).retry_after, retries.now())
        return wait_seconds(self._attempts - 1, self._asked, retries.jitter())

    def is_too_long(self, state: RetryCallState) -> bool:
        now, longest = self._retries.clock(), 2 * self._retries.budget_seconds
        if now - self._began > longest:  # no silence lasts as long: bytes were moving
            self._retries.worked(self._host)
            self._start = self._began = now
        is_enough = self._attempts >= _MOST_ATTEMPTS
        return self._retries.spend(self._host, self._start, self._began, state.upcoming_sleep) or is_enough

    def tell(self, state: RetryCallState) -> None:
        cause = _failure(state).cause
        _LOG.debug("%s: %s; asked again in %.1f s", self._host, cause, state.upcoming_sleep)

    def give_up(self, state: RetryCallState) -> NoReturn:
        failure = _failure(state)
        raise _unreachable(self._host, failure.cause, self._asked, self._attempts) from failure


def _failure(state: RetryCallState) -> Temporary:
    failure = state.outcome.exception() if state.outcome else None
    assert isinstance(failure, Temporary)  # nothing else is asked again  # noqa: S101
    return failure


def _unreachable(host: str, cause: str, asked: float | None, attempts: int) -> RegistryUnreachable:
    times = "once" if attempts == 1 else f"{attempts} times"
    wait = f", and asks to wait {asked:.0f} s" if asked is not None else ""
    return RegistryUnreachable(
        f"no usable answer, asked {times}: {cause}{wait}",
        where=host,
        hint="check the host's name, and try again when the registry is back",
    )
