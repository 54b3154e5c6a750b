"""What `ADD https://…` would fetch, hashed without keeping it."""

from __future__ import annotations

import tracemalloc
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import httpx
import pytest

from hashtag.errors import HashtagError, Location, RegistryUnreachable, UnsupportedConstruct, UntrustedAnswer
from hashtag.registry.download import check_host, content_digest
from hashtag.registry.retry import Retries
from hashtag.registry.transport import Transport
from servers.scripted import Clock, Reply, Script
from servers.web import status, web

_AT = Location("Dockerfile", 3, 1, "ADD https://…")
_URL = "https://127.0.0.1/a.tar"


def digest(script: Script, url: str = _URL, clock: Clock | None = None, limit: int = 1000) -> str:
    clock = clock or Clock()
    retries = Retries(sleep=clock.sleep, clock=clock, now=lambda: 0.0, jitter=lambda: 0.0)
    wire = Transport(wire=httpx.MockTransport(script))
    return content_digest(url, _AT, transport=wire, retries=retries, limit=limit)


def test_it_is_the_sha256_of_the_body(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"content")
    with web(tmp_path) as server:
        assert content_digest(f"{server.url}/a.tar", _AT) == sha256(b"content").hexdigest()


def test_the_body_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    content = b"x" * 50_000_000
    (tmp_path / "large").write_bytes(content)
    expected = sha256(content).hexdigest()
    del content
    with web(tmp_path) as server:
        content_digest(f"{server.url}/large", _AT)  # imports, and what is set up once
        tracemalloc.start()
        found = content_digest(f"{server.url}/large", _AT)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert found == expected
    assert peak < 8_000_000


def test_redirects_are_followed(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"content")
    with web(tmp_path, {"/a": status(302, Location="/b")}) as server:
        assert content_digest(f"{server.url}/a", _AT) == sha256(b"content").hexdigest()


def test_a_user_and_a_fragment_in_the_url_are_not_sent(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    with web(tmp_path) as server:
        url = server.url.replace("http://", "http://bob:s3cret@")
        content_digest(f"{url}/a?b=c#d", _AT)

    [request] = server.requests
    assert request["path"] == "/a?b=c"
    assert "authorization" not in request


def test_a_body_cut_short_is_asked_for_again_and_hashed_from_its_start(tmp_path: Path) -> None:
    count = iter(range(10))

    def cut_once(request: SimpleHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "7")
        request.end_headers()
        request.wfile.write(b"cont" if next(count) == 0 else b"content")

    with web(tmp_path, {"/a": cut_once}) as server:
        assert content_digest(f"{server.url}/a", _AT) == sha256(b"content").hexdigest()
        assert len(server.requests) == 2


def test_a_server_that_fails_is_asked_again_within_the_budget() -> None:
    clock = Clock()
    script = Script().on("GET", _URL, Reply(503, headers={"Retry-After": "2"}), Reply(200, b"x"))

    assert digest(script, clock=clock) == sha256(b"x").hexdigest()
    assert clock.waits == [2.0]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        pytest.param(Reply(404), UnsupportedConstruct, "answered 404", id="not there"),
        pytest.param(Reply(401), UnsupportedConstruct, "answered 401", id="private"),
        pytest.param(Reply(206, b"x"), UnsupportedConstruct, "answered 206", id="a part"),
        pytest.param(Reply(200, b"x" * 1001), UnsupportedConstruct, "larger than 1000 bytes", id="too large"),
        pytest.param(
            Reply(200, b"x", {"Content-Encoding": "gzip"}),
            UnsupportedConstruct,
            "compressed",
            id="compressed",
        ),
        pytest.param(Reply(500), RegistryUnreachable, "500", id="broken for ever"),
        pytest.param(httpx.ConnectError("no route"), RegistryUnreachable, "no route", id="no connection"),
        pytest.param(
            Reply(302, headers={"Location": "http://127.0.0.1/a"}),
            UntrustedAnswer,
            "leads from https to http",
            id="a redirect that gives up encryption",
        ),
        pytest.param(
            Reply(302, headers={"Location": _URL}), UntrustedAnswer, "redirects", id="redirects without end"
        ),
    ],
)
def test_what_cannot_be_had_is_an_error_at_the_line_of_the_add(
    answer: Reply | Exception, kind: type[HashtagError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        digest(Script().on("GET", _URL, answer))

    assert caught.value.location == _AT
    assert "ADD https://127.0.0.1/a.tar" in caught.value.what
    assert "--checksum" in caught.value.hint


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "metadata.google.internal",
        "0xa9fea9fe",
        "2852039166",
    ],
)
@pytest.mark.parametrize("where", ["at once", "after a redirect"])
def test_addresses_of_the_link_and_of_clouds_metadata_are_never_asked(host: str, where: str) -> None:
    target = f"http://{host}/latest/meta-data"
    start = "http://127.0.0.1/a" if where == "after a redirect" else target
    script = Script().on("GET", "http://127.0.0.1/a", Reply(302, headers={"Location": target}))

    with pytest.raises(UntrustedAnswer, match="link"):
        digest(script, start)

    assert [request for request in script.requests if request.url.host != "127.0.0.1"] == []


def test_a_name_is_refused_for_the_address_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [(2, 1, 6, "", ("10.0.0.1", 0)), (2, 1, 6, "", ("169.254.169.254", 0))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: answer)

    with pytest.raises(UntrustedAnswer, match=r"169\.254\.169\.254"):
        check_host("innocent.example")


def test_the_address_that_answered_counts_whatever_the_name_resolved_to_before() -> None:
    class Stream:
        def get_extra_info(self, _: str) -> tuple[str, int]:
            return ("169.254.169.254", 80)

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"secret", extensions={"network_stream": Stream()})

    with pytest.raises(UntrustedAnswer, match=r"169\.254\.169\.254"):
        content_digest(_URL, _AT, transport=Transport(wire=httpx.MockTransport(answer)))


def test_a_url_that_is_none_is_an_error_at_the_line_of_the_add() -> None:
    with pytest.raises(UntrustedAnswer, match="not an http URL") as caught:
        content_digest("https://", _AT)

    assert caught.value.location == _AT
