"""What is known of the commit at hand."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hashtag.worktree.git import GitFacts, facts, remote_commit
from servers.web import web

SHA = "0123456789abcdef0123456789abcdef01234567"
AT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
PATH = {"PATH": os.environ["PATH"]}


def _git(folder: Path, *arguments: str) -> str:
    identity = {
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "committer 9 +0000",
    }
    times = {
        "GIT_COMMITTER_EMAIL": "c@example.com",
        "GIT_COMMITTER_DATE": "1700000000 +0100",
        "HOME": str(folder),
    }
    answer = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**PATH, **identity, **times},
        check=True,
        capture_output=True,
        text=True,
    )
    return answer.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    _git(folder, "init", "--quiet", "--initial-branch", "main")
    _git(folder, "commit", "--quiet", "--allow-empty", "-m", "first\n\ncommitter <x> 1 +0000")
    return folder


def test_git_knows_the_commit_its_time_and_the_branch(repository: Path) -> None:
    assert facts(repository, PATH) == GitFacts(
        commit=_git(repository, "rev-parse", "HEAD"), commit_time=AT, ref="main"
    )


def test_a_detached_head_has_no_ref(repository: Path) -> None:
    _git(repository, "checkout", "--quiet", "--detach")

    assert facts(repository, PATH).ref is None


def test_a_repository_without_a_commit_has_a_branch_alone(tmp_path: Path) -> None:
    _git(tmp_path, "init", "--quiet", "--initial-branch", "main")

    assert facts(tmp_path, PATH) == GitFacts(ref="main")


def test_outside_of_a_repository_nothing_is_known(tmp_path: Path) -> None:
    assert facts(tmp_path, {**PATH, "GIT_DIR": "/nowhere"}) == GitFacts()


def test_without_git_nothing_is_known(repository: Path) -> None:
    assert facts(repository, {"PATH": "/nonexistent"}) == GitFacts()


def test_gitlabs_variables_come_first(repository: Path) -> None:
    variables = {
        "CI_COMMIT_SHA": SHA,
        "CI_COMMIT_TIMESTAMP": "2023-11-14T23:13:20+01:00",
        "CI_COMMIT_BRANCH": "stable",
    }

    assert facts(repository, {**PATH, **variables}) == GitFacts(commit=SHA, commit_time=AT, ref="stable")


@pytest.mark.parametrize(
    ("variables", "ref"),
    [
        pytest.param({"CI_COMMIT_REF_NAME": "topic"}, "topic", id="a merge request's source branch"),
        pytest.param({"CI_COMMIT_TAG": "v1"}, "v1", id="a tag"),
        pytest.param({"GITHUB_REF_NAME": "topic"}, "topic", id="GitHub"),
        pytest.param({"CI_COMMIT_BRANCH": ""}, "main", id="an empty variable says nothing"),
    ],
)
def test_the_ref_comes_from_the_first_variable_that_says_one(
    repository: Path, variables: dict[str, str], ref: str
) -> None:
    assert facts(repository, {**PATH, **variables}).ref == ref


def test_githubs_commit_gets_its_time_from_git(repository: Path) -> None:
    commit = _git(repository, "rev-parse", "HEAD")

    assert facts(repository, {**PATH, "GITHUB_SHA": commit}).commit_time == AT


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"CI_COMMIT_SHA": "--output=/tmp/x"}, id="an option in place of a commit"),
        pytest.param({"CI_COMMIT_SHA": "0123"}, id="a short commit"),
        pytest.param({"CI_COMMIT_TIMESTAMP": "yesterday"}, id="a time that is none"),
        pytest.param({"CI_COMMIT_TIMESTAMP": "2023-11-14T23:13:20"}, id="a time without a zone"),
    ],
)
def test_a_malformed_variable_says_nothing(repository: Path, variables: dict[str, str]) -> None:
    assert facts(repository, {**PATH, **variables}) == facts(repository, PATH)


def test_a_commit_that_git_does_not_have_has_no_time(repository: Path) -> None:
    assert facts(repository, {**PATH, "CI_COMMIT_SHA": SHA}) == GitFacts(commit=SHA, ref="main")


def test_a_repositorys_configuration_starts_no_program(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    _git(repository, "config", "core.repositoryFormatVersion", "1")
    _git(repository, "config", "extensions.partialClone", "origin")
    for key in (
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "core.editor",
        "gpg.program",
        "credential.helper",
    ):
        _git(repository, "config", key, str(trap))
    _git(repository, "config", "log.showSignature", "true")
    _git(repository, "config", "remote.origin.promisor", "true")
    _git(repository, "config", "remote.origin.url", f"ext::{trap}")
    _git(repository, "config", "protocol.ext.allow", "always")

    facts(repository, {**PATH, "CI_COMMIT_SHA": SHA})
    facts(repository, PATH)

    assert not (tmp_path / "sprung").exists()


@pytest.fixture
def published(repository: Path, tmp_path: Path) -> Iterator[str]:
    """Return the URL of a clone that is served over HTTP."""
    _git(repository, "tag", "v1", "-m", "with a message")
    _git(repository, "tag", "light")
    _git(repository, "commit", "--quiet", "--allow-empty", "-m", "second")
    _git(repository, "branch", "light")
    served = tmp_path / "served" / "r.git"
    _git(repository, "clone", "--quiet", "--mirror", str(repository), str(served))
    _git(served, "update-server-info")
    with web(served.parent) as server:
        yield f"{server.url}/r.git"


@pytest.mark.parametrize(
    ("ref", "revision"),
    [
        pytest.param("", "HEAD", id="default branch"),
        pytest.param("main", "main", id="branch"),
        pytest.param("v1", "v1^{commit}", id="the commit behind a tag with a message"),
        pytest.param("light", "refs/heads/light", id="a branch before a tag of the same name"),
        pytest.param("refs/tags/light", "refs/tags/light", id="written in full"),
    ],
)
def test_the_commit_of_another_repositorys_ref_is_known(
    repository: Path, published: str, ref: str, revision: str
) -> None:
    assert remote_commit(published, ref, PATH) == _git(repository, "rev-parse", revision)


@pytest.mark.parametrize("ref", ["absent", "ma*", "--upload-pack=x"])
def test_a_ref_that_is_not_there_has_no_commit(published: str, ref: str) -> None:
    assert remote_commit(published, ref, PATH) is None


@pytest.mark.parametrize("url", ["ext::touch {}", "file://{}", "--upload-pack=touch {}", "{}"])
def test_only_protocols_of_the_network_are_asked(repository: Path, tmp_path: Path, url: str) -> None:
    path = tmp_path / "touched"

    assert remote_commit(url.format(path), "", PATH) is None
    assert remote_commit(str(repository), "", PATH) is None
    assert not path.exists()
