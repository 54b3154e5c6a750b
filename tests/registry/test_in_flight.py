"""How many requests a host is asked at once: by kind, and after it said that there are too many."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from threading import Barrier, Event, Lock

import httpx
import pytest

from hashtag.errors import HashtagError
from hashtag.oci.manifest import OCI_INDEX, Manifest
from hashtag.registry.client import HttpRegistry
from hashtag.registry.in_flight import InFlight
from hashtag.registry.transport import Transport
from registry.faults import REPOSITORY

HOST = "registry.example"
_PATIENCE_SECONDS = 0.25
LIMITS = {"HEAD": 16, "GET": 16, "PUT": 4, "POST": 4, "PATCH": 4, "DELETE": 2}


def most_at_once(in_flight: InFlight, method: str, host: str = HOST) -> int:
    """Return how many slots can be taken before one has to be given back."""
    with ExitStack() as taken, ThreadPoolExecutor(1) as pool:
        for number in range(40):
            entered = pool.submit(taken.enter_context, in_flight.slot(host, method))
            if not wait([entered], timeout=_PATIENCE_SECONDS).done:
                taken.close()
                entered.result(10)
                return number
    raise AssertionError


@pytest.mark.parametrize(("method", "limit"), LIMITS.items())
def test_each_kind_has_its_own_limit(method: str, limit: int) -> None:
    assert most_at_once(InFlight(), method) == limit


def test_what_writes_shares_one_limit_and_takes_none_of_what_reads() -> None:
    in_flight = InFlight()
    with in_flight.slot(HOST, "PUT"), in_flight.slot(HOST, "POST"), in_flight.slot(HOST, "PATCH"):
        assert most_at_once(in_flight, "PUT") == 1
        assert most_at_once(in_flight, "HEAD") == 16


@pytest.mark.parametrize(
    ("refusals", "limits"),
    [
        pytest.param(1, (8, 2, 1), id="once"),
        pytest.param(2, (4, 1, 1), id="twice"),
        pytest.param(9, (1, 1, 1), id="for ever: one at a time"),
    ],
)
def test_too_many_halves_all_kinds_of_that_host(refusals: int, limits: tuple[int, int, int]) -> None:
    in_flight = InFlight()
    for _ in range(refusals):
        in_flight.too_many(HOST)

    assert tuple(most_at_once(in_flight, method) for method in ("HEAD", "PUT", "DELETE")) == limits
    assert most_at_once(in_flight, "HEAD", host="other.example") == 16


def test_a_client_asks_in_these_limits() -> None:
    now, most, lock = Counter[str](), Counter[str](), Lock()
    barrier = Barrier(40)

    def serve(request: httpx.Request) -> httpx.Response:
        with lock:
            now[request.method] += 1
            most[request.method] = max(most[request.method], now[request.method])
        Event().wait(0.02)
        with lock:
            now[request.method] -= 1
        return httpx.Response(404, stream=httpx.ByteStream(b""))

    registry = HttpRegistry(Transport(wire=httpx.MockTransport(serve)))
    index = Manifest(OCI_INDEX, b"{}")

    def ask(number: int) -> None:
        reference = REPOSITORY.tagged(str(number))
        calls = (
            lambda: registry.resolve(reference),
            lambda: registry.put_manifest(index, reference),
            lambda: registry.remove_tag(reference),
        )
        barrier.wait(10)
        try:
            calls[number % 3]()
        except HashtagError:
            return

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(ask, range(40)))

    assert most["HEAD"] <= 16
    assert 2 <= most["PUT"] <= 4
    assert 1 <= most["DELETE"] <= 2
