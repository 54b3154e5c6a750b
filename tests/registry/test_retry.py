"""What is asked again, when, and for how long altogether."""

from __future__ import annotations

import time
from threading import Timer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.errors import RegistryUnreachable
from hashtag.registry.retry import Retries, Temporary, is_temporary, retry_after_seconds, wait_seconds
from servers.scripted import Clock

_NOW = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_asked_again(status):
    assert is_temporary(status)


@pytest.mark.parametrize("status", [200, 201, 301, 400, 401, 403, 404, 405, 409, 412, 413, 501, 505])
def test_a_decided_answer_is_not_asked_again(status):
    assert not is_temporary(status)


def test_a_secondary_rate_limit_is_asked_again_though_it_says_403():
    assert is_temporary(403, b"You have exceeded a secondary rate limit. Please wait")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("1", 1.0, id="seconds"),
        pytest.param(" 20 ", 20.0, id="seconds with spaces"),
        pytest.param("Wed, 21 Oct 2015 07:28:09 GMT", 9.0, id="a date to come"),
        pytest.param("Wed, 21 Oct 2015 07:27:00 GMT", None, id="a date gone by"),
        pytest.param("0", None, id="zero"),
        pytest.param("-5", None, id="negative"),
        pytest.param("soon", None, id="garbage"),
        pytest.param("٣", None, id="digits of another script"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="no header"),
        pytest.param("9" * 5000, 999_999_999.0, id="more digits than a number should have"),
        pytest.param("Wed, 99 Oct 99999999999 07:28:09 GMT", None, id="an impossible date"),
    ],
)
def test_retry_after_is_read_in_both_forms(text, seconds):
    assert retry_after_seconds(text, _NOW) == seconds


@given(st.text())
def test_any_retry_after_is_read_without_an_error(text):
    seconds = retry_after_seconds(text, _NOW)

    assert seconds is None or seconds > 0


@pytest.mark.parametrize(
    ("attempt", "asked", "jitter", "seconds"),
    [
        pytest.param(0, None, 0.0, 0.5, id="first"),
        pytest.param(1, None, 0.0, 1.0, id="second"),
        pytest.param(3, None, 0.0, 4.0, id="fourth"),
        pytest.param(50, None, 0.0, 8.0, id="never longer than eight seconds"),
        pytest.param(1, None, 1.0, 1.5, id="with jitter"),
        pytest.param(0, 7.0, 0.0, 7.0, id="as asked"),
        pytest.param(5, 7.0, 1.0, 7.25, id="as asked, and never less"),
    ],
)
def test_waits_double_up_to_a_limit_or_are_as_long_as_asked(attempt, asked, jitter, seconds):
    assert wait_seconds(attempt, asked, jitter) == seconds


class Failing:
    """Fails a number of times, then answers."""

    def __init__(self, times: int, retry_after: str | None = None) -> None:
        self.times = times
        self.retry_after = retry_after
        self.attempts: list[int] = []

    def __call__(self, attempt: int) -> str:
        self.attempts.append(attempt)
        if len(self.attempts) <= self.times:
            raise Temporary("503", self.retry_after)
        return "answer"


def retries(clock: Clock, budget_seconds: float = 30.0) -> Retries:
    return Retries(
        budget_seconds=budget_seconds, sleep=clock.sleep, clock=clock, now=lambda: _NOW, jitter=lambda: 0.0
    )


def test_an_answer_after_two_failures_is_returned():
    clock, failing = Clock(), Failing(2)

    assert retries(clock).call("host", failing) == "answer"
    assert clock.waits == [0.5, 1.0]
    assert failing.attempts == [0, 1, 2]


def test_a_host_that_fails_for_ever_is_unreachable_within_the_budget():
    clock = Clock()

    with pytest.raises(RegistryUnreachable) as caught:
        retries(clock).call("registry.example", Failing(1000))

    assert clock.elapsed <= 30
    assert str(caught.value) == "registry.example: no usable answer, asked 7 times: 503"
    assert caught.value.status == 4


def test_a_wait_longer_than_the_budget_ends_at_once_and_is_named():
    clock = Clock()

    with pytest.raises(RegistryUnreachable, match="asks to wait 86400 s"):
        retries(clock).call("registry.example", Failing(1, retry_after="86400"))

    assert clock.waits == []


def test_a_dead_host_is_waited_for_once():
    clock = Clock()
    shared = retries(clock)
    with pytest.raises(RegistryUnreachable):
        shared.call("host", Failing(1000))
    clock.waits.clear()

    with pytest.raises(RegistryUnreachable, match="asked once"):
        shared.call("host", Failing(1000))

    assert clock.waits == []


def test_a_host_that_is_back_has_its_whole_budget_again():
    clock = Clock()
    shared = retries(clock)
    with pytest.raises(RegistryUnreachable):
        shared.call("host", Failing(1000))
    shared.call("host", Failing(0))

    assert shared.call("host", Failing(2)) == "answer"


def test_one_host_does_not_use_up_the_budget_of_another():
    clock = Clock()
    shared = retries(clock)
    with pytest.raises(RegistryUnreachable):
        shared.call("dead", Failing(1000))

    assert shared.call("slow", Failing(3)) == "answer"


def test_a_request_that_always_fails_ends_though_others_succeed():
    clock = Clock()
    shared = retries(clock)

    def ask(attempt: int) -> str:
        shared.call("host", Failing(0))
        raise Temporary("503")

    with pytest.raises(RegistryUnreachable):
        shared.call("host", ask)

    assert clock.elapsed <= 30


def test_who_gives_up_waits_no_longer_and_asks_no_more():
    retries, attempts = Retries(budget_seconds=100, jitter=lambda: 0.0), []

    def ask(attempt: int) -> None:
        attempts.append(attempt)
        Timer(0.1, retries.give_up).start()
        raise Temporary("busy", "60")

    begin = time.monotonic()
    with pytest.raises(RegistryUnreachable, match="busy"):
        retries.call("r.example", ask)

    assert attempts == [0, 1]  # the wait that was cut short is the last
    assert time.monotonic() - begin < 10


def test_each_wait_is_told_to_the_log_for_whoever_listens(caplog):
    with caplog.at_level("DEBUG", logger="hashtag.registry"):
        retries(Clock()).call("registry.example", Failing(1))

    assert caplog.messages == ["registry.example: 503; asked again in 0.5 s"]
