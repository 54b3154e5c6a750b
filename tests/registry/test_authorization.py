"""Challenges, tokens, and where passwords are never sent."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import parse_qs

import httpx
import pytest

from hashtag.errors import AccessDenied, RegistryError, RegistryUnreachable, UntrustedAnswer
from hashtag.oci.reference import Reference
from hashtag.registry.authorization import Authorization, Scope, scopes_for
from hashtag.registry.challenge import Challenge
from hashtag.registry.client import HttpRegistry
from hashtag.registry.credentials import Credentials
from hashtag.registry.messages import Answer
from hashtag.registry.retry import Retries, Temporary
from hashtag.registry.transport import Transport
from servers.scripted import Clock, Reply, Script

_TAG = Reference.parse("registry.example/group/app:1")
_URL = "https://registry.example/v2/group/app/manifests/1"
_REALM = "https://auth.example/token"
_TOKEN_URL = f"{_REALM}?service=registry&scope=repository%3Agroup%2Fapp%3Apull"
_BASIC = "Basic " + b64encode(b"user:SECRET").decode()


def challenge(
    header: str = f'Bearer realm="{_REALM}",service="registry",scope="repository:group/app:pull"',
) -> Reply:
    return Reply(401, b"", {"WWW-Authenticate": header})


def token(text: object = "t1", **more: object) -> Reply:
    return Reply(200, json.dumps({"token": text, **more}).encode())


def wanting(*accepted: str):
    """Return a registry's answers: 404 for a header it accepts, its challenge for any other."""

    def answer(request: httpx.Request) -> Reply:
        return Reply(404) if request.headers.get("authorization") in accepted else challenge()

    return answer


def registry(
    script: Script,
    clock: Clock | None = None,
    environ: dict[str, str] | None = None,
    creds: str | None = "user:SECRET",
) -> HttpRegistry:
    clock = clock or Clock()
    credentials = Credentials.from_environment(environ or {}, creds=creds, registry="registry.example")
    retries = Retries(sleep=clock.sleep, clock=clock, now=lambda: 0.0, jitter=lambda: 0.0)
    return HttpRegistry(Transport(wire=httpx.MockTransport(script)), credentials, retries)


def test_a_password_is_sent_once_it_is_asked_for_and_then_at_once():
    script = Script().on("HEAD", _URL, challenge("Basic"), Reply(404))
    asked = registry(script)

    assert [asked.resolve(_TAG), asked.resolve(_TAG)] == [None, None]
    assert script.authorizations == [None, _BASIC, _BASIC]


def test_a_password_that_is_refused_is_sent_once():
    script = Script().on("HEAD", _URL, challenge("Basic"))

    with pytest.raises(AccessDenied):
        registry(script).resolve(_TAG)

    assert script.authorizations == [None, _BASIC]


def test_a_password_refused_later_is_not_sent_again():
    script = Script().on("HEAD", _URL, challenge("Basic"), Reply(404), challenge("Basic"))
    asked = registry(script)
    asked.resolve(_TAG)

    with pytest.raises(AccessDenied):
        asked.resolve(_TAG)

    assert len(script.requests) == 3


@pytest.mark.parametrize(
    "header", ["Basic", "Negotiate", ""], ids=["password", "unknown scheme", "no challenge"]
)
def test_without_a_login_that_serves_access_is_denied(header):
    script = Script().on("HEAD", _URL, challenge(header))

    with pytest.raises(AccessDenied):
        registry(script, creds=None).resolve(_TAG)

    assert len(script.requests) == 1


def test_a_token_is_fetched_with_the_password_and_serves_many_requests():
    script = Script().on("HEAD", _URL, wanting("Bearer t1")).on("GET", _REALM, token())
    asked = registry(script)

    assert [asked.resolve(_TAG), asked.resolve(_TAG)] == [None, None]
    assert script.log == [f"HEAD {_URL}", f"GET {_TOKEN_URL}", f"HEAD {_URL}", f"HEAD {_URL}"]
    assert script.authorizations == [None, _BASIC, "Bearer t1", "Bearer t1"]


def test_without_a_login_a_token_for_strangers_is_fetched():
    script = Script().on("HEAD", _URL, wanting("Bearer t1")).on("GET", _REALM, token())

    assert registry(script, creds=None).resolve(_TAG) is None
    assert script.authorizations == [None, None, "Bearer t1"]


