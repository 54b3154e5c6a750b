"""What git lets one remember is used only while it is true: after any change the walk's result is found.

What is remembered here is wrong, so that it can be told whether it was used.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hashtag import __version__
from hashtag.context.fileset import FileSet
from hashtag.context.uses import CopyUse
from hashtag.images.model import MissingSources, Modes
from hashtag.worktree.cache_file import read_cache, write_cache
from hashtag.worktree.contexts import ContextFolder, Contexts
from hashtag.worktree.differences import asked_early
from hashtag.worktree.ignorefile import find_ignore_file, read_rules
from hashtag.worktree.memories import Memories
from hashtag.worktree.views import View, Views

_SETTLED_SECONDS = 2.2
_LIE = FileSet("ab" * 32, 1, 1)
_ALL = CopyUse("", ".")
_LONG_AGO = 1_600_000_000
_EXAMPLES = 60
_IGNORED = ".git\nbuild\n**/*.log\nignored\n!ignored/kept\n!ignored/later\n"

Change = Callable[[Path], object]


def git(root: Path, *arguments: str) -> str:
    environ = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "HOME": str(root),
    }
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always")
    command = ["git", *identity, *arguments]
    done = subprocess.run(command, cwd=root, env=environ, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def plant(root: Path, *options: str) -> None:
    """Make a work tree with a commit; its files are old, so that none is as young as the index."""
    texts = {
        "Dockerfile": "FROM scratch\nCOPY . /\n",
        ".dockerignore": _IGNORED,
        ".gitignore": "*.pyc\nbuild\n",
        "a": "a\n",
        "b": "two\n",
        "sub/c": "three\n",
        "sub/deep/d": "four\n",
        "ignored/kept": "five\n",
        "ignored/other": "six\n",
        "sub/e.log": "seven\n",
    }
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "link").symlink_to("a")
    git(root, "init", "--quiet", "--template=", "--initial-branch", "main", *options)
    grow_old(root)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")


def grow_old(root: Path) -> None:
    for path in root.rglob("*"):
        if ".git" not in path.relative_to(root).parts:
            os.utime(path, (_LONG_AGO, _LONG_AGO), follow_symlinks=False)


def context_of(root: Path) -> ContextFolder:
    return ContextFolder(root, find_ignore_file(root))


def look(root: Path, cache: Path | None, modes: Modes = Modes.GIT) -> FileSet:
    """Return the file set of a context as a run finds it."""
    contexts = Contexts(git_index=cache, workers=1)
    return look_with(contexts, root, modes)


def look_with(contexts: Contexts, root: Path, modes: Modes = Modes.GIT) -> FileSet:
    context = context_of(root)
    contexts.expect(context, [_ALL], modes)
    contexts.select(context, {_ALL: None}, MissingSources.ERROR, modes)
    contexts.hash(context)
    return contexts.file_set(context, _ALL, modes)


def remember_a_lie(root: Path, cache: Path, modes: Modes = Modes.GIT) -> None:
    """Remember what is wrong, in the state that is there now, if that can be remembered at all."""
    context = context_of(root)
    memories = Memories(cache, os.environ)
    memories.of(context, lambda each: [each]).note(_ALL, modes, _LIE)
    rules = read_rules(context.ignore_file) if context.ignore_file else None
    memories.write(lambda _: Views([View("", rules)]))


# ── the table ────────────────────────────────────────────────────────────────────────────────────


class Case(NamedTuple):
    """A change after something was remembered in a state that was prepared."""

    edit: Change
    prepare: Change = lambda _: None
    modes: Modes = Modes.GIT
    below: str = ""
    options: tuple[str, ...] = ()


def rewrite(path: Path, text: str) -> None:
    """Write a text of the same length, and give the file the times that it had."""
    before = path.stat()
    assert len(text) == before.st_size
    with path.open("r+") as file:
        file.write(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit_a(root: Path) -> None:
    rewrite(root / "a", "A\n")


def set_user_id(root: Path) -> None:
    (root / "a").chmod(0o4644)


def and_status(change: Change) -> Change:
    def both(root: Path) -> None:
        change(root)
        git(root, "status")

    return both


def replace(path: str, make: Change) -> Change:
    def change(root: Path) -> None:
        (root / path).unlink()
        make(root / path)

    return change


def add(path: str, text: str = "new\n") -> Change:
    def change(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    return change


def make_socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # its name may not be long
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path.name)
    finally:
        os.chdir(before)


def marked(*flags: str) -> Change:
    return lambda root: git(root, "update-index", *flags, "a")


def with_submodule(root: Path) -> None:
    other = root.with_name(f"{root.name}-other")
    plant_in(other)
    git(root, "submodule", "--quiet", "add", str(other), "module")
    git(root, "commit", "--quiet", "-m", "module")
    grow_old(root)
    git(root, "status")


def with_hidden_ignore_file(root: Path) -> None:
    git(root, "rm", "--quiet", "--cached", ".dockerignore")
    git(root, "commit", "--quiet", "-m", "hidden")
    with (root / ".dockerignore").open("a") as file:
        file.write(".dockerignore\n")


def with_version_4(root: Path) -> None:
    git(root, "update-index", "--index-version", "4")


def with_filter(root: Path) -> None:
    """Let all contents be the same to git."""
    git(root, "config", "filter.same.clean", "echo a")
    (root / ".gitattributes").write_text("a filter=same\n")
    grow_old(root)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--allow-empty", "-m", "filter")


def with_line_ends(root: Path) -> None:
    (root / ".gitattributes").write_text("* text=auto\n")
    grow_old(root)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "line ends")


def with_lying_monitor(root: Path) -> None:
    """Let a hook say that nothing ever changes, and leave a mark that it was asked."""
    hook = root / ".git" / "monitor"
    hook.write_text(f"#!/bin/sh\ntouch '{root}/.git/asked'\nprintf 'token\\0'\n")
    hook.chmod(0o755)
    git(root, "config", "core.fsmonitor", str(hook))
    git(root, "update-index", "--fsmonitor")
    git(root, "status")
    git(root, "status")
    (root / ".git" / "asked").unlink()


def with_conflict(root: Path) -> None:
    git(root, "checkout", "--quiet", "-b", "other")
    (root / "a").write_text("theirs\n")
    git(root, "commit", "--quiet", "-am", "theirs")
    git(root, "checkout", "--quiet", "main")
    (root / "a").write_text("ours\n")
    git(root, "commit", "--quiet", "-am", "ours")
    with pytest.raises(subprocess.CalledProcessError):
        git(root, "merge", "--quiet", "other")
    grow_old(root)


def with_sloppy_settings(root: Path) -> None:
    for name, value in {
        "core.trustctime": "false",
        "core.checkStat": "minimal",
        "core.fileMode": "false",
        "core.ignoreStat": "true",
        "core.untrackedCache": "true",
        "core.symlinks": "false",
        "diff.ignoreSubmodules": "all",
        "status.showUntrackedFiles": "no",
    }.items():
        git(root, "config", name, value)


def with_second_commit(root: Path) -> None:
    (root / "a").write_text("another\n")
    git(root, "commit", "--quiet", "-am", "second")
    git(root, "checkout", "--quiet", "HEAD~1")
    grow_old(root)
    git(root, "status")


def there_and_back(root: Path) -> None:
    git(root, "checkout", "--quiet", "main")
    git(root, "checkout", "--quiet", "HEAD~1")


def exchange(root: Path) -> None:
    (root / "a").rename(root / "z")
    (root / "b").rename(root / "a")
    (root / "z").rename(root / "b")


def rename_folder(root: Path) -> None:
    (root / "sub").rename(root / "bus")


def put_another_folder_there(root: Path) -> None:
    shutil.copytree(root / "sub", root / "copy", symlinks=True)
    rewrite(root / "copy" / "c", "THREE\n")
    shutil.rmtree(root / "sub")
    (root / "copy").rename(root / "sub")


def put_another_tree_there(root: Path) -> None:
    old = root.with_name(f"{root.name}-old")
    root.rename(old)
    shutil.copytree(old, root, symlinks=True)
    edit_a(root)


def nest_a_repository(root: Path) -> None:
    (root / "nested").mkdir()
    git(root / "nested", "init", "--quiet")
    (root / "nested" / "file").write_text("new\n")


def with_linked_tree(root: Path) -> None:
    linked = root.with_name("linked")
    git(root, "worktree", "add", "--quiet", str(linked))
    grow_old(linked)
    git(linked, "status")


def redirect(root: Path) -> None:
    """Let git find another repository, which knows nothing of any change."""
    other = root.with_name(f"{root.name}-other")
    plant_in(other)
    shutil.rmtree(root / ".git")
    (root / ".git").write_text(f"gitdir: {other}/.git\n")
    edit_a(root)


def put_a_repository_between(root: Path) -> None:
    """Let git find an empty repository first; of the folder that it is in the context sees nothing."""
    git(root.parent, "init", "--quiet")
    rewrite(root / "d", "FOUR\n")


def move_the_work_tree(root: Path) -> None:
    """Let git look elsewhere for the files."""
    other = root.with_name(f"{root.name}-other")
    other.mkdir()
    git(root, "config", "core.worktree", str(other))
    edit_a(root)


_CASES = {
    "content edited, size and mtime as before": Case(edit_a),
    "content edited in a folder below": Case(lambda root: rewrite(root / "sub/deep/d", "FOUR\n")),
    "content edited, then git status": Case(and_status(edit_a)),
    "made executable": Case(lambda root: (root / "a").chmod(0o755)),
    "setuid": Case(set_user_id),
    "setuid, then git status": Case(and_status(set_user_id)),
    "mode of a folder, where all bits count": Case(
        lambda root: (root / "sub").chmod(0o700), modes=Modes.FULL
    ),
    "mode of a file, where all bits count": Case(lambda root: (root / "a").chmod(0o604), modes=Modes.FULL),
    "untracked file": Case(add("new")),
    "untracked file in a tracked folder": Case(add("sub/deep/new")),
    "file that git ignores": Case(add("sub/new.pyc")),
    "file in an ignored folder that an exception shows": Case(
        lambda root: rewrite(root / "ignored/kept", "FIVE\n")
    ),
    "file that an exception shows, deleted": Case(lambda root: (root / "ignored/kept").unlink()),
    "new file that an exception shows": Case(add("ignored/later")),
    "empty folder": Case(lambda root: (root / "empty").mkdir()),
    "empty folder in a tracked one": Case(lambda root: (root / "sub/deep/empty").mkdir()),
    "file deleted": Case(lambda root: (root / "sub/c").unlink()),
    "folder deleted": Case(lambda root: shutil.rmtree(root / "sub")),
    "file replaced by a link": Case(replace("a", lambda path: path.symlink_to("b"))),
    "file replaced by a pipe": Case(replace("a", os.mkfifo)),
    "file replaced by a socket": Case(replace("a", make_socket)),
    "file replaced by a folder": Case(replace("a", Path.mkdir)),
    "link changed": Case(replace("link", lambda path: path.symlink_to("b"))),
    "pipe added, which git never shows": Case(lambda root: os.mkfifo(root / "sub/pipe")),
    "socket added, which git never shows": Case(lambda root: make_socket(root / "sub/socket")),
    ".git added in a tracked folder, which git never shows": Case(
        lambda root: (root / "sub/.git").write_text("gitdir: nowhere\n")
    ),
    "two files exchanged": Case(exchange),
    "folder renamed": Case(rename_folder),
    "folder in place of another": Case(put_another_folder_there),
    "whole tree in place of another": Case(put_another_tree_there),
    "folder replaced by a link to it": Case(
        lambda root: ((root / "sub").rename(root / "build"), (root / "sub").symlink_to("build"))
    ),
    "repository in the work tree": Case(nest_a_repository),
    "edit in a submodule": Case(lambda root: rewrite(root / "module/a", "A\n"), with_submodule),
    "untracked file in a submodule": Case(add("module/sub/new"), with_submodule),
    "assumed to be unchanged": Case(edit_a, marked("--assume-unchanged")),
    "skipped by git": Case(edit_a, marked("--skip-worktree")),
    "intended to be added": Case(
        lambda root: rewrite(root / "new", "NEW\n"),
        lambda root: (add("new")(root), git(root, "add", "--intent-to-add", "new")),
    ),
    "index of version 4": Case(edit_a, with_version_4),
    "index with extended flags": Case(lambda root: rewrite(root / "b", "TWO\n"), marked("--skip-worktree")),
    "filter for which all contents are the same": Case(edit_a, with_filter),
    "line ends that git takes for the same": Case(
        lambda root: (root / "a").write_bytes(b"a\r\n"), with_line_ends
    ),
    "file-system monitor that lies": Case(edit_a, with_lying_monitor),
    "settings that tell git to look at less": Case(edit_a, with_sloppy_settings),
    "modes that git is told to ignore": Case(lambda root: (root / "a").chmod(0o755), with_sloppy_settings),
    "file in conflict": Case(lambda root: (root / "a").write_text("solved\n"), with_conflict),
    "edited and staged": Case(lambda root: (edit_a(root), git(root, "add", "a"))),
    "untracked file that was there": Case(lambda root: rewrite(root / "new", "NEW\n"), add("new")),
    "untracked file that was there, deleted": Case(lambda root: (root / "new").unlink(), add("new")),
    "pipe that was there, its mode": Case(
        lambda root: (root / "pipe").chmod(0o755), lambda root: os.mkfifo(root / "pipe", 0o644)
    ),
    "file that differed before": Case(lambda root: rewrite(root / "a", "NEW\n"), add("a")),
    "file that differed before, as it is committed": Case(lambda root: git(root, "checkout", "a"), add("a")),
    "deleted file, there again": Case(
        lambda root: git(root, "checkout", "sub/c"), lambda root: (root / "sub/c").unlink()
    ),
    ".dockerignore edited": Case(lambda root: (root / ".dockerignore").write_text(".git\n")),
    ".dockerignore edited, size and mtime as before": Case(
        lambda root: rewrite(root / ".dockerignore", _IGNORED.replace("build", "sub/c"))
    ),
    ".dockerignore deleted": Case(lambda root: (root / ".dockerignore").unlink()),
    "ignore file that neither git nor the context sees": Case(
        lambda root: (root / ".dockerignore").write_text(".git\n.dockerignore\n"), with_hidden_ignore_file
    ),
    "untracked ignore file": Case(add("Dockerfile.dockerignore", ".git\na\n")),
    "another commit": Case(lambda root: git(root, "checkout", "--quiet", "main"), with_second_commit),
    "another commit and back": Case(there_and_back, with_second_commit),
    "in a folder of the work tree": Case(lambda root: rewrite(root / "deep/d", "FOUR\n"), below="sub"),
    "another repository in place of this": Case(redirect),
    "repository between the context and its own": Case(put_a_repository_between, below="sub/deep"),
    "another work tree in its settings": Case(move_the_work_tree),
    "without its index": Case(lambda root: ((root / ".git/index").unlink(), edit_a(root))),
    "no repository any more": Case(lambda root: (shutil.rmtree(root / ".git"), edit_a(root))),
}

_STILL = {
    "nothing": Case(lambda root: None),
    "git status": Case(lambda root: git(root, "status")),
    "a branch": Case(lambda root: git(root, "branch", "other")),
    "a lock of another git": Case(lambda root: (root / ".git/index.lock").touch()),
    "a new file that is ignored, in an ignored folder": Case(add("build/new"), add("build/old")),
    "an ignored file replaced by one of its name": Case(
        lambda root: ((root / "new.tmp").write_text("x"), (root / "new.tmp").rename(root / "x.log")),
        add("x.log"),
    ),
    "an index of version 4": Case(lambda root: None, with_version_4),
    "object ids of 32 bytes": Case(lambda root: None, options=("--object-format=sha256",)),
    "a folder of the work tree, another changed": Case(lambda root: edit_a(root.parent), below="sub"),
    "untracked files": Case(lambda root: None, add("new")),
    "a file that differs": Case(lambda root: None, add("a")),
    "a submodule": Case(lambda root: None, with_submodule),
    "a folder that was touched": Case(lambda root: os.utime(root / "sub")),
    "another work tree of the repository": Case(lambda root: None, with_linked_tree, below="../linked"),
}


def plant_in(root: Path, *options: str) -> None:
    root.mkdir()
    plant(root, *options)


# Neither the contexts nor git see it.
_HIDDEN = {
    "ignore file written anew": Case(
        lambda root: (root / ".dockerignore").write_bytes((root / ".dockerignore").read_bytes()),
        with_hidden_ignore_file,
    ),
    "another ignore file": Case(
        lambda root: (root / ".dockerignore").write_text(".git\n.dockerignore\n"), with_hidden_ignore_file
    ),
}


class Prepared(NamedTuple):
    """Where a case was prepared, which is old enough by now to be remembered."""

    root: Path
    cache: Path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Prepared]:
    """Return the work trees of all cases: one wait is enough for them."""
    found = {}
    for name, case in (_CASES | _STILL | _HIDDEN).items():
        folder = tmp_path_factory.mktemp("case")
        repository = folder / "repository"
        plant_in(repository, *case.options)
        case.prepare(repository)
        found[name] = Prepared(repository / case.below, folder / "cache")
    time.sleep(_SETTLED_SECONDS)
    return found


@pytest.mark.parametrize("name", _CASES)
def test_after_a_change_the_walks_result_is_found(prepared: dict[str, Prepared], name: str) -> None:
    (root, cache), case = prepared[name], _CASES[name]
    remember_a_lie(root, cache, case.modes)
    assert look(root, cache, case.modes) == _LIE

    case.edit(root)

    assert look(root, cache, case.modes) == look(root, None, case.modes)
    assert not (root / ".git" / "asked").exists()


@pytest.mark.parametrize("name", _STILL)
def test_while_nothing_changes_that_can_be_seen_no_file_is_read(
    prepared: dict[str, Prepared], name: str
) -> None:
    root, cache = prepared[name]
    remember_a_lie(root, cache)

    _STILL[name].edit(root)

    assert look(root, cache) == _LIE


# ── what is not remembered ───────────────────────────────────────────────────────────────────────


def with_split_index(root: Path) -> None:
    git(root, "update-index", "--split-index")


def with_sparse_index(root: Path) -> None:
    git(root, "sparse-checkout", "set", "--cone", "--sparse-index", "sub")


def with_file_of_tomorrow(root: Path) -> None:
    """Let git be unsure of a file, and leave a mark when it compares its content."""
    with_filter(root)
    git(root, "config", "filter.same.clean", f"touch '{root}/.git/asked'; echo a")
    tomorrow = time.time() + 86_400
    os.utime(root / "a", (tomorrow, tomorrow))
    git(root, "status")
    (root / ".git" / "asked").unlink()


_NEVER = {
    "a split index": with_split_index,
    "a sparse index": with_sparse_index,
    "a file as young as the index": with_file_of_tomorrow,
    "a damaged index": lambda root: (root / ".git/index").write_bytes(b"DIRC"),
    "a repository without objects": lambda root: shutil.rmtree(root / ".git/objects"),
    "no repository": lambda root: shutil.rmtree(root / ".git"),
}


@pytest.fixture(scope="module")
def unsuitable(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Prepared]:
    """Return work trees that are old enough, and yet not to be remembered."""
    found = {}
    for name, prepare in _NEVER.items():
        folder = tmp_path_factory.mktemp("never")
        plant_in(folder / "repository")
        prepare(folder / "repository")
        found[name] = Prepared(folder / "repository", folder / "cache")
    time.sleep(_SETTLED_SECONDS)
    return found


@pytest.mark.parametrize("name", _NEVER)
def test_where_git_may_not_be_asked_nothing_is_remembered(unsuitable: dict[str, Prepared], name: str) -> None:
    root, cache = unsuitable[name]

    remember_a_lie(root, cache)

    assert not cache.exists()
    assert look(root, cache) == look(root, None)
    assert not (root / ".git" / "asked").exists()


class Pool:
    """Work trees that are old enough to be remembered, each for one use."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder, self._numbers, self._waiting = folder, count(), list[Prepared]()
        self._fill(size)

    def take(self) -> Prepared:
        """Return one of which something wrong is remembered."""
        if not self._waiting:
            self._fill(10)
        root, cache = self._waiting.pop()
        remember_a_lie(root, cache)
        assert look(root, cache) == _LIE
        return Prepared(root, cache)

    def _fill(self, size: int) -> None:
        for _ in range(size):
            folder = self._folder / str(next(self._numbers))
            folder.mkdir()
            plant_in(folder / "repository")
            self._waiting.append(Prepared(folder / "repository", folder / "cache"))
        time.sleep(_SETTLED_SECONDS)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    return Pool(tmp_path_factory.mktemp("pool"), 36 + _EXAMPLES)


