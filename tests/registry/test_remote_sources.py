"""What stands in a record for a remote source of ADD."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashtag.context.canonical import hidden
from hashtag.errors import Location, UnsupportedConstruct, UntrustedAnswer
from hashtag.images.lowered import CopyOperation, MainContext
from hashtag.images.model import RemoteAdd
from hashtag.registry.remote import GitSource, stands_for
from servers.web import web

_AT = Location("Dockerfile", 3)
_SHA = "0123456789abcdef0123456789abcdef01234567"
_GIT = "https://127.0.0.1/r.git"


def add(checksum: str = "") -> CopyOperation:
    return CopyOperation(
        origin=MainContext(),
        sources=(),
        remotes=("…",),
        inline=(),
        destination="/",
        chown="",
        chmod="",
        link=False,
        parents=False,
        exclude=(),
        unpack=False,
        checksum=checksum,
        keep_git_dir=False,
        location=_AT,
    )


def nobody_asked(url: str, ref: str) -> str | None:
    raise AssertionError((url, ref))


@pytest.mark.parametrize("policy", RemoteAdd)
def test_a_checksum_needs_no_network_whatever_the_policy(policy: RemoteAdd) -> None:
    found = stands_for("https://127.0.0.1:1/a.tar?x=1", add("sha256:ab"), policy, nobody_asked)

    assert found == f"{hidden('a.tar')} {hidden('sha256:ab')}"


@pytest.mark.parametrize("remote", ["https://127.0.0.1:1/a.tar", _GIT])
def test_the_url_itself_may_stand_for_it(remote: str) -> None:
    assert stands_for(remote, add(), RemoteAdd.URL, nobody_asked) == hidden(remote)


@pytest.mark.parametrize("remote", ["https://bob:s3cret@127.0.0.1:1/a.tar", _GIT])
def test_it_may_be_refused(remote: str) -> None:
    with pytest.raises(UnsupportedConstruct, match="can change without a change here") as caught:
        stands_for(remote, add(), RemoteAdd.REFUSE, nobody_asked)

    assert caught.value.location == _AT
    assert "s3cret" not in str(caught.value)


def test_a_file_is_fetched_and_hashed(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"")
    with web(tmp_path) as server:
        found = stands_for(f"{server.url}/a.tar", add(), RemoteAdd.FETCH, nobody_asked)

    assert found == f"{hidden('a.tar')} e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    "remote",
    [f"{_GIT}#{_SHA}", f"{_GIT}#{_SHA}:folder", f"{_GIT}?ref=v1&checksum={_SHA}", f"{_GIT}?ref={_SHA}"],
)
def test_a_pinned_commit_needs_no_network(remote: str) -> None:
    assert stands_for(remote, add(), RemoteAdd.FETCH, nobody_asked) == hidden(remote)


def test_a_ref_stands_with_the_commit_that_it_has_now() -> None:
    asked: list[tuple[str, str]] = []

    def commit_of(url: str, ref: str) -> str:
        asked.append((url, ref))
        return _SHA

    assert (
        stands_for(f"{_GIT}#v1:folder", add(), RemoteAdd.FETCH, commit_of)
        == f"{hidden(f'{_GIT}#v1:folder')} {_SHA}"
    )
    assert asked == [(_GIT, "v1")]


def test_a_ref_that_git_does_not_know_is_an_error_that_says_what_to_write() -> None:
    with pytest.raises(UnsupportedConstruct, match="which commit v1 is") as caught:
        stands_for(f"{_GIT}#v1", add(), RemoteAdd.FETCH, lambda *_: None)

    assert caught.value.location == _AT
    assert "#<40 hex digits>" in caught.value.hint


@pytest.mark.parametrize("remote", ["http://169.254.169.254/r.git", "git@169.254.169.254:r.git"])
def test_git_is_not_sent_to_the_link(remote: str) -> None:
    with pytest.raises(UntrustedAnswer) as caught:
        stands_for(remote, add(), RemoteAdd.FETCH, nobody_asked)

    assert caught.value.location == _AT


@pytest.mark.parametrize(
    ("remote", "source", "host"),
    [
        pytest.param("https://e.com/r.git", GitSource("https://e.com/r.git"), "e.com", id="default branch"),
        pytest.param("https://e.com/r.git#v1", GitSource("https://e.com/r.git", "v1"), "e.com", id="ref"),
        pytest.param("git@e.com:a/r.git#:f", GitSource("git@e.com:a/r.git"), "e.com", id="folder alone"),
        pytest.param(
            "ssh://git@e.com:22/r#main:f", GitSource("ssh://git@e.com:22/r", "main"), "e.com", id="ssh"
        ),
        pytest.param(
            "https://e.com/r.git?branch=b&subdir=f",
            GitSource("https://e.com/r.git", "b"),
            "e.com",
            id="query",
        ),
        pytest.param(
            f"https://e.com/r.git?tag=t&commit={_SHA}",
            GitSource("https://e.com/r.git", "t", _SHA),
            "e.com",
            id="query with a commit",
        ),
        pytest.param(
            "https://e.com/r.git#0123456",
            GitSource("https://e.com/r.git", "0123456"),
            "e.com",
            id="a commit cut short is a ref",
        ),
    ],
)
def test_a_git_source_is_read_as_buildkit_reads_it(remote: str, source: GitSource, host: str) -> None:
    assert GitSource.parse(remote) == source
    assert source.host == host
