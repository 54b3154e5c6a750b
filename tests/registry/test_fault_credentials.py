"""Faults of tokens, realms and credentials, and what each leads to."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hashtag.errors import AccessDenied, CredentialsError, HashtagError, UntrustedAnswer
from hashtag.oci.digest import Digest
from hashtag.registry.challenge import choose_challenge, parse_challenges
from hashtag.registry.credential_helper import ask_helper
from hashtag.registry.credentials import Credentials
from hashtag.registry.docker_config import DockerConfig
from registry.faults import BASE, CHALLENGE, REPOSITORY, TAG, TOKENS, URL, client, good, token
from servers.scripted import Clock, Reply, Script

_REFUSED = Reply(401, b"", CHALLENGE)


def asked_for(script: Script, url: str) -> int:
    return sum(line.endswith(url) or line.partition("?")[0].endswith(url) for line in script.log)


def test_36_a_token_that_ends_in_the_middle_is_renewed_once_for_all_threads():
    def registry_answer(request):
        return good() if request.headers.get("authorization") == "Bearer new" else _REFUSED

    script = Script().on("HEAD", URL, registry_answer)
    script.on("GET", TOKENS, token(token="old", expires_in=3600), token(token="new", expires_in=3600))
    asked = client(script)
    with pytest.raises(AccessDenied):
        asked.resolve(TAG)
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(asked.resolve, [TAG] * 64))

    assert asked_for(script, TOKENS) == 2


@pytest.mark.parametrize(
    "members", [{}, {"expires_in": 0}, {"issued_at": "1999-01-01T00:00:00Z"}, {"expires_in": None}]
)
def test_37_a_token_without_a_life_serves_a_minute_and_a_401_renews_it(members):
    clock = Clock()
    script = Script().on("HEAD", URL, _REFUSED, good()).on("GET", TOKENS, token(**members))
    asked = client(script, clock)
    asked.resolve(TAG)
    clock.elapsed += 40
    asked.resolve(TAG)
    assert asked_for(script, TOKENS) == 1

    clock.elapsed += 20
    asked.resolve(TAG)
    assert asked_for(script, TOKENS) == 2


def test_38_an_access_token_is_a_token():
    script = (
        Script().on("HEAD", URL, _REFUSED, good()).on("GET", TOKENS, Reply(200, b'{"access_token": "A"}'))
    )
    client(script).resolve(TAG)

    assert script.authorizations[-1] == "Bearer A"


def test_39_an_empty_token_denies_access():
    script = Script().on("HEAD", URL, _REFUSED).on("GET", TOKENS, token(token=""))

    with pytest.raises(AccessDenied, match="gave no token") as caught:
        client(script).resolve(TAG)

    assert caught.value.status == 3


def test_39_a_token_of_a_gibibyte_is_not_read():
    script = Script().on("HEAD", URL, _REFUSED)
    script.on("GET", TOKENS, Reply(200, (b"x" * 65536 for _ in range(16384))))

    with pytest.raises(HashtagError, match="larger than 65536 bytes"):
        client(script).resolve(TAG)


@pytest.mark.parametrize(
    ("header", "realm"),
    [
        pytest.param('Basic realm="b", Bearer realm="t"', "t", id="basic and bearer"),
        pytest.param(
            'bEARER REALM=t , Scope="repository:a:pull,push"', "t", id="case, no quotes, comma in scope"
        ),
        pytest.param('Negotiate abc==, Bearer realm="a\\"b"', 'a"b', id="an unknown scheme, escapes"),
    ],
)
def test_40_challenges_are_read_however_they_are_written(header, realm):
    chosen = choose_challenge(parse_challenges(header))

    assert (chosen.scheme, chosen.realm) == ("bearer", realm)


@pytest.mark.parametrize(
    "realm",
    [
        "http://registry.example/token",
        "https://169.254.169.254/token",
        "https://127.0.0.1/token",
        "https://[::1]/token",
        "https://10.0.0.1/token",
    ],
)
def test_41_a_realm_without_tls_or_inside_gets_nothing(realm):
    script = Script().on("HEAD", URL, Reply(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm}"'}))

    with pytest.raises(UntrustedAnswer) as caught:
        client(script, creds="bob:SECRET").resolve(TAG)

    assert caught.value.status == 5
    assert script.log == [f"HEAD {URL}"]


def test_42_the_challenge_of_a_host_that_we_were_sent_to_is_not_met():
    script = Script().on("GET", URL, Reply(307, headers={"Location": "https://evil.example/m"}))
    script.on("GET", "https://evil.example/m", Reply(401, b"", {"WWW-Authenticate": "Basic"}))

    with pytest.raises(AccessDenied):
        client(script, creds="bob:SECRET").manifest(TAG)

    assert script.authorizations == [None, None]


def test_44_an_upload_elsewhere_gets_no_authorization():
    digest = Digest.of(b"blob")
    refused = Reply(401, b"", {"WWW-Authenticate": "Basic"})
    script = Script().on("HEAD", f"{BASE}/blobs/{digest}", refused, Reply(404))
    script.on("POST", f"{BASE}/blobs/uploads/", Reply(202, headers={"Location": "https://s3.example/up"}))
    script.on("PUT", "https://s3.example/up", Reply(201))
    client(script, creds="bob:SECRET").put_blob(REPOSITORY, b"blob")

    assert script.authorizations[-1] is None


def test_44_a_list_of_tags_elsewhere_is_refused():
    page = Reply(200, b'{"tags":[]}', {"Link": "<https://b.example/x>; rel=next"})

    with pytest.raises(UntrustedAnswer, match="elsewhere"):
        list(client(Script().on("GET", f"{BASE}/tags/list", page)).tags(REPOSITORY))


@pytest.mark.parametrize("text", ["SECRET", '{"auths": "SECRET"}', '{"auths": {"x": {"auth": "SECRET!"}}}'])
def test_45_a_malformed_config_is_an_error_of_usage_that_does_not_show_it(text):
    with pytest.raises(CredentialsError) as caught:
        DockerConfig.parse(text, "config.json").login("x", "", lambda *_: None)

    assert caught.value.status == 2
    assert "SECRET" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="scripts with #!")
@pytest.mark.parametrize(
    "body",
    ["echo SECRET >&2; exit 1", "sleep 5", "echo SECRET"],
    ids=["fails", "hangs", "answers nonsense"],
)
def test_46_a_helper_that_misbehaves_is_named_and_not_quoted(tmp_path: Path, body):
    helper = tmp_path / "docker-credential-x"
    helper.write_text(f"#!/bin/sh\n{body}\n")
    helper.chmod(0o755)

    with pytest.raises(CredentialsError, match="docker-credential-x") as caught:
        ask_helper("x", "host", {"PATH": f"{tmp_path}:/bin:/usr/bin"}, timeout_seconds=0.5)

    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "user", "password"),
    [
        pytest.param({"auth": "Ym9iOmE6Yg"}, "bob", "a:b", id="no padding, a colon in the password"),
        pytest.param({"auth": "Ym9iOsO8AAA="}, "bob", "ü", id="not ASCII, Docker's own padding"),
        pytest.param({"username": "bob", "password": "p"}, "bob", "p", id="in two"),
    ],
)
def test_47_entries_in_every_form_are_read(entry, user, password):
    found = DockerConfig.parse(json.dumps({"auths": {"h": entry}}), "x").login("h", "", lambda *_: None)

    assert (found.username, found.password) == (user, password)


@pytest.mark.parametrize(
    ("key", "registry", "name"),
    [
        pytest.param("https://index.docker.io/v1/", "docker.io", "library/x", id="Docker Hub"),
        pytest.param("h.example:5000", "h.example:5000", "x", id="a port"),
        pytest.param("[::1]:5000", "[::1]:5000", "x", id="IPv6"),
        pytest.param("h.example/group", "h.example", "group/x", id="a path"),
    ],
)
def test_48_the_right_entry_is_taken_and_never_another_hosts(key, registry, name):
    config = DockerConfig.parse(json.dumps({"auths": {key: {"auth": "Ym9iOnA="}}}), "x")

    assert config.login(registry, name, lambda *_: None)
    for other in ("h.example:5001", "x.h.example", "[::2]:5000", "ghcr.io", "example"):
        assert config.login(other, name, lambda *_: None) is None


_HOST = "registry.example"


@pytest.mark.parametrize(
    ("environ", "login"),
    [
        pytest.param({"HASHTAG_CREDS": "bob:p:q"}, ("bob", "p:q"), id="HASHTAG_CREDS"),
        pytest.param(
            {"CI_REGISTRY": _HOST, "CI_JOB_TOKEN": "t"}, ("gitlab-ci-token", "t"), id="CI_JOB_TOKEN"
        ),
        pytest.param(
            {"CI_REGISTRY": _HOST, "CI_JOB_TOKEN": "t", "CI_REGISTRY_USER": "u", "CI_REGISTRY_PASSWORD": "p"},
            ("u", "p"),
            id="CI_REGISTRY_USER first",
        ),
        pytest.param({"CI_REGISTRY": "other.example", "CI_JOB_TOKEN": "t"}, None, id="token of another host"),
        pytest.param({"CI_JOB_TOKEN": "t"}, None, id="a token without a registry"),
    ],
)
def test_logins_of_the_environment(environ, login):
    found = Credentials.from_environment(environ, registry=_HOST).login(_HOST, "app")

    assert (found and (found.username, found.password)) == login
