"""One commit has one fingerprint, however, wherever and by whom it was checked out."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import hashtag
from project.projects import REPOSITORY, open_project, registry_with_base, write

_FILES = {
    ".dockerignore": ".git\n*.log\nnode_modules\n!node_modules/keep\n",
    "Dockerfile": "FROM scratch AS build\nCOPY --chown=1:1 src /src\n"
    "RUN --mount=source=scripts,target=/scripts /scripts/make\n"
    "FROM scratch\nCOPY --from=build /src /\nCOPY . /all/\nCOPY *.txt ı/* İ/* /t/\nWORKDIR /srv\n",
    "a.log": "ignored\n",
    "a.txt": "a\n",
    "b.txt": "line\r\nends\r\n",
    "scripts/make": "#!/bin/sh\n",
    "src/I.py": "upper\n",
    "src/i.py": "lower\n",
    "src/ı.py": "without a dot\n",
    "ı/İ": "with a dot\n",
    "İ/é": "composed\n",
    "İ/e\u0301": "decomposed\n",
    "src/a/b/c/d": "deep\n",
    "src/a-b": "before a/ in some orders\n",
    "src/a.b": "and this\n",
    "src/ leading": "a blank\n",
    "web/Dockerfile": f"FROM {REPOSITORY}\nCOPY page /\n",
    "web/page": "<p>\n",
}
_EXECUTABLE = ["scripts/make", "src/i.py"]
_LINKS = {"src/link": "a/b", "src/up": "../a.txt", "current.txt": "src/i.py"}
_UMASKS = [0o000, 0o002, 0o022, 0o077]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with one commit."""
    folder = plant(tmp_path_factory.mktemp("origin"), _FILES)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "core.autocrlf", "false")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "-q", "-m", "all")
    return folder


@pytest.fixture(scope="module")
def expected(origin: Path) -> dict[str, str]:
    return tags(origin)


def plant(folder: Path, order: Iterable[str]) -> Path:
    """Write the tree, its files in this order."""
    for path in order:
        write(folder, {path: ""})
        (folder / path).write_bytes(_FILES[path].encode())
        (folder / path).chmod(0o755 if path in _EXECUTABLE else 0o644)
    for path, target in _LINKS.items():
        (folder / path).symlink_to(target)
    return folder


def git(folder: Path, *words: str, umask: int = -1) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, umask=umask, env=environ)


def clone(origin: Path, folder: Path, umask: int = 0o022) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    git(folder.parent, "clone", "-q", str(origin), str(folder), umask=umask)
    return folder


def tags(folder: Path) -> dict[str, str]:
    """Return what the library and a plan make of a checkout."""
    plan = open_project(folder).plan(registry_with_base())
    return {
        "alone": hashtag.fingerprint(folder).tag,
        **{action.name: action.target.cache_tag for action in plan},
    }


@pytest.mark.parametrize("umask", _UMASKS, ids=[f"{umask:04o}" for umask in _UMASKS])
def test_the_umask_of_a_clone_does_not_count(
    origin: Path, expected: dict[str, str], tmp_path: Path, umask: int
) -> None:
    folder = clone(origin, tmp_path / "clone", umask)

    assert stat.S_IMODE((folder / "src").stat().st_mode) == 0o777 & ~umask
    assert tags(folder) == expected


def test_all_mode_bits_count_where_asked(origin: Path, tmp_path: Path) -> None:
    found = {
        hashtag.fingerprint(clone(origin, tmp_path / f"{umask:o}", umask), modes="full").tag
        for umask in _UMASKS
    }

    assert len(found) == len(_UMASKS)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_does_not_count(origin: Path, expected: dict[str, str], tmp_path: Path) -> None:
    """And git, which does not trust a checkout of somebody else's, is no reason to stop."""
    folder = clone(origin, tmp_path / "clone")
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, 1234, 4321, follow_symlinks=False)

    assert tags(folder) == expected