def test_the_token_of_another_repository_is_fetched_without_a_new_challenge():
    other = Reference.parse("registry.example/group/b:1")
    url = "https://registry.example/v2/group/b/manifests/1"
    script = Script().on("HEAD", _URL, wanting("Bearer t1")).on("HEAD", url, wanting("Bearer t2"))
    script.on("GET", _REALM, token("t1"), token("t2"))
    asked = registry(script)
    asked.resolve(_TAG)

    assert asked.resolve(other) is None
    assert [line.partition("?")[0] for line in script.log[3:]] == [f"GET {_REALM}", f"HEAD {url}"]


def test_a_token_near_its_end_is_renewed_before_it_is_refused():
    clock = Clock()
    script = Script().on("HEAD", _URL, wanting("Bearer t1", "Bearer t2"))
    script.on("GET", _REALM, token("t1", expires_in=300), token("t2", expires_in=300))
    asked = registry(script, clock)
    asked.resolve(_TAG)
    clock.elapsed += 290
    asked.resolve(_TAG)

    assert script.authorizations[-1] == "Bearer t2"


@pytest.mark.parametrize(
    "more",
    [{}, {"expires_in": 0}, {"expires_in": None}, {"expires_in": 60, "issued_at": "1970-01-01T00:00:00Z"}],
    ids=["not said", "zero", "null", "issued long ago by another clock"],
)
def test_a_token_whose_life_is_not_told_serves_a_minute(more):
    clock = Clock()
    script = (
        Script()
        .on("HEAD", _URL, wanting("Bearer t1", "Bearer t2"))
        .on("GET", _REALM, token("t1", **more), token("t2"))
    )
    asked = registry(script, clock)
    for elapsed in (0, 40, 70):
        clock.elapsed = elapsed
        asked.resolve(_TAG)

    assert [each for each in script.authorizations if each and each.startswith("Bearer")] == [
        "Bearer t1",
        "Bearer t1",
        "Bearer t2",
    ]


def test_a_token_refused_before_its_end_is_renewed_once():
    script = (
        Script()
        .on("HEAD", _URL, wanting("Bearer t1"))
        .on("GET", _REALM, token("t1"), token("t2"), token("t3"))
    )
    asked = registry(script)
    asked.resolve(_TAG)
    script.on("HEAD", _URL, wanting("Bearer t2"))

    assert asked.resolve(_TAG) is None

    script.on("HEAD", _URL, challenge())
    with pytest.raises(AccessDenied):
        asked.resolve(_TAG)
    assert sum(line.startswith(f"GET {_REALM}") for line in script.log) == 3


def test_sixteen_threads_fetch_one_token():
    script = Script().on("HEAD", _URL, wanting("Bearer t1")).on("GET", _REALM, token())
    asked = registry(script)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(asked.resolve, [_TAG] * 64))

    assert sum(line.startswith("GET") for line in script.log) == 1


def test_a_token_may_be_called_an_access_token():
    script = (
        Script()
        .on("HEAD", _URL, wanting("Bearer t1"))
        .on("GET", _REALM, Reply(200, b'{"access_token": "t1"}'))
    )

    assert registry(script).resolve(_TAG) is None


def test_an_identity_token_is_exchanged_by_post():
    environ = {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {"registry.example": {"identitytoken": "SECRET"}}})}
    script = Script().on("HEAD", _URL, wanting("Bearer t1")).on("POST", _REALM, token())

    assert registry(script, environ=environ, creds=None).resolve(_TAG) is None
    assert parse_qs(script.requests[1].content.decode()) == {
        "grant_type": ["refresh_token"],
        "service": ["registry"],
        "client_id": ["hashtag"],
        "scope": ["repository:group/app:pull"],
        "refresh_token": ["SECRET"],
    }


def test_a_realm_may_have_a_query_of_its_own_and_need_no_service():
    script = Script().on("HEAD", _URL, challenge(f'Bearer realm="{_REALM}?a=b"'), Reply(404))
    script.on("GET", f"{_REALM}?a=b&scope=repository%3Agroup%2Fapp%3Apull", token())

    assert registry(script).resolve(_TAG) is None


@pytest.mark.parametrize(
    ("asked", "scopes"),
    [
        pytest.param("repository:group/app:pull", ["repository:group/app:pull"], id="the same"),
        pytest.param("read", ["repository:group/app:pull"], id="zuul-registry's"),
        pytest.param("", ["repository:group/app:pull"], id="none"),
        pytest.param(
            "repository:proxy/group/app:pull",
            ["repository:group/app:pull", "repository:proxy/group/app:pull"],
            id="of another name, behind a proxy",
        ),
    ],
)
def test_a_token_is_asked_for_our_own_scope_and_what_the_challenge_adds(asked, scopes):
    found = scopes_for(Scope(_TAG.repository), Challenge("bearer", {"scope": asked}))

    assert list(found) == scopes


