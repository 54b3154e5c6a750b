"""Reading whole files of the repository: bounded, and below a root without a way out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hashtag.errors import IgnoreError, UnreadableFile
from hashtag.worktree.files import (
    find_dockerfile,
    read_context_rules,
    read_file,
    read_file_inside,
    read_ignore_rules,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with files and links, beside which secrets lie."""
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "root"
    (root / "folder" / "below").mkdir(parents=True)
    (root / "file").write_text("file")
    (root / "folder" / "file").write_text("folder/file")
    (root / "secret").write_text("clamped")
    return root


def test_a_file_is_read_whole(root: Path) -> None:
    assert read_file(root / "file", limit=4) == b"file"


def test_a_link_given_by_name_is_followed_anywhere(root: Path) -> None:
    (root / "link").symlink_to("../secret")

    assert read_file(root / "link", limit=100) == b"secret"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        pytest.param("missing", "no such file", id="missing"),
        pytest.param("folder", "a folder", id="a folder"),
        pytest.param("pipe", "not a file", id="a pipe, which would hold us up"),
        pytest.param("file", "longer than 3 bytes", id="too long"),
        pytest.param("file/below", "not a directory", id="below a file"),
        pytest.param("circle", "too many levels", id="a circle of links"),
    ],
)
def test_what_cannot_be_read_is_named(root: Path, name: str, what: str) -> None:
    os.mkfifo(root / "pipe")
    (root / "circle").symlink_to("circle")

    for read in (lambda: read_file(root / name, limit=3), lambda: read_file_inside(root, name, limit=3)):
        with pytest.raises(UnreadableFile) as caught:
            read()
        assert caught.value.where == f"{root}/{name}"
    with pytest.raises(UnreadableFile, match=what):
        read_file(root / name, limit=3)


@pytest.mark.parametrize(
    ("target", "content"),
    [
        pytest.param("file", b"file", id="beside it"),
        pytest.param("folder/below/../file", b"folder/file", id="through folders"),
        pytest.param("/folder/file", b"folder/file", id="an absolute target starts at the root"),
        pytest.param("../../secret", b"clamped", id="no dots lead out"),
        pytest.param("./folder//./file", b"folder/file", id="written strangely"),
    ],
)
def test_a_link_inside_a_root_stays_inside(root: Path, target: str, content: bytes) -> None:
    (root / "link").symlink_to(target)
    (root / "folder" / "link").symlink_to("../link")

    assert read_file_inside(root, "link", limit=100) == content
    assert read_file_inside(root, "folder/link", limit=100) == content


@pytest.mark.parametrize("path", ["", ".", "folder", "folder/..", "missing/file", "dangling", "file/below"])
def test_a_path_inside_a_root_that_leads_to_no_file_is_an_error(root: Path, path: str) -> None:
    (root / "dangling").symlink_to("nowhere")

    with pytest.raises(UnreadableFile):
        read_file_inside(root, path, limit=100)


def test_the_dockerfile_may_be_written_small(root: Path) -> None:
    (root / "dockerfile").touch()

    assert find_dockerfile(root) == root / "dockerfile"

    (root / "Dockerfile").touch()
    assert find_dockerfile(root) == root / "Dockerfile"


def test_a_folder_without_dockerfile_is_an_error(root: Path) -> None:
    (root / "Dockerfile").mkdir()

    with pytest.raises(UnreadableFile) as caught:
        find_dockerfile(root)

    assert caught.value.where == str(root)
    assert caught.value.hint


def test_without_ignore_files_there_are_no_rules(root: Path) -> None:
    assert read_ignore_rules(root) is None
    assert read_context_rules(root) is None


def test_the_ignore_file_of_the_context_counts_for_any_dockerfile(root: Path) -> None:
    (root / ".dockerignore").write_text("generic")

    for dockerfile in (None, root / "Dockerfile", root / "folder" / "web.Dockerfile"):
        rules = read_ignore_rules(root, dockerfile)
        assert rules is not None
        assert rules.excludes("generic")


@pytest.mark.parametrize("content", ["specific", ""])
def test_the_ignore_file_beside_the_dockerfile_counts_alone(root: Path, content: str) -> None:
    (root / ".dockerignore").write_text("generic")
    (root / "folder" / "web.Dockerfile.dockerignore").write_text(content)

    rules = read_ignore_rules(root, root / "folder" / "web.Dockerfile")

    assert rules is not None
    assert rules.excludes("specific") is bool(content)
    assert not rules.excludes("generic")


def test_the_default_dockerfile_has_its_ignore_file_too(root: Path) -> None:
    (root / "dockerfile").touch()
    (root / "Dockerfile.dockerignore").write_text("specific")

    rules = read_ignore_rules(root)

    assert rules is not None
    assert rules.excludes("specific")


def test_a_named_context_has_its_own_ignore_file_only(root: Path) -> None:
    (root / ".dockerignore").write_text("generic")
    (root / "Dockerfile.dockerignore").write_text("specific")

    rules = read_context_rules(root)

    assert rules is not None
    assert rules.excludes("generic")
    assert not rules.excludes("specific")


@pytest.mark.parametrize(
    ("target", "excluded"),
    [
        pytest.param("folder/file", "folder/file", id="a link within"),
        pytest.param("../secret", "clamped", id="a link out, which stops at the root"),
        pytest.param("nowhere", None, id="a link to nothing"),
        pytest.param("folder", None, id="a link to a folder"),
    ],
)
def test_an_ignore_file_that_is_a_link_is_read_inside_the_context(
    root: Path, target: str, excluded: str | None
) -> None:
    (root / ".dockerignore").symlink_to(target)

    rules = read_ignore_rules(root)

    assert (rules is None) == (excluded is None)
    assert rules is None or rules.excludes(excluded or "")


def test_a_malformed_ignore_file_is_shown_as_the_caller_calls_it(root: Path) -> None:
    (root / ".dockerignore").write_text("\n[")

    with pytest.raises(IgnoreError) as caught:
        read_ignore_rules(root, display=lambda path: f"web/{path.name}")

    assert caught.value.where == "web/.dockerignore:2:1"


@pytest.mark.parametrize("denied", ["file", "folder"])
def test_what_is_denied_is_named(denied: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        path = root / ("file" if denied == "file" else "folder/.dockerignore")
        path.parent.mkdir(exist_ok=True)
        path.write_text("content")
        (root / denied).chmod(0)

        with without_rights():
            for read in (
                lambda: read_file(path, limit=100),
                lambda: read_file_inside(root, str(path.relative_to(root)), limit=100),
            ):
                with pytest.raises(UnreadableFile, match="permission denied"):
                    read()
        (root / denied).chmod(0o755)


def test_an_ignore_file_in_a_folder_that_may_not_be_entered_is_an_error() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / ".dockerignore").write_text("a")
        root.chmod(0o744)

        with without_rights(), pytest.raises(UnreadableFile):
            read_context_rules(root)


@contextmanager
def without_rights() -> Iterator[None]:
    """Be nobody for a while, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
