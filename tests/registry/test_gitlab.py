"""Deletion by GitLab's REST API, where GitLab's registry itself refuses."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

from hashtag.errors import AccessDenied, CredentialsError, HashtagError, RegistryError, UntrustedAnswer
from hashtag.oci.reference import Reference
from hashtag.oci.removal import Pending, Removed, Unsupported
from hashtag.registry import Registry
from hashtag.registry.client import HttpRegistry
from hashtag.registry.credentials import Credentials
from hashtag.registry.gitlab import GitLab
from hashtag.registry.retry import Retries
from hashtag.registry.transport import Transport
from servers.scripted import Clock, Reply, Script

_MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json"
_TAG = Reference.parse("registry.example/group/app/web:1742")
_URL = "https://registry.example/v2/group/app/web/manifests/1742"
_PROJECT = "https://gitlab.example/api/v4/projects/42"
_LIST = f"{_PROJECT}/registry/repositories"
_REST = f"{_LIST}/7/tags/1742"
_HEADERS = {
    "Docker-Content-Digest": f"sha256:{'a' * 64}",
    "Content-Length": "2",
    "Content-Type": _MEDIA_TYPE,
}
_HELD, _GONE = Reply(200, b"", _HEADERS), Reply(404)
_ENVIRON = {
    "CI_API_V4_URL": "https://gitlab.example/api/v4",
    "CI_REGISTRY": "registry.example",
    "CI_PROJECT_ID": "42",
    "CI_PROJECT_PATH": "group/app",
    "CI_JOB_TOKEN": "job-t0ken",
}


def page(*paths: str, first: int = 7) -> Reply:
    listed = [{"id": first + number, "path": path} for number, path in enumerate(paths)]
    return Reply(200, json.dumps(listed).encode(), {"Content-Type": "application/json"})


def refusing(status: int = 403) -> Script:
    """Return a script in which the registry refuses, and GitLab does not."""
    script = Script().on("GET", "https://registry.example/v2/", Reply(200))
    script.on("DELETE", _URL, Reply(status)).on("HEAD", _URL, _GONE)
    return script.on("GET", _LIST, page("group/app/web", "group/app")).on("DELETE", _REST, Reply(200, b"200"))


def registry_of(script: Script, **variables: str) -> HttpRegistry:
    clock = Clock()
    retries = Retries(sleep=clock.sleep, clock=clock, now=clock, jitter=lambda: 0)
    transport = Transport(wire=httpx.MockTransport(script))
    gitlab = GitLab.from_environment(_ENVIRON | variables, transport, retries)
    credentials = Credentials.from_environment({}, creds="ci:s3cret", registry="registry.example")
    return HttpRegistry(transport, credentials, retries, gitlab=gitlab)


def rest(script: Script) -> list[str]:
    return [line for line in script.log if "gitlab.example" in line]


@pytest.mark.parametrize("status", [400, 401, 403, 405])
def test_a_tag_that_the_registry_does_not_delete_is_deleted_by_gitlab(status: int) -> None:
    script = refusing(status)

    assert registry_of(script).remove_tag(_TAG) == Removed()
    assert rest(script) == [f"GET {_LIST}?per_page=100&page=1", f"DELETE {_REST}"]


@pytest.mark.parametrize("status", [401, 403, 405])
def test_a_registry_that_refused_once_is_not_asked_again(status: int) -> None:
    script = refusing(status)
    second = Reference.parse("registry.example/group/app:1743")
    script.on("HEAD", "https://registry.example/v2/group/app/manifests/1743", _GONE)
    script.on("DELETE", f"{_LIST}/8/tags/1743", Reply(200))
    registry = registry_of(script)

    assert [registry.remove_tag(tag) for tag in (_TAG, second)] == [Removed(), Removed()]
    assert [line for line in script.log if line.startswith("DELETE")] == [
        f"DELETE {_URL}",
        f"DELETE {_REST}",
        f"DELETE {_LIST}/8/tags/1743",
    ]


def test_what_gitlab_does_not_know_is_the_registrys_again() -> None:
    script = refusing()
    other = "https://registry.example/v2/group/other/manifests/1"
    script.on("DELETE", other, Reply(202)).on("HEAD", other, _HELD, _GONE)
    registry = registry_of(script)
    registry.remove_tag(_TAG)

    assert registry.remove_tag(Reference.parse("registry.example/group/other:1")) == Removed()
    assert script.log[-2:] == [f"DELETE {other}", f"HEAD {other}"]


def test_gitlab_is_not_asked_where_the_registry_deletes() -> None:
    script = refusing(202)

    assert registry_of(script).remove_tag(_TAG) == Removed()
    assert rest(script) == []


def test_the_repositories_are_listed_once_whatever_their_number() -> None:
    script = refusing()
    many = page(*(f"group/app/{number}" for number in range(100)), first=100)
    script.on("GET", _LIST, many, page("group/app/web"))
    registry = registry_of(script)

    assert registry.remove_tag(_TAG) == registry.remove_tag(_TAG) == Removed()
    assert [line for line in rest(script) if line.startswith("GET")] == [
        f"GET {_LIST}?per_page=100&page={number}" for number in (1, 2)
    ]


@pytest.mark.parametrize(
    ("variables", "header", "token"),
    [
        pytest.param({}, "JOB-TOKEN", "job-t0ken", id="the job's"),
        pytest.param({"HASHTAG_GITLAB_TOKEN": "glpat-1"}, "PRIVATE-TOKEN", "glpat-1", id="one of its own"),
    ],
)
def test_the_token_goes_to_gitlab_alone(variables: dict[str, str], header: str, token: str) -> None:
    script = refusing()
    registry_of(script, **variables).remove_tag(_TAG)

    for request in script.requests:
        is_rest = request.url.host == "gitlab.example"
        assert request.headers.get(header) == (token if is_rest else None)
        assert not (is_rest and "authorization" in request.headers)


def test_a_project_may_be_named_by_its_path() -> None:
    script = refusing()
    by_path = _LIST.replace("42", "group%2Fapp")
    script.on("GET", by_path, page("group/app/web")).on("DELETE", f"{by_path}/7/tags/1742", Reply(204))

    assert registry_of(script, CI_PROJECT_ID="").remove_tag(_TAG) == Removed()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_token_without_the_right_is_named_and_so_is_the_one_that_is_needed(status: int) -> None:
    in_vain = [refusing().on("GET", _LIST, Reply(status))]
    # 404 for a tag: it is not there.
    in_vain += [refusing().on("DELETE", _REST, Reply(status))] if status != 404 else []

    for script in in_vain:
        with pytest.raises(AccessDenied) as caught:
            registry_of(script).remove_tag(_TAG)

        assert f"{status} to the token of CI_JOB_TOKEN" in str(caught.value)
        assert "HASHTAG_GITLAB_TOKEN" in caught.value.hint


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(403, b'{"message": "job-t0ken may not"}'), id="an answer that repeats the token"),
        pytest.param(Reply(418), id="an answer that nobody expects"),
        pytest.param(Reply(200, b"no list job-t0ken"), id="not JSON"),
        pytest.param(Reply(200, b'[{"id": "x"}]'), id="not a list of repositories"),
        pytest.param(Reply(503, b"job-t0ken"), id="an outage"),
        pytest.param(Reply(302, b"", {"Location": "https://elsewhere.example/"}), id="a redirect"),
        pytest.param(httpx.ConnectError("no route"), id="no connection"),
    ],
)
def test_no_error_shows_the_token(reply: Reply | Exception) -> None:
    script = refusing().on("GET", _LIST, reply)
    registry = registry_of(script)

    with pytest.raises(HashtagError) as caught:
        registry.remove_tag(_TAG)

    shown = f"{caught.value!r} {caught.value} {caught.value.hint} {registry!r} {registry._deletion!r}"
    assert "job-t0ken" not in shown
    assert "s3cret" not in shown


def test_a_redirect_to_another_host_does_not_get_the_token() -> None:
    script = refusing().on("GET", _LIST, Reply(302, b"", {"Location": "https://elsewhere.example/"}))

    with pytest.raises(UntrustedAnswer):
        registry_of(script).remove_tag(_TAG)

    assert not [line for line in script.log if "elsewhere" in line]


def test_a_token_that_no_header_can_carry_is_not_shown() -> None:
    with pytest.raises(CredentialsError, match="HASHTAG_GITLAB_TOKEN") as caught:
        registry_of(refusing(), HASHTAG_GITLAB_TOKEN="two\nlines").remove_tag(_TAG)

    assert "lines" not in str(caught.value)


def test_a_repository_that_gitlab_does_not_know_stays_denied() -> None:
    script = refusing().on("GET", _LIST, page("group/app")).on("HEAD", _URL, _HELD)

    with pytest.raises(AccessDenied, match="missing or no permission"):
        registry_of(script).remove_tag(_TAG)


def test_a_repository_that_gitlab_does_not_know_stays_unsupported() -> None:
    script = refusing(405).on("GET", _LIST, page("group/app")).on("HEAD", _URL, _HELD)

    assert isinstance(registry_of(script).remove_tag(_TAG), Unsupported)


def test_a_tag_that_is_gone_by_then_is_removed() -> None:
    assert registry_of(refusing().on("DELETE", _REST, Reply(404))).remove_tag(_TAG) == Removed()


def test_a_tag_that_gitlab_deletes_later_is_pending() -> None:
    assert registry_of(refusing().on("HEAD", _URL, _HELD)).remove_tag(_TAG) == Pending()


def test_an_outage_of_gitlab_is_waited_for() -> None:
    script = refusing().on("DELETE", _REST, Reply(429), Reply(502), Reply(200))

    assert registry_of(script).remove_tag(_TAG) == Removed()


def test_a_failure_of_gitlab_is_an_error() -> None:
    with pytest.raises(RegistryError, match="GitLab answered 418"):
        registry_of(refusing().on("DELETE", _REST, Reply(418))).remove_tag(_TAG)


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"CI_REGISTRY": "other.example"}, id="another registry"),
        pytest.param({"CI_REGISTRY": ""}, id="no registry"),
        pytest.param({"CI_JOB_TOKEN": ""}, id="no token"),
        pytest.param({"CI_API_V4_URL": ""}, id="no API"),
        pytest.param({"CI_API_V4_URL": "http://gitlab.example/api/v4"}, id="no TLS"),
        pytest.param({"CI_API_V4_URL": "gitlab"}, id="no URL"),
        pytest.param({"CI_PROJECT_ID": "", "CI_PROJECT_PATH": ""}, id="no project"),
    ],
)
def test_elsewhere_gitlab_is_not_asked(variables: dict[str, str]) -> None:
    script = refusing()

    with pytest.raises(AccessDenied):
        registry_of(script, **variables).remove_tag(_TAG)

    assert rest(script) == []


def test_the_registry_of_a_gitlab_job_deletes_so() -> None:
    """Over the network: registry and GitLab are one server of this machine."""
    asked: list[tuple[str, str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append((self.command, self.path, self.headers.get("JOB-TOKEN")))
            is_registry = self.path.startswith("/v2/")
            content = b'[{"id": 7, "path": "group/app/web"}]' if self.command == "GET" else b""
            refused = 405 if self.command == "DELETE" else 404
            self.send_response(refused if is_registry else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_DELETE = answer  # noqa: N815 — as http.server calls them

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    host = f"127.0.0.1:{server.server_port}"
    environ = _ENVIRON | {"CI_API_V4_URL": f"http://{host}/api/v4", "CI_REGISTRY": host}
    try:
        with Registry.from_environment(f"{host}/group/app", environ=environ, budget_seconds=3) as registry:
            assert registry.remove_tag(Reference.parse(f"{host}/group/app/web:1742")) == Removed()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

    tokens = {path.partition("?")[0]: token for _, path, token in asked if path != "/v2/"}
    assert tokens == {
        "/v2/group/app/web/manifests/1742": None,
        "/api/v4/projects/42/registry/repositories": "job-t0ken",
        "/api/v4/projects/42/registry/repositories/7/tags/1742": "job-t0ken",
    }