def test_a_scope_within_our_own_adds_nothing():
    challenge_of_a_read = Challenge("bearer", {"scope": "repository:group/app:pull"})

    assert scopes_for(Scope(_TAG.repository, "pull,push"), challenge_of_a_read) == (
        "repository:group/app:pull,push",
    )


def test_where_only_the_first_scope_is_read_the_challenges_own_is_asked_for_alone():
    proxied = "repository:proxy/group/app:pull"
    script = Script().on("HEAD", _URL, lambda request: answers[request.headers.get("authorization")])
    asks = challenge(f'Bearer realm="{_REALM}",scope="{proxied}"')
    answers = {None: asks, "Bearer ours": asks, "Bearer proxied": Reply(404)}

    def first_alone(request: httpx.Request) -> Reply:
        scopes = parse_qs(request.url.query.decode())["scope"]
        return token("proxied" if scopes[0] == proxied else "ours")

    asked = registry(script.on("GET", _REALM, first_alone))

    assert [asked.resolve(_TAG), asked.resolve(_TAG)] == [None, None]
    assert sum(line.startswith("GET") for line in script.log) == 2
    assert script.authorizations[-1] == "Bearer proxied"


def test_where_the_challenge_names_nothing_new_a_refused_token_is_the_end():
    script = Script().on("HEAD", _URL, challenge()).on("GET", _REALM, token())

    with pytest.raises(AccessDenied):
        registry(script).resolve(_TAG)

    assert len(script.requests) == 3


# ── token servers that fail ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_server_that_refuses_the_login_denies_access(status):
    script = Script().on("HEAD", _URL, challenge()).on("GET", _REALM, Reply(status))

    with pytest.raises(AccessDenied, match=rf"token server https://auth\.example answered {status}"):
        registry(script).resolve(_TAG)


def test_a_token_server_that_is_busy_is_asked_again_as_it_wants():
    clock = Clock()
    script = Script().on("HEAD", _URL, wanting("Bearer t1"))
    script.on("GET", _REALM, Reply(429, b"", {"Retry-After": "2"}), Reply(503), token())

    assert registry(script, clock).resolve(_TAG) is None
    assert clock.waits == [2.0, 1.0]


@pytest.mark.parametrize("status", [401, 503], ids=["refuses the login", "is down"])
def test_twenty_threads_that_wait_for_a_token_share_its_failure(status):
    def slow(request: httpx.Request) -> Reply:
        time.sleep(0.3)
        return Reply(status)

    script = Script().on("GET", _REALM, slow)
    credentials = Credentials.from_environment({}, creds="user:SECRET", registry="registry.example")
    authorization = Authorization(Transport(wire=httpx.MockTransport(script)), credentials, time.monotonic)
    refusal = Answer(status=401, url=_URL, headers={"www-authenticate": f'Bearer realm="{_REALM}"'})
    together = Barrier(20)

    def failure(_: int) -> str:
        together.wait(10)
        with pytest.raises((AccessDenied, Temporary)) as caught:
            authorization.answer(refusal, Scope(_TAG.repository), None)
        return str(caught.value)

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(failure, range(20)))) == 1

    assert len(script.requests) == 1
    with pytest.raises((AccessDenied, Temporary)):
        authorization.answer(refusal, Scope(_TAG.repository), None)
    assert len(script.requests) == 2, "who comes later asks again"


def test_a_token_server_that_is_down_makes_the_registry_unreachable():
    script = Script().on("HEAD", _URL, challenge()).on("GET", _REALM, Reply(503))

    with pytest.raises(RegistryUnreachable, match=r"token server https://auth\.example: 503"):
        registry(script).resolve(_TAG)


def test_a_token_server_with_another_answer_is_an_error():
    script = Script().on("HEAD", _URL, challenge()).on("GET", _REALM, Reply(404))

    with pytest.raises(RegistryError, match="answered 404"):
        registry(script).resolve(_TAG)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"nonsense",
        b'{"token": ""}',
        b'{"token": 1}',
        b'{"token": "a\\r\\nb"}',
        '{"token": "ü"}'.encode(),
        b'{"token": "t", "expires_in": "soon"}',
        b'{"token": "t", "expires_in": 1%s}' % (b"0" * 400),
    ],
)
def test_a_token_server_that_gives_no_token_denies_access(content):
    script = Script().on("HEAD", _URL, challenge()).on("GET", _REALM, Reply(200, content))

    with pytest.raises(AccessDenied, match="gave no token"):
        registry(script).resolve(_TAG)


