"""Staged folders."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from hashtag.errors import StalePlan, UnsupportedBuild
from hashtag.images.model import Modes
from hashtag.worktree.selected import hash_files
from hashtag.worktree.staging import stage
from hashtag.worktree.walk import read_listing

YEAR_2001 = 1_000_000_000


@pytest.fixture
def context(tmp_path):
    folder = tmp_path / "context"
    (folder / "app/bin").mkdir(parents=True)
    (folder / "app/bin/run").write_text("#!/bin/sh\n")
    (folder / "app/bin/run").chmod(0o4751)
    (folder / "app/notes").write_text("notes")
    (folder / "app/notes").chmod(0o600)
    (folder / "app/link").symlink_to("/outside/of/it")
    (folder / "app").chmod(0o700)
    return folder


def staged(context, target, paths=None, modes=Modes.GIT, after_hashing=lambda: None):
    listing = read_listing(context)
    contents = hash_files(context, listing, listing)
    after_hashing()
    stage(target, context, listing if paths is None else paths, listing, contents, modes)
    return target


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_what_is_selected_is_there_and_nothing_else(context, tmp_path):
    target = staged(context, tmp_path / "staged", ["app", "app/bin", "app/bin/run", "app/link"])

    assert sorted(str(path.relative_to(target)) for path in target.rglob("*")) == [
        "app",
        "app/bin",
        "app/bin/run",
        "app/link",
    ]
    assert (target / "app/bin/run").read_text() == "#!/bin/sh\n"
    assert (target / "app/link").readlink() == Path("/outside/of/it")


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        pytest.param(Modes.GIT, {"app": 0o755, "app/bin/run": 0o4755, "app/notes": 0o644}, id="git"),
        pytest.param(Modes.FULL, {"app": 0o700, "app/bin/run": 0o4751, "app/notes": 0o600}, id="full"),
    ],
)
def test_modes_are_those_that_were_hashed_whatever_the_umask(context, tmp_path, modes, expected):
    before = os.umask(0o077)
    try:
        target = staged(context, tmp_path / "staged", modes=modes)
    finally:
        os.umask(before)

    assert {path: mode(target / path) for path in expected} == expected
    assert mode(target) == 0o755


def test_times_are_kept(context, tmp_path):
    for path in ("app/notes", "app/bin", "app"):
        os.utime(context / path, (YEAR_2001, YEAR_2001))

    target = staged(context, tmp_path / "staged")

    assert {
        path: (target / path).stat().st_mtime for path in ("app/notes", "app/bin", "app")
    } == dict.fromkeys(("app/notes", "app/bin", "app"), YEAR_2001)


def test_a_folder_that_nobody_may_write_to_is_filled_first(context, tmp_path):
    (context / "app/bin").chmod(0o555)

    target = staged(context, tmp_path / "staged", modes=Modes.FULL)

    assert mode(target / "app/bin") == 0o555
    assert (target / "app/bin/run").is_file()


def change(context):
    (context / "app/notes").write_text("other")


def grow(context):
    with (context / "app/notes").open("a") as file:
        file.write("x" * 3_000_000)


def remove(context):
    (context / "app/notes").unlink()


def link(context):
    (context / "app/notes").unlink()
    (context / "app/notes").symlink_to("bin/run")


def fold(context):
    (context / "app/notes").unlink()
    (context / "app/notes").mkdir()


def link_above(context):
    (context / "app").rename(context / "moved")
    (context / "app").symlink_to("moved")


@pytest.mark.parametrize("what", [change, grow, remove, link, fold, link_above])
def test_what_changed_after_it_was_hashed_is_named(context, tmp_path, what):
    with pytest.raises(StalePlan) as caught:
        staged(context, tmp_path / "staged", after_hashing=lambda: what(context))

    assert caught.value.where.startswith(str(context / "app"))
    assert caught.value.status == 5


def test_a_fifo_is_made_and_a_socket_passed_over(tmp_path, monkeypatch):
    context = tmp_path / "context"
    context.mkdir()
    os.mkfifo(context / "fifo")
    monkeypatch.chdir(context)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        target = staged(context, tmp_path / "staged")

    assert stat.S_ISFIFO((target / "fifo").lstat().st_mode)
    assert not (target / "socket").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_made_by_root(tmp_path):
    context = tmp_path / "context"
    context.mkdir()
    try:
        os.mknod(context / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("not even root may here")

    status = (staged(context, tmp_path / "staged") / "null").lstat()

    assert (stat.S_ISCHR(status.st_mode), status.st_rdev) == (True, os.makedev(1, 3))


def test_a_device_is_refused_where_it_cannot_be_made(tmp_path):
    from hashtag.context.listing import Entry, Kind, Listing

    (tmp_path / "context").mkdir()
    listing = Listing({"null": Entry("null", Kind.DEVICE, 0o666, 0, "c:1:3")})

    def refused(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "mknod", refused)  # the system's, not ours
        with pytest.raises(UnsupportedBuild, match="only root"):
            stage(tmp_path / "staged", tmp_path / "context", ["null"], listing, {}, Modes.GIT)


def test_names_that_are_no_utf8_are_kept(tmp_path):
    context = tmp_path / "context"
    context.mkdir()
    (context / os.fsdecode(b"\xff")).write_text("x")

    target = staged(context, tmp_path / "staged")

    assert [os.fsencode(path.name) for path in target.iterdir()] == [b"\xff"]
