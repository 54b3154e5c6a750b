"""Hashing the files of a listing: each once, and seen not to change."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.context.listing import Entry, Kind, Listing
from hashtag.errors import FileChanged, UnreadableFile
from hashtag.worktree.files import read_listing
from hashtag.worktree.selected import hash_files

_MIB = 1024 * 1024


def test_files_have_the_sha256_of_their_content(tmp_path: Path) -> None:
    contents = {
        "empty": b"",
        "small": b"abc",
        "a/b/deep": b"deep",
        "a/buffer": os.urandom(128 * 1024),
        "a/more": os.urandom(128 * 1024 + 1),
        "large": os.urandom(_MIB),
        "z/larger": os.urandom(3 * _MIB + 5),
    }
    for path, content in contents.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    listing = read_listing(tmp_path)

    digests = hash_files(tmp_path, listing, listing)

    assert digests == {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}
    assert list(digests) == [path for path in listing if path in contents]


def test_only_selected_files_are_hashed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("a")
    os.mkfifo(tmp_path / "pipe")
    listing = read_listing(tmp_path)

    assert list(hash_files(tmp_path, ["pipe", "link", "folder", "b"], listing)) == ["b"]


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_the_number_of_workers_changes_nothing(tmp_path: Path, workers: int) -> None:
    for number in range(20):
        (tmp_path / str(number)).write_bytes(bytes([number]) * (_MIB + number))
    listing = read_listing(tmp_path)

    assert hash_files(tmp_path, listing, listing, workers=workers) == {
        str(number): hashlib.sha256(bytes([number]) * (_MIB + number)).hexdigest() for number in range(20)
    }


def test_every_hashed_file_is_counted(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"x" * 10)
    (tmp_path / "large").write_bytes(b"x" * 2 * _MIB)
    listing = read_listing(tmp_path)
    seen: list[tuple[int, int]] = []

    hash_files(tmp_path, listing, listing, count=lambda files, size: seen.append((files, size)))

    assert seen == [(1, 10), (1, 2 * _MIB)]


@pytest.mark.parametrize("size", [5, 2 * _MIB])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: path.unlink(), id="it vanishes"),
        pytest.param(lambda path: path.write_bytes(b"other"), id="it shrinks"),
        pytest.param(lambda path: path.write_bytes(b"x" * 3 * _MIB), id="it grows"),
        pytest.param(lambda path: (path.unlink(), path.symlink_to("other")), id="it becomes a link"),
        pytest.param(lambda path: (path.unlink(), os.mkfifo(path)), id="it becomes a pipe"),
        pytest.param(lambda path: (path.unlink(), path.mkdir()), id="it becomes a folder"),
        pytest.param(lambda path: shutil.rmtree(path.parent), id="its folder vanishes"),
    ],
)
def test_a_file_that_is_not_as_listed_is_an_error_that_names_it(tmp_path: Path, size: int, change) -> None:
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    path.write_bytes(b"x" * (size + 1))
    (tmp_path / "folder" / "other").write_bytes(b"x" * (size + 1))
    listing = read_listing(tmp_path)

    change(path)

    with pytest.raises(FileChanged) as caught:
        hash_files(tmp_path, ["folder/file"], listing)
    assert caught.value.where.startswith(f"{tmp_path}/folder")


def test_a_file_below_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("secret")
    (tmp_path / "context" / "folder").symlink_to("../outside")
    listing = Listing({"folder/file": Entry("folder/file", Kind.FILE, 0o644, 6)})

    with pytest.raises(FileChanged):
        hash_files(tmp_path / "context", listing, listing)


def test_a_file_that_is_written_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * 64 * _MIB)
    listing = read_listing(tmp_path)
    is_over = threading.Event()

    def touch() -> None:
        while not is_over.wait(0.002):
            os.utime(path)

    writer = threading.Thread(target=touch)
    writer.start()
    try:
        with pytest.raises(FileChanged, match="large: it changed"):
            hash_files(tmp_path, listing, listing)
    finally:
        is_over.set()
        writer.join()


@pytest.mark.parametrize("size", [3, 2 * _MIB])
def test_a_file_that_may_not_be_read_is_named(size: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "file").write_bytes(b"x" * size)
        (root / "file").chmod(0)
        listing = read_listing(root)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            with pytest.raises(UnreadableFile) as caught:
                hash_files(root, listing, listing)
        finally:
            if is_root:
                os.seteuid(0)

    assert caught.value.where == f"{root}/file"


def test_no_descriptor_is_left_open_by_an_error(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / str(number)).write_bytes(b"x" * _MIB)
    listing = read_listing(tmp_path)
    (tmp_path / "5").write_bytes(b"")
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())

    with pytest.raises(FileChanged):
        hash_files(tmp_path, listing, listing)

    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


@given(
    st.dictionaries(
        st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map("/".join), st.binary(max_size=9)
    )
)
def test_the_order_of_the_selection_is_irrelevant(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for path, content in files.items():
            whole = root / f"{path}.x"
            whole.parent.mkdir(parents=True, exist_ok=True)
            whole.write_bytes(content)
        listing = read_listing(root)

        digests = hash_files(root, reversed(list(listing)), listing)

    assert digests == {f"{path}.x": hashlib.sha256(content).hexdigest() for path, content in files.items()}
