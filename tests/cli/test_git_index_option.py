"""`--git-index`: what `plan`, `hash`, `build` and `run` do with what they remember."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from builders.fake import fake
from hashtag.context.fileset import FileSet
from hashtag.context.uses import CopyUse
from hashtag.images.model import MissingSources, Modes
from hashtag.worktree.cache_file import read_cache, write_cache
from hashtag.worktree.contexts import ContextFolder, Contexts

_SETTLED_SECONDS = 2.2
_LONG_AGO = 1_600_000_000
_TESTS = 6
_FORM = b"hashtag git index 1\n"


class Work(NamedTuple):
    folder: Path
    cache: Path


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> list[Work]:
    """Return work trees that are old enough, each with its images in a layout beside it."""
    found = []
    for _ in range(_TESTS):
        folder = tmp_path_factory.mktemp("work")
        plant(folder / "project")
        found.append(Work(folder / "project", folder / "cache" / "hashtag"))
    time.sleep(_SETTLED_SECONDS)
    return found


@pytest.fixture
def work(works: list[Work], monkeypatch: pytest.MonkeyPatch) -> Work:
    """Return one of the work trees, in which the command is run."""
    taken = works.pop()
    monkeypatch.chdir(taken.folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(taken.cache.parent))
    return taken


def plant(folder: Path) -> None:
    folder.mkdir()
    texts = {
        "hashtag.toml": (
            'repository = "oci-layout:../store"\n[[image]]\nname = "app"\ndockerfile = "Dockerfile"\n'
        ),
        "Dockerfile": "FROM scratch\nCOPY . /\n",
        ".dockerignore": ".git\nplan.json\n",
        "motd": "hello\n",
        "plan.json": "",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        os.utime(folder / name, (_LONG_AGO, _LONG_AGO))
    for arguments in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)


def remembered(work: Work) -> Path:
    (path,) = work.cache.glob("git-*")
    return path


def belie(work: Work) -> None:
    """Let another content be remembered."""
    context = ContextFolder(work.folder, work.folder / ".dockerignore")
    contexts, use = Contexts(workers=1), CopyUse("", ".")
    contexts.select(context, {use: None}, MissingSources.ERROR, Modes.GIT)
    contexts.hash(context)
    true = contexts.file_set(context, use, Modes.GIT)
    body = read_cache(remembered(work), _FORM)
    assert true.digest.encode() in body
    lie = FileSet("ab" * 32, true.count, true.size)
    write_cache(remembered(work), _FORM, body.replace(true.digest.encode(), lie.digest.encode()))


def tag_of(hashtag, *more: str) -> str:
    return hashtag("plan", "-o", "json", *more).json()["images"][0]["cache_tag"]


def test_without_the_option_nothing_is_remembered(hashtag, work: Work) -> None:
    hashtag("plan")

    assert not list(work.cache.glob("git-*"))


def test_a_plan_takes_what_is_remembered_until_something_changes(hashtag, work: Work) -> None:
    true = tag_of(hashtag)
    found = tag_of(hashtag, "--git-index")
    written = remembered(work).stat()
    again = tag_of(hashtag, "--git-index")
    unwritten = remembered(work).stat()
    belie(work)
    believed = tag_of(hashtag, "--git-index")
    (work.folder / "motd").write_text("HELLO\n")
    edited = tag_of(hashtag, "--git-index")

    assert found == again == true
    assert written.st_ino == unwritten.st_ino
    assert believed != true
    assert edited == tag_of(hashtag, "--no-stat-cache")
    assert edited not in (believed, true)


def test_hash_takes_what_is_remembered(hashtag, work: Work) -> None:
    true = hashtag("hash", "--git-index").out
    belie(work)

    assert hashtag("hash", "--git-index").out != true
    assert hashtag("hash").out == true


def test_a_plan_written_into_the_context_where_it_is_ignored_changes_nothing(hashtag, work: Work) -> None:
    for _ in range(2):
        assert hashtag("plan", "--git-index", "-o", "json=plan.json").status == 0
    written = remembered(work).stat()

    assert hashtag("plan", "--git-index", "-o", "json=plan.json").status == 0

    assert remembered(work).stat().st_ino == written.st_ino


@pytest.mark.parametrize("verb", ["build", "run"])
def test_before_a_build_the_files_are_read_in_any_case(
    hashtag, work: Work, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    hashtag("plan", "--git-index")
    belie(work)
    programs = fake(work.folder.parent / "bin")
    programs.buildah()
    (programs.folder / "git").symlink_to(str(shutil.which("git")))
    monkeypatch.setenv("PATH", str(programs.folder))

    ran = hashtag(verb, "--git-index", "--pipeline-tag", "1")

    assert ran.status == 5