def test_a_token_without_end_is_not_read_to_its_end():
    script = (
        Script()
        .on("HEAD", _URL, challenge())
        .on("GET", _REALM, Reply(200, (b"x" * 4096 for _ in iter(int, 1))))
    )

    with pytest.raises(RegistryError, match="larger than 65536 bytes"):
        registry(script).resolve(_TAG)


# ── what is said of a refusal ────────────────────────────────────────────────────────────────────


def denial(script: Script, **options: object) -> AccessDenied:
    with pytest.raises(AccessDenied) as caught:
        registry(script, **options).resolve(_TAG)
    assert caught.value.status == 3
    assert "SECRET" not in f"{caught.value} {caught.value.hint}"
    return caught.value


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script().on("HEAD", _URL, challenge("Basic")), id="by the registry"),
        pytest.param(
            Script()
            .on("HEAD", _URL, challenge())
            .on(
                "GET",
                _REALM,
                Reply(401, b'{"errors": [{"code": "UNAUTHORIZED", "message": "user:SECRET?"}]}'),
            ),
            id="by its token server",
        ),
    ],
)
def test_a_refused_login_is_named_with_its_host_and_where_it_came_from(script):
    refused = denial(script)

    assert str(refused).startswith(
        "registry.example/group/app: the login 'user' for registry.example was refused: "
    )
    assert refused.hint == "it came from creds: correct it there"


def test_a_refused_login_of_a_file_is_to_be_made_again(tmp_path):
    config = {"auths": {"registry.example": {"auth": b64encode(b"user:SECRET").decode()}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    script = Script().on("HEAD", _URL, challenge("Basic"))

    refused = denial(script, environ={"DOCKER_CONFIG": str(tmp_path)}, creds=None)

    assert refused.hint == (
        f"it came from {tmp_path / 'config.json'}: log in again: docker login registry.example"
    )


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            Script().on("HEAD", _URL, challenge("Basic"), Reply(403)), id="by the registry, of a password"
        ),
        pytest.param(
            Script().on("HEAD", _URL, challenge()).on("GET", _REALM, token()),
            id="by the registry, of a token",
        ),
        pytest.param(
            Script().on("HEAD", _URL, challenge()).on("GET", _REALM, Reply(403)), id="by its token server"
        ),
    ],
)
def test_refused_rights_are_not_a_refused_login(script):
    refused = denial(script)

    assert "missing or no permission" in str(refused)
    assert refused.hint == "the login 'user' came from creds; it needs pull on this repository"


@pytest.mark.parametrize("header", ["Basic", f'Bearer realm="{_REALM}"'])
def test_where_no_login_was_found_that_is_said(header):
    refused = denial(Script().on("HEAD", _URL, challenge(header)).on("GET", _REALM, Reply(401)), creds=None)

    assert "missing or no permission" in str(refused)
    assert refused.hint == (
        "no login was found for registry.example: docker login registry.example, or set DOCKER_AUTH_CONFIG"
    )


def test_a_login_that_was_not_sent_was_not_refused():
    # Where we were sent to asks for a password, and gets none.
    script = Script().on(
        "HEAD", _URL, challenge("Basic"), Reply(307, b"", {"Location": "https://cdn.example/m"})
    )
    script.on("HEAD", "https://cdn.example/m", challenge("Basic"))

    assert "was refused" not in str(denial(script))


# ── where passwords are never sent ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "realm",
    [
        "http://auth.example/token",
        "https://169.254.169.254/token",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://127.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://evil.example\\@auth.example/",
        "https://somebody:else@auth.example/token",
        "nonsense",
    ],
)
def test_a_token_server_that_is_not_to_be_trusted_gets_nothing(realm):
    script = Script().on("HEAD", _URL, challenge(f'Bearer realm="{realm}"'))

    with pytest.raises(UntrustedAnswer) as caught:
        registry(script).resolve(_TAG)

    assert caught.value.status == 5
    assert len(script.requests) == 1