@pytest.mark.parametrize("time", [0, 1, 2**31 + 1, 2**32 + 7])
def test_times_do_not_count(origin: Path, expected: dict[str, str], tmp_path: Path, time: int) -> None:
    folder = clone(origin, tmp_path / "clone")
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (time, time), follow_symlinks=False)

    assert tags(folder) == expected


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("a", id="short"),
        pytest.param("/".join(["deep"] * 40), id="deep"),
        pytest.param("a b/ü/[x]*?/!y/#z", id="of characters that mean something elsewhere"),
        pytest.param("tests/node_modules/a.log", id="of names that are ignored in it"),
    ],
)
def test_the_path_of_a_checkout_does_not_count(
    origin: Path, expected: dict[str, str], tmp_path: Path, path: str
) -> None:
    assert tags(clone(origin, tmp_path / path)) == expected


def test_a_link_to_a_checkout_is_the_checkout(origin: Path, expected: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(origin)

    assert tags(tmp_path / "link") == expected


@pytest.mark.parametrize(
    "copy",
    [
        pytest.param(lambda source, target: shutil.copytree(source, target, symlinks=True), id="a copy"),
        pytest.param(lambda source, target: plant(target, reversed(_FILES)), id="last file first"),
        pytest.param(lambda source, target: plant(target, sorted(_FILES)), id="by name"),
        pytest.param(
            lambda source, target: git(source, "worktree", "add", "-q", "-f", "--detach", str(target)),
            id="a worktree",
        ),
        pytest.param(
            lambda source, target: git(
                source.parent, "clone", "-q", "--depth=1", f"file://{source}", str(target)
            ),
            id="a shallow clone",
        ),
    ],
)
def test_how_the_files_came_there_does_not_count(
    origin: Path, expected: dict[str, str], tmp_path: Path, copy: Callable[[Path, Path], object]
) -> None:
    copy(origin, tmp_path / "copy")

    assert tags(tmp_path / "copy") == expected


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="there is no file system in memory")
def test_the_order_of_another_file_system_does_not_count(expected: dict[str, str]) -> None:
    """A tmpfs lists what came last first, others by a hash of the name."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        found = [
            tags(plant(Path(folder, name), order))
            for name, order in (("a", _FILES), ("b", reversed(_FILES)), ("c", sorted(_FILES)))
        ]

    assert found == [expected] * 3


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"LC_ALL": "C"}, id="the C locale"),
        pytest.param({"LC_ALL": "C.UTF-8"}, id="a locale of UTF-8"),
        pytest.param({"LC_ALL": "tr_TR.UTF-8"}, id="Turkish, where i and I are two letters"),
        pytest.param(
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, id="names of files in ASCII alone"
        ),
        pytest.param({"PYTHONHASHSEED": "0"}, id="sets and dicts without a seed"),
        pytest.param({"PYTHONHASHSEED": "1742"}, id="sets and dicts with a seed"),
        pytest.param({"TZ": "Asia/Kolkata"}, id="another time zone"),
        pytest.param({"HOME": "/nonexistent", "USER": ""}, id="nobody"),
        pytest.param(
            {"DOCKER_DEFAULT_PLATFORM": "linux/arm64", "HTTP_PROXY": "http://a"}, id="a builder's settings"
        ),
    ],
)
def test_the_process_does_not_count(
    origin: Path, expected: dict[str, str], tmp_path: Path, environ: dict[str, str]
) -> None:
    folder = clone(origin, tmp_path / "clone")
    command = [sys.executable, "-m", "hashtag", "-C", str(folder), "hash"]
    answer = subprocess.run(
        command, env={"PATH": os.environ["PATH"], **environ}, capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == expected["alone"]


def test_what_git_keeps_does_count(origin: Path, expected: dict[str, str], tmp_path: Path) -> None:
    """The owner's x bit and the text of a link."""
    folder = clone(origin, tmp_path / "clone")
    (folder / "src/i.py").chmod(0o644)
    changed = tags(folder)
    (folder / "src/i.py").chmod(0o755)
    (folder / "src/link").unlink()
    (folder / "src/link").symlink_to("a")

    assert len({tags(folder)["alone"], changed["alone"], expected["alone"]}) == 3
