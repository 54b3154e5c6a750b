"""Listing a build context: what is in it, what ignore rules leave, what cannot be read."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.context.ignore import IgnoreRules
from hashtag.context.listing import Entry, Kind
from hashtag.errors import FileChanged, UnreadableFile
from hashtag.worktree.descent import Descent
from hashtag.worktree.files import list_context, read_listing

_NOBODY = 65534


@contextmanager
def without_rights() -> Iterator[None]:
    """Be nobody for a while, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that everybody may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def plant(root: Path, *paths: str) -> Path:
    """Make files, and folders where a path ends with a slash."""
    for path in paths:
        whole = root / path
        (whole if path.endswith("/") else whole.parent).mkdir(parents=True, exist_ok=True)
        if not path.endswith("/"):
            whole.write_text(path)
    return root


def listed(root: Path, rules: str) -> list[str]:
    return list(read_listing(root, IgnoreRules.parse(rules)))


def test_a_listing_holds_kind_mode_size_and_target(tmp_path: Path) -> None:
    plant(tmp_path, "folder/file")
    (tmp_path / "folder").chmod(0o1751)
    (tmp_path / "folder" / "file").chmod(0o4640)
    (tmp_path / "link").symlink_to("../nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "pipe").chmod(0o600)

    listing = read_listing(tmp_path, name="other")

    assert listing.name == "other"
    assert [
        entry._replace(mode=entry.mode if entry.kind is not Kind.SYMLINK else 0) for entry in listing.values()
    ] == [
        Entry("folder", Kind.FOLDER, 0o1751),
        Entry("folder/file", Kind.FILE, 0o4640, 11),
        Entry("link", Kind.SYMLINK, 0, 0, "../nowhere"),
        Entry("pipe", Kind.FIFO, 0o600),
    ]


def test_a_socket_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")

        assert read_listing(tmp_path)["s"].kind is Kind.SOCKET


@pytest.mark.parametrize(("kind", "target"), [(stat.S_IFCHR, "c:1:3"), (stat.S_IFBLK, "b:1:3")])
def test_a_device_is_listed_by_its_numbers(tmp_path: Path, kind: int, target: str) -> None:
    try:
        os.mknod(tmp_path / "device", kind | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("devices need root and its capabilities")

    assert read_listing(tmp_path)["device"] == Entry("device", Kind.DEVICE, 0o600, 0, target)


def test_entries_stand_in_byte_order_of_their_components(tmp_path: Path) -> None:
    plant(tmp_path, "a/z", "a.txt", "B", "é", "a-b/c")
    (tmp_path / os.fsdecode(b"\xc3")).touch()

    assert list(read_listing(tmp_path)) == ["B", "a", "a/z", "a-b", "a-b/c", "a.txt", "\udcc3", "é"]


def test_a_name_that_is_no_utf8_keeps_its_bytes(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"d\xff")).mkdir()
    (tmp_path / os.fsdecode(b"d\xff/f\xfe")).touch()
    (tmp_path / "link").symlink_to(os.fsdecode(b"\xfd"))

    listing = read_listing(tmp_path)

    assert [path.encode("utf-8", "surrogateescape") for path in listing] == [
        b"d\xff",
        b"d\xff/f\xfe",
        b"link",
    ]
    assert listing["link"].target == "\udcfd"


def test_the_context_itself_may_be_a_link_and_no_other_is_followed(tmp_path: Path) -> None:
    plant(tmp_path, "real/a", "outside/secret")
    (tmp_path / "context").symlink_to("real")
    (tmp_path / "real" / "out").symlink_to("../outside")

    assert list(read_listing(tmp_path / "context")) == ["a", "out"]


@pytest.mark.parametrize(
    ("rules", "paths"),
    [
        pytest.param("", ["a", "a/b", "a/c", "a/c/d.log", "e.log"], id="nothing is excluded"),
        pytest.param("a", ["e.log"], id="a folder"),
        pytest.param("**/*.log", ["a", "a/b", "a/c"], id="a file leaves its folder"),
        pytest.param("*\n!a/b", ["a", "a/b"], id="a folder with something seen again"),
        pytest.param("*\n!a/x", [], id="a folder with nothing seen again"),
        pytest.param("*\n!a/c/d.log", ["a", "a/c", "a/c/d.log"], id="folders on the way down"),
        pytest.param("a/*\n!**/d.log", ["a", "a/c", "a/c/d.log", "e.log"], id="an exception with wildcards"),
        pytest.param("a\n!a/c", ["a", "a/c", "a/c/d.log", "e.log"], id="a whole folder seen again"),
    ],
)
def test_rules_leave_what_buildkit_would_send(tmp_path: Path, rules: str, paths: list[str]) -> None:
    plant(tmp_path, "a/b", "a/c/d.log", "e.log")

    assert listed(tmp_path, rules) == paths


def test_an_excluded_folder_that_holds_something_seen_has_its_own_mode(tmp_path: Path) -> None:
    plant(tmp_path, "a/b", "a/c")
    (tmp_path / "a").chmod(0o700)

    listing = read_listing(tmp_path, IgnoreRules.parse("a\n!a/b"))

    assert listing["a"] == Entry("a", Kind.FOLDER, 0o700)


def test_an_excluded_folder_without_exceptions_is_not_opened(open_folder: Path) -> None:
    plant(open_folder, "a/b", "c")
    (open_folder / "a").chmod(0)

    with without_rights():
        assert listed(open_folder, "a") == ["c"]


def test_an_excluded_folder_with_exceptions_need_not_be_readable(open_folder: Path) -> None:
    plant(open_folder, "a/b", "c")
    (open_folder / "a").chmod(0)

    with without_rights():
        assert listed(open_folder, "a\n!a/b") == ["c"]


@pytest.mark.parametrize(("mode", "named"), [(0, "a"), (0o444, "a/b")])
def test_a_folder_that_may_not_be_read_is_named(open_folder: Path, mode: int, named: str) -> None:
    plant(open_folder, "a/b")
    (open_folder / "a").chmod(mode)

    with without_rights(), pytest.raises(UnreadableFile) as caught:
        read_listing(open_folder)

    assert caught.value.where == f"{open_folder}/{named}"
    assert "ls -ld" in caught.value.hint


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_context_that_is_no_folder_is_an_error(tmp_path: Path, name: str) -> None:
    plant(tmp_path, "file")

    with pytest.raises(UnreadableFile) as caught:
        read_listing(tmp_path / name)

    assert caught.value.where == str(tmp_path / name)


def test_a_path_in_a_message_can_be_printed(tmp_path: Path) -> None:
    missing = tmp_path / os.fsdecode(b"\xff")

    with pytest.raises(UnreadableFile) as caught:
        read_listing(missing)

    assert caught.value.where.encode("utf-8").endswith(rb"\xff")


def test_trees_deeper_than_paths_may_be_long_are_listed(tmp_path: Path) -> None:
    depth = 1500
    name = "folder"
    _dig(tmp_path, name, depth)
    try:
        listing = read_listing(tmp_path)
    finally:
        _fill_in(tmp_path, name, depth)

    assert len(listing) == depth
    assert max(map(len, listing)) > 4096


def test_few_descriptors_are_held_however_deep_one_stands(tmp_path: Path) -> None:
    depth = 300
    _dig(tmp_path, "d", depth)
    before = _open_descriptors()

    with Descent(tmp_path) as descent:
        descent.go_to("/".join(["d"] * depth))
        held = _open_descriptors() - before
        descent.go_to("")

        assert held < 100
        assert os.path.samestat(os.fstat(descent.descriptor), tmp_path.stat())
    assert _open_descriptors() == before


def test_a_folder_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    plant(tmp_path, "context/a/", "outside/secret")

    with Descent(tmp_path / "context") as descent:
        (tmp_path / "context" / "a").rmdir()
        (tmp_path / "context" / "a").symlink_to("../outside")
        with pytest.raises(FileChanged) as caught:
            descent.enter("a")

    assert caught.value.where == f"{tmp_path}/context/a"


def test_a_folder_that_vanishes_is_named(tmp_path: Path) -> None:
    with Descent(tmp_path) as descent, pytest.raises(FileChanged) as caught:
        descent.go_to("gone")

    assert caught.value.where == f"{tmp_path}/gone"


def test_a_folder_that_is_moved_away_while_one_stands_below_it_is_noticed(tmp_path: Path) -> None:
    depth = 100
    _dig(tmp_path / "context", "d", depth)
    (tmp_path / "elsewhere").mkdir()

    with Descent(tmp_path / "context") as descent:
        descent.go_to("/".join(["d"] * depth))
        (tmp_path / "context" / "d" / "d").rename(tmp_path / "elsewhere" / "d")
        with pytest.raises(FileChanged):
            descent.go_to("")


@given(st.data())
def test_a_listing_holds_what_the_rules_do_not_exclude_and_the_folders_above_it(data: st.DataObject) -> None:
    names = st.sampled_from(["a", "b", "c.log"])
    paths = data.draw(st.lists(st.lists(names, min_size=1, max_size=3).map("/".join), max_size=6))
    pattern = st.lists(st.sampled_from(["a", "b", "*", "**", "*.log"]), min_size=1, max_size=3).map("/".join)
    lines = data.draw(st.lists(st.builds("{}{}".format, st.sampled_from(["", "!"]), pattern), max_size=4))
    rules = IgnoreRules.parse("\n".join(lines))
    with tempfile.TemporaryDirectory() as folder:
        plant(Path(folder), *(f"{path}/" for path in paths))

        everything = set(read_listing(Path(folder)))
        seen = {path for path in everything if not rules.excludes(path)}
        above = {
            "/".join(path.split("/")[:count]) for path in seen for count in range(1, path.count("/") + 1)
        }

        assert set(read_listing(Path(folder), rules)) == seen | above


def test_a_context_lists_its_dockerfile_and_ignore_file_as_any_other(tmp_path: Path) -> None:
    plant(tmp_path, "Dockerfile", "a", "b")
    (tmp_path / ".dockerignore").write_text("a")

    assert list_context(tmp_path) == [".dockerignore", "Dockerfile", "b"]


def _open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _dig(root: Path, name: str, depth: int) -> None:
    root.mkdir(exist_ok=True)
    descriptor = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)


def _fill_in(root: Path, name: str, depth: int) -> None:
    """Remove what `_dig` made: pytest's own cleaning knows no such paths."""
    descriptor = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        below = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    for _ in range(depth):
        above = os.open("..", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        os.rmdir(name, dir_fd=above)
        descriptor = above
    os.close(descriptor)