@pytest.fixture
def settled(pool: Pool) -> Prepared:
    """Return a work tree of which something wrong is remembered."""
    return pool.take()


def test_what_was_written_a_moment_ago_is_not_remembered(settled: Prepared) -> None:
    root, cache = settled
    shutil.rmtree(cache)
    edit_a(root)

    remember_a_lie(root, cache)

    assert not cache.exists()


def test_what_changes_during_the_walk_is_not_remembered(settled: Prepared) -> None:
    root, cache = settled
    shutil.rmtree(cache)
    contexts = Contexts(git_index=cache, workers=1)
    look_with(contexts, root)
    set_user_id(root)
    (root / "a").chmod(0o644)

    contexts.remember()

    assert not cache.exists()


@pytest.mark.parametrize("name", _HIDDEN)
def test_where_the_ignore_file_may_have_changed_during_the_walk_nothing_is_remembered(
    prepared: dict[str, Prepared], name: str
) -> None:
    root, cache = prepared[name]
    contexts = Contexts(git_index=cache, workers=1)
    look_with(contexts, root)
    _HIDDEN[name].edit(root)

    contexts.remember()

    assert not cache.exists()


def test_a_repository_of_another_user_is_not_trusted(settled: Prepared) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a folder away")
    root, cache = settled
    os.chown(root, 65534, 65534)
    os.chown(root / ".git", 65534, 65534)

    assert look(root, cache) == look(root, None)


