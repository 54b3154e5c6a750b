"""hashtag auth check: rights to a repository."""

from __future__ import annotations

import pytest

from servers.docker_registry import start_registry


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
