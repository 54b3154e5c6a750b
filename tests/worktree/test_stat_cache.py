"""The stat cache changes how much is read, never what is found, and believes nobody but its owner."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashtag.context.fileset import FileSet
from hashtag.images.model import Modes
from hashtag.worktree.hashing import settled_before
from hashtag.worktree.stat_cache import StatCache, record
from hashtag.worktree.views import View, Views, Whole
from hashtag.worktree.walk import read_tree

_VIEWS = Views([View("", None)], [Whole(0, "", Modes.GIT)])
_STAMP = (1, 2, 3, 4, 5)
_DIGEST = "ab" * 32


def read(root: Path, cache: Path | None) -> FileSet | None:
    known = None if cache is None else StatCache.open(cache, root)
    return read_tree(root, _VIEWS, workers=1, cache=known).file_set(0)


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Path, Path]:
    """Return a root of which the cache knows something wrong, and the cache's folder."""
    root, cache = tmp_path / "root", tmp_path / "cache"
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "file").write_text("content")
    known = StatCache.open(cache, root)
    known.update({"folder": record([("file", stamp(root / "folder" / "file"), _DIGEST)])}, {}, {})
    return root, cache


def stamp(path: Path) -> tuple[int, int, int, int, int]:
    status = path.lstat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode


def only_file(cache: Path) -> Path:
    (path,) = cache.iterdir()
    return path


def test_a_file_with_the_known_status_is_not_read(filled: tuple[Path, Path]) -> None:
    assert read(*filled) != read(filled[0], None)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: path.write_text("another"), id="written"),
        pytest.param(os.utime, id="touched"),
        pytest.param(lambda path: path.chmod(0o700), id="another mode"),
        pytest.param(lambda path: (path.unlink(), path.write_text("content")), id="another file"),
    ],
)
def test_a_file_with_another_status_is_read(
    filled: tuple[Path, Path], change: Callable[[Path], object]
) -> None:
    change(filled[0] / "folder" / "file")

    assert read(*filled) == read(filled[0], None)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: path.chmod(0o620), id="the group may write it"),
        pytest.param(lambda path: path.parent.chmod(0o777), id="all may write its folder"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1]), id="it is cut off"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"), id="it is damaged"),
        pytest.param(lambda path: path.write_bytes(b""), id="it is empty"),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes().replace(b"cache 1", b"cache 0")),
            id="another version",
        ),
        pytest.param(lambda path: (path.rename(f"{path}~"), path.symlink_to(f"{path}~")), id="it is a link"),
        pytest.param(lambda path: (path.unlink(), os.mkfifo(path, 0o600)), id="it is a pipe"),
    ],
)
def test_what_another_may_have_written_counts_as_empty(filled: tuple[Path, Path], change) -> None:
    change(only_file(filled[1]))

    assert read(*filled) == read(filled[0], None)


def test_the_cache_of_another_user_counts_as_empty(filled: tuple[Path, Path]) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a file away")
    os.chown(only_file(filled[1]), 65534, 65534)

    assert read(*filled) == read(filled[0], None)


def test_what_cannot_be_trusted_is_written_anew(filled: tuple[Path, Path]) -> None:
    root, cache = filled
    only_file(cache).write_bytes(b"nothing that can be read")
    known = StatCache.open(cache, root)
    known.update({"folder": record([("file", _STAMP, _DIGEST)])}, {}, {})

    assert dict(StatCache.open(cache, root).folder("folder")) == {"file": (_STAMP, _DIGEST)}
    assert only_file(cache).stat().st_mode & 0o777 == 0o600


def test_a_file_younger_than_the_scan_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "young").write_text("x")

    read(tmp_path / "root", tmp_path / "cache")

    assert not StatCache.open(tmp_path / "cache", tmp_path / "root").folder("")


def test_a_cache_that_cannot_be_written_is_done_without(filled: tuple[Path, Path]) -> None:
    root, cache = filled
    nowhere = cache / "stat-file" / "cache"
    (cache / "stat-file").write_text("no folder")

    StatCache.open(nowhere, root).update({"": record([("a", _STAMP, _DIGEST)])}, {}, {})

    assert not nowhere.exists()


def test_folders_that_were_not_looked_at_stay_known(filled: tuple[Path, Path]) -> None:
    root, cache = filled
    StatCache.open(cache, root).update(
        {"other": record([("b", _STAMP, _DIGEST)])}, {"folder/large": _STAMP}, {"folder/large": _DIGEST}
    )

    known = StatCache.open(cache, root)

    assert set(known.folder("folder")) == {"file", "large"}
    assert set(known.folder("other")) == {"b"}


def test_a_folder_in_which_nothing_is_known_any_more_is_forgotten(filled: tuple[Path, Path]) -> None:
    root, cache = filled
    StatCache.open(cache, root).update({"folder": record([])}, {}, {})

    assert not StatCache.open(cache, root).folder("folder")


def test_files_of_any_size_are_remembered(tmp_path: Path) -> None:
    root, cache = tmp_path / "root", tmp_path / "cache"
    root.mkdir()
    for name, size in (("small", 3), ("large", 3_000_000)):
        (root / name).write_bytes(bytes(size))
    if not settled_before(root):
        pytest.skip("a file system that may have a clock of its own")
    _age(root)

    first = read(root, cache)

    assert set(StatCache.open(cache, root).folder("")) == {"small", "large"}
    assert read(root, cache) == first == read(root, None)
    before = only_file(cache).stat().st_mtime_ns
    read(root, cache)
    assert only_file(cache).stat().st_mtime_ns == before  # nothing new, nothing written


def _age(root: Path) -> None:
    """Wait until no file in a folder counts as just written."""
    import time

    youngest = max(path.stat().st_ctime for path in root.iterdir())
    time.sleep(max(0.0, youngest + 2.1 - time.time()))


_NAMES = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=9)
_STAMPS = st.tuples(
    st.integers(0, 2**64 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
)
_FILES = st.dictionaries(
    _NAMES, st.tuples(_STAMPS, st.binary(min_size=32, max_size=32).map(bytes.hex)), min_size=1
)


@settings(deadline=None)
@given(st.dictionaries(st.lists(_NAMES, max_size=3).map("/".join), _FILES))
def test_what_is_written_is_read(folders) -> None:
    with tempfile.TemporaryDirectory() as name:
        cache, root = Path(name) / "cache", Path(name)
        records = {
            path: record([(file, *known) for file, known in files.items()]) for path, files in folders.items()
        }
        StatCache.open(cache, root).update(records, {}, {})
        known = StatCache.open(cache, root)

        assert {path: dict(known.folder(path)) for path in folders} == folders


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_passed_over(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        cache, root = Path(name) / "cache", Path(name)
        StatCache.open(cache, root).update({"": record([("a", _STAMP, _DIGEST)])}, {}, {})
        only_file(cache).write_bytes(content)

        assert not StatCache.open(cache, root).folder("")