@pytest.mark.parametrize(
    "name", ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_CONFIG_PARAMETERS", "GIT_CEILING_DIRECTORIES"]
)
def test_no_variable_leads_git_elsewhere(
    settled: Prepared, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    root, cache = settled
    monkeypatch.setenv(name, "/nowhere")

    assert look(root, cache) == _LIE


def test_without_git_files_are_read(settled: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = settled
    monkeypatch.setenv("PATH", "/nowhere")

    assert look(root, cache) == look(root, None)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("echo 'cannot look at it' >&2", id="it complains"),
        pytest.param("exit 1", id="it fails"),
    ],
)
def test_a_git_that_has_something_to_say_is_not_believed(
    settled: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    root, cache = settled
    (tmp_path / "git").write_text(f'#!/bin/sh\n{line}\nexec {shutil.which("git")} "$@"\n')
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    assert look(root, cache) == look(root, None)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: path.chmod(0o620), id="the group may write it"),
        pytest.param(lambda path: path.parent.chmod(0o777), id="all may write its folder"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"), id="it is damaged"),
        pytest.param(lambda path: path.write_bytes(b""), id="it is empty"),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes().replace(b"index 1", b"index 0")),
            id="another version",
        ),
        pytest.param(lambda path: os.chown(path, 65534, 65534), id="it is another user's"),
    ],
)
def test_what_another_may_have_written_is_not_believed(settled: Prepared, change: Change) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a file away")
    root, cache = settled
    (path,) = cache.glob("git-*")
    change(path)

    assert look(root, cache) == look(root, None)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(struct.pack("<QQ", 2, 0) + b"{}", id="no state"),
        pytest.param(struct.pack("<QQ", 2, 0) + b"[]", id="a list"),
        pytest.param(struct.pack("<QQ", 9, 9) + b"{", id="cut off"),
        pytest.param(struct.pack("<QQ", 2, 0) + b"\xff\xff", id="no text"),
    ],
)
def test_a_file_of_another_form_is_passed_over(settled: Prepared, body: bytes) -> None:
    root, cache = settled
    (path,) = cache.glob("git-*")
    write_cache(path, b"hashtag git index 1\n", body)

    assert look(root, cache) == look(root, None)