@pytest.mark.parametrize("kind", ["password", "identity token"])
@pytest.mark.parametrize(
    "realm",
    [
        pytest.param("http://evil.example/token", id="a public host"),
        pytest.param("http://127.0.0.1@evil.example/token", id="a public host behind a user"),
        pytest.param("http://10.0.0.1/token", id="a private host"),
        pytest.param("http://169.254.169.254/token", id="the cloud's metadata"),
        pytest.param("https://169.254.169.254/token", id="the cloud's metadata, encrypted"),
    ],
)
def test_a_registry_without_tls_does_not_hand_the_login_to_another_host(realm, kind):
    config = {"auths": {"127.0.0.1:5000": {"identitytoken": "SECRET"}}}
    environ = {"DOCKER_AUTH_CONFIG": json.dumps(config)} if kind == "identity token" else {}
    path = "127.0.0.1:5000/v2/app/manifests/1"
    script = Script().on("HEAD", f"https://{path}", httpx.ConnectError("not TLS"))
    script.on("HEAD", f"http://{path}", challenge(f'Bearer realm="{realm}"'))
    creds = None if environ else "user:SECRET"
    credentials = Credentials.from_environment(environ, creds=creds, registry="127.0.0.1:5000")
    asked = HttpRegistry(Transport(wire=httpx.MockTransport(script)), credentials)

    with pytest.raises(UntrustedAnswer) as caught:
        asked.resolve(Reference.parse("127.0.0.1:5000/app:1"))

    assert (caught.value.code, caught.value.status) == ("HT055", 5)
    assert script.log == [f"HEAD https://{path}", f"HEAD http://{path}"]


@pytest.mark.parametrize("kind", ["password", "identity token"])
def test_a_token_server_does_not_send_us_to_another(kind):
    config = {"auths": {"registry.example": {"identitytoken": "SECRET"}}}
    environ = {"DOCKER_AUTH_CONFIG": json.dumps(config)} if kind == "identity token" else {}
    elsewhere = Reply(307, b"", {"Location": "https://evil.example/?token=SECRET"})
    script = Script().on("HEAD", _URL, challenge()).on("GET", _REALM, elsewhere).on("POST", _REALM, elsewhere)

    with pytest.raises(UntrustedAnswer, match="redirects to https://evil") as caught:
        registry(script, environ=environ, creds=None if environ else "user:SECRET").resolve(_TAG)

    assert len(script.requests) == 2
    assert "SECRET" not in str(caught.value)


def test_the_challenge_of_a_host_we_were_sent_to_is_not_met():
    # CVE-2020-15157: the answer to the redirected request asks for the password.
    script = Script().on("HEAD", _URL, Reply(307, b"", {"Location": "https://evil.example/m"}))
    script.on("HEAD", "https://evil.example/m", challenge('Basic realm="evil"'))

    with pytest.raises(AccessDenied):
        registry(script).resolve(_TAG)

    assert script.authorizations == [None, None]


def test_the_login_of_one_registry_is_not_sent_to_another():
    other = Reference.parse("other.example/group/app:1")
    script = Script().on("HEAD", "https://other.example/v2/group/app/manifests/1", challenge("Basic"))

    with pytest.raises(AccessDenied):
        registry(script).resolve(other)

    assert script.authorizations == [None]


# ── registries that hide what is private ─────────────────────────────────────────────────────────

_PING = "https://registry.example/v2/"


def test_a_404_for_a_stranger_is_asked_again_with_the_login():
    script = Script().on("HEAD", _URL, Reply(404), Reply(404)).on("GET", _PING, challenge("Basic"))

    assert registry(script).resolve(_TAG) is None
    assert script.log == [f"HEAD {_URL}", f"GET {_PING}", f"HEAD {_URL}"]
    assert script.authorizations == [None, None, _BASIC]


def test_an_open_registry_is_asked_once_whether_it_wants_a_login():
    script = Script().on("HEAD", _URL, Reply(404)).on("GET", _PING, Reply(200, b"{}"))
    asked = registry(script)

    assert [asked.resolve(_TAG), asked.resolve(_TAG)] == [None, None]
    assert script.log == [f"HEAD {_URL}", f"GET {_PING}", f"HEAD {_URL}"]


def test_a_404_without_any_login_is_believed():
    script = Script().on("HEAD", _URL, Reply(404))

    assert registry(script, creds=None).resolve(_TAG) is None
    assert len(script.requests) == 1


def test_the_order_of_actions_in_a_challenge_does_not_count() -> None:
    scope = Scope(_TAG.repository, "pull,push")
    challenge = Challenge("bearer", {"scope": f"repository:{_TAG.repository.name}:push,pull"})

    assert scopes_for(scope, challenge) == scope.texts
