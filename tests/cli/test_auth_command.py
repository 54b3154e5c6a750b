"""hashtag auth check: rights to a repository."""

from __future__ import annotations

import pytest

from servers.docker_registry import RunningRegistry, start_registry
from servers.token_server import token_guarded
from servers.zuul_registry import start_zuul_registry


def written(server: RunningRegistry) -> list[str]:
    """Return the files that a server keeps beside uploads that were begun."""
    storage = server.log.parent / "storage"
    files = (path.relative_to(storage).as_posix() for path in storage.rglob("*") if path.is_file())
    return [name for name in files if "uploads/" not in name]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    running = start_registry(tmp_path_factory.mktemp("auth"), htpasswd=("bob", "pass:word"))
    yield running
    running.stop()


@pytest.mark.integration
def test_a_login_that_may_write_is_named_and_nothing_is_written(hashtag, guarded):
    ran = hashtag("auth", "check", f"{guarded.host}/app", "--push", "--creds", "bob:pass:word")

    assert (ran.status, ran.out) == (0, f"{guarded.host}/app: pull and push, as 'bob' (from creds)\n")
    log = guarded.access_log()
    assert [line.split()[0] for line in log] == ["HEAD", "POST", "DELETE"]


@pytest.mark.integration
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--push", "-v", "{}", "--creds", "bob:pass:word"), id="options first"),
        pytest.param(("--creds", "bob:pass:word", "-vv", "--push", "{}"), id="the repository last"),
    ],
)
def test_options_may_stand_before_the_repository(hashtag, guarded, words):
    ran = hashtag("auth", "check", *(word.format(f"{guarded.host}/app") for word in words))

    assert ran.out == f"{guarded.host}/app: pull and push, as 'bob' (from creds)\n"


def test_an_option_that_is_not_there_has_the_nearest_as_a_hint(hashtag):
    ran = hashtag("auth", "check", "h.example/app", "--cred", "bob:SECRET")

    assert (ran.status, ran.err.splitlines()[-1]) == (2, "hint: did you mean '--creds'?")
    assert "SECRET" not in ran.err


@pytest.mark.integration
@pytest.mark.parametrize("place", ["before the verb", "behind it"])
def test_with_vv_each_request_is_said(hashtag, guarded, place):
    check = ("auth", "check", f"{guarded.host}/app", "--creds", "bob:pass:word", "--push")
    before = len(guarded.access_log())
    ran = hashtag("-vv", *check) if place == "before the verb" else hashtag(*check, "-vv")

    said = [line.split() for line in ran.err.splitlines() if f"http://{guarded.host}/" in line]
    assert [words[:2] for words in said if words[3] != "401"] == [
        ["debug:", line.split()[0]] for line in guarded.access_log()[before:]
    ]
    assert "?" not in ran.err
    assert "pass:word" not in ran.err


@pytest.mark.integration
def test_without_push_nothing_is_begun(hashtag, guarded):
    before = len(guarded.access_log())
    ran = hashtag("auth", "check", f"{guarded.host}/app", "--creds", "bob:pass:word")

    assert ran.out == f"{guarded.host}/app: pull, as 'bob' (from creds)\n"
    assert {line.split()[0] for line in guarded.access_log()[before:]} == {"HEAD"}


@pytest.mark.integration
@pytest.mark.parametrize("creds", [(), ("--creds", "bob:wrong")], ids=["nobody", "a wrong password"])
def test_a_login_that_may_not_ends_with_status_3_and_shows_no_password(hashtag, guarded, creds):
    ran = hashtag("auth", "check", f"{guarded.host}/app", *creds)

    assert (ran.status, ran.out) == (3, "")
    assert "error[HT051]" in ran.err
    assert "wrong" not in ran.err


def test_a_folder_is_checked_too(hashtag, folder):
    assert hashtag("auth", "check", "oci-layout:store", "--push").out == (
        "oci-layout:store: pull and push, without a login\n"
    )


def test_another_question_is_an_error_of_usage(hashtag):
    assert hashtag("auth", "login").status == 2


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Return servers by the way that they ask who is there."""
    folder = tmp_path_factory.mktemp("servers")
    password = start_registry(folder / "password", htpasswd=("bob", "right"), tls=True)
    zuul, plain = start_zuul_registry(folder / "zuul"), start_registry(folder / "plain")
    with token_guarded(folder / "token") as (token, tokens):
        tokens.users |= {"bob": ("right", {"pull", "push"}), "reader": ("right", {"pull"}), "": ("", set())}
        yield {"password": password, "token": token, "zuul": zuul, "plain": plain}
    for server in (password, zuul, plain):
        server.stop()


_WRONG, _NONE, _LESS = "the login 'bob' for {host} was refused", "no login was found for {host}", "it needs"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("kind", "creds", "push", "said"),
    [
        pytest.param("password", "bob:right", True, "pull and push, as 'bob' (from creds)", id="password"),
        pytest.param("password", "bob:wr0ng", False, _WRONG, id="wrong password"),
        pytest.param("password", None, False, _NONE, id="password, nobody"),
        pytest.param("token", "bob:right", True, "pull and push, as 'bob' (from creds)", id="token"),
        pytest.param("token", "reader:right", False, "pull, as 'reader' (from creds)", id="token, reader"),
        pytest.param("token", "reader:right", True, _LESS, id="token, reader who wants to write"),
        pytest.param("token", "bob:wr0ng", False, _WRONG, id="token, wrong password"),
        pytest.param("token", None, False, _NONE, id="token, nobody"),
        pytest.param("zuul", "writer:s3cret", True, "pull and push, as 'writer' (from creds)", id="zuul"),
        pytest.param("zuul", "bob:wr0ng", True, _WRONG, id="zuul, wrong password"),
        pytest.param("zuul", None, False, "pull, without a login", id="zuul, nobody"),
        pytest.param("zuul", None, True, _NONE, id="zuul, nobody who wants to write"),
        pytest.param(
            "plain", "bob:right", True, "pull and push, without a login", id="open, login not wanted"
        ),
    ],
)
def test_rights_to_a_repository_that_is_not_there_are_proved_without_writing(
    hashtag, servers, kind, creds, push, said
):
    server = servers[kind]
    options = (
        ["--push"] * push + ["--creds", creds] * bool(creds) + ["--ca-cert", server.ca] * bool(server.ca)
    )
    before = len(server.access_log())

    ran = hashtag("auth", "check", f"{server.host}/absent", *options, "--budget", "2")

    is_refused = said in (_WRONG, _NONE, _LESS)
    assert ran.status == (3 if is_refused else 0)
    assert said.format(host=server.host) in (ran.err if is_refused else ran.out)
    assert "wr0ng" not in ran.out + ran.err
    methods = {line.split()[0] for line in server.access_log()[before:]}
    assert methods <= {"HEAD", "GET"} | ({"POST", "DELETE"} if push else set())
    assert written(server) == []