def test_what_another_version_found_is_not_believed(settled: Prepared) -> None:
    root, cache = settled
    (path,) = cache.glob("git-*")
    form = b"hashtag git index 1\n"
    body = read_cache(path, form)
    assert body.count(f'"{__version__}"'.encode()) == 1
    write_cache(path, form, body.replace(f'"{__version__}"'.encode(), b'"9.9.9"'))

    assert look(root, cache) == look(root, None)


# ── asked early ──────────────────────────────────────────────────────────────────────────────────


def test_what_git_was_asked_early_is_used_once(settled: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = settled
    with asked_early(cache, root, os.environ):
        monkeypatch.setenv("PATH", "/nowhere")

        assert look(root, cache) == _LIE
        assert look(root, cache) == look(root, None)


def test_git_that_was_asked_early_sees_a_change(settled: Prepared) -> None:
    root, cache = settled
    edit_a(root)
    with asked_early(cache, root, os.environ):
        assert look(root, cache) == look(root, None)


def test_of_another_folder_git_is_asked_again(settled: Prepared, pool: Pool) -> None:
    root, cache = settled
    edit_a(root)
    another = pool.take()
    with asked_early(another.cache, another.root, os.environ):
        assert look(root, cache) == look(root, None)
        assert look(another.root, another.cache) == _LIE


def test_an_index_that_is_not_known_is_not_looked_at_early(settled: Prepared) -> None:
    root, cache = settled
    with_file_of_tomorrow(root)

    with asked_early(cache, root, os.environ):
        time.sleep(0.2)

    assert not (root / ".git" / "asked").exists()


# ── whole runs ───────────────────────────────────────────────────────────────────────────────────


def test_a_run_finds_what_an_earlier_one_did_and_reads_nothing(settled: Prepared) -> None:
    root, cache = settled
    shutil.rmtree(cache)
    counted: list[int] = []
    found = []
    for _ in range(2):
        contexts = Contexts(git_index=cache, progress=lambda files, _: counted.append(files), workers=1)
        found.append(look_with(contexts, root))
        contexts.remember()
        counted.append(-1)

    assert found == [look(root, None)] * 2
    assert counted[-2:] == [-1, -1]
    assert len(counted) > 2


def test_other_questions_are_answered_by_a_walk_and_remembered_too(settled: Prepared) -> None:
    root, cache = settled
    other, context = CopyUse("", "sub/c"), context_of(root)
    for _ in range(2):
        contexts = Contexts(git_index=cache, workers=1)
        contexts.select(context, {other: None, _ALL: None}, MissingSources.ERROR, Modes.GIT)
        contexts.hash(context)
        assert contexts.file_set(context, other, Modes.GIT).size == len("three\n")
        assert contexts.file_set(context, _ALL, Modes.GIT) == _LIE
        assert contexts.takes(context, [other], "sub/c")
        assert not contexts.takes(context, [other], "sub/e.log")
        assert not contexts.takes_all_of(context, [other], "sub")
        contexts.remember()
    counted: list[int] = []
    contexts = Contexts(git_index=cache, workers=1, progress=lambda files, _: counted.append(files))
    assert contexts.takes(context, [other], "sub/c")
    assert not counted


def test_contexts_in_each_other_are_remembered_together(settled: Prepared) -> None:
    root, cache = settled
    shutil.rmtree(cache)
    outer, inner = context_of(root), ContextFolder(root / "sub", None, "inner")

    def found(folder: Path | None) -> list[FileSet]:
        contexts = Contexts(git_index=folder, workers=1)
        for each in (outer, inner):
            contexts.expect(each, [_ALL], Modes.GIT)
        for each in (outer, inner):
            contexts.select(each, {_ALL: None}, MissingSources.ERROR, Modes.GIT)
        sets = [contexts.file_set(each, _ALL, Modes.GIT) for each in (outer, inner)]
        contexts.remember()
        return sets

    before = found(cache)
    (path,) = cache.glob("git-*")
    written = path.stat()

    assert found(cache) == before == found(None)
    assert path.stat().st_ino == written.st_ino  # nothing was new
    # Of this the outer context sees nothing.
    rewrite(root / "sub/e.log", "SEVEN\n")
    assert found(cache) == found(None) != before


# ── any edits ────────────────────────────────────────────────────────────────────────────────────

_PATHS = (
    "a",
    "b",
    "new",
    "sub/c",
    "sub/deep/d",
    "sub/deep/new",
    "sub/e.log",
    "ignored/kept",
    "build/new",
    "link",
)
_EDITS = st.tuples(
    st.sampled_from(
        [
            "write",
            "append",
            "delete",
            "chmod",
            "touch",
            "mkdir",
            "link",
            "pipe",
            "move",
            "add",
            "status",
            "commit",
        ]
    ),
    st.sampled_from(_PATHS),
    st.sampled_from(_PATHS),
)


def write_to(path: Path, how: int, content: bytes) -> None:
    """Write to what is there; a pipe that nobody reads is an error."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | how, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def apply(root: Path, edit: tuple[str, str, str]) -> None:
    """Do something to a work tree; what cannot be done is left."""
    path, other = root / edit[1], root / edit[2]
    match edit[0]:
        case "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            write_to(path, os.O_TRUNC, b"A\n")
        case "append":
            write_to(path, os.O_APPEND, b"more\n")
        case "delete":
            path.unlink()
        case "chmod":
            path.chmod(0o755)
        case "touch":
            os.utime(path, (_LONG_AGO, _LONG_AGO))
        case "mkdir":
            path.mkdir(parents=True)
        case "link":
            path.symlink_to(other)
        case "pipe":
            os.mkfifo(path)
        case "move":
            path.rename(other)
        case "add":
            git(root, "add", "--", edit[1])
        case "status":
            git(root, "status")
        case "commit":
            git(root, "commit", "--quiet", "-am", "more")


@settings(
    deadline=None,
    max_examples=_EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(edits=st.lists(_EDITS, min_size=1, max_size=3))
def test_after_any_edits_only_what_is_true_is_remembered(
    pool: Pool, edits: list[tuple[str, str, str]]
) -> None:
    root, cache = pool.take()
    before = look(root, None)
    for edit in edits:
        with suppress(OSError, subprocess.CalledProcessError):
            apply(root, edit)
    now = look(root, None)

    found = look(root, cache)

    assert found == now or (found == _LIE and now == before)
