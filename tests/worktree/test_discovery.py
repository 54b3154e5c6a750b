"""Dockerfiles that nobody listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashtag.errors import UnreadableFile
from hashtag.worktree.discovery import Found, discover, distinct


def _tree(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("FROM scratch\n")
    return folder


def test_every_dockerfile_is_found_in_the_order_of_paths(tmp_path: Path) -> None:
    _tree(
        tmp_path,
        "z/Dockerfile",
        "Dockerfile",
        "a/web.Dockerfile",
        "a/b/x.docker",
        "c/Containerfile",
        "a/README",
    )

    assert discover(tmp_path) == (
        Found("Dockerfile", "image"),
        Found("a/b/x.docker", "x"),
        Found("a/web.Dockerfile", "web"),
        Found("c/Containerfile", "c"),
        Found("z/Dockerfile", "z"),
    )


def test_the_context_is_the_dockerfiles_folder(tmp_path: Path) -> None:
    _tree(tmp_path, "Dockerfile", "a/b/x.docker")

    assert [found.context for found in discover(tmp_path)] == [".", "a/b"]


def test_gits_own_folder_and_linked_folders_are_not_entered(tmp_path: Path) -> None:
    _tree(
        tmp_path,
        "project/.git/Dockerfile",
        "project/sub/.git/x.docker",
        "elsewhere/Dockerfile",
        "project/a/Dockerfile",
    )
    (tmp_path / "project" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "project" / "again").symlink_to("a")

    assert [found.dockerfile for found in discover(tmp_path / "project")] == ["a/Dockerfile"]


def test_a_linked_dockerfile_counts_where_it_stays_in_the_project(tmp_path: Path) -> None:
    _tree(tmp_path, "secret", "project/real")
    (tmp_path / "project" / "in.docker").symlink_to("real")
    (tmp_path / "project" / "out.docker").symlink_to("../secret")
    (tmp_path / "project" / "broken.docker").symlink_to("nowhere")
    (tmp_path / "project" / "loop.docker").symlink_to("loop.docker")

    assert [found.dockerfile for found in discover(tmp_path / "project")] == ["in.docker"]


def test_a_folder_of_a_dockerfiles_name_is_none(tmp_path: Path) -> None:
    _tree(tmp_path, "Dockerfile/README", "Dockerfile/inner.docker")

    assert [found.dockerfile for found in discover(tmp_path)] == ["Dockerfile/inner.docker"]


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as caught:
        discover(tmp_path / "gone")

    assert "hashtag.toml" in caught.value.hint


@pytest.mark.parametrize(
    ("paths", "names", "said"),
    [
        pytest.param(["a/Dockerfile", "b/Dockerfile"], ["a", "b"], [], id="names of their own"),
        pytest.param(
            ["services/a/docker/Dockerfile", "services/b/docker/Dockerfile"],
            ["services/a/docker", "services/b/docker"],
            ["would all be the image 'docker'"],
            id="one name for two: both get their paths",
        ),
        pytest.param(
            ["Dockerfile", "docker/image.docker"],
            ["image", "docker/image"],
            ["would all be the image 'image'"],
            id="the image at the top keeps its name",
        ),
        pytest.param(
            ["web.Dockerfile", "web/Dockerfile"],
            ["web"],
            ["would all be the image 'web'", "web/Dockerfile is skipped: web.Dockerfile is called 'web' too"],
            id="one path for two: the first keeps it",
        ),
        pytest.param(
            ["Containerfile", "Dockerfile", "web/Containerfile", "web/Dockerfile", "x/Containerfile"],
            ["image", "web", "x"],
            [
                "Containerfile is skipped: Dockerfile stands beside it; to plan it",
                "web/Containerfile is skipped: web/Dockerfile stands beside it; to plan it",
            ],
            id="both plain names in one folder: Docker's is taken",
        ),
        pytest.param(
            ["Web/Dockerfile"],
            [],
            ["'Web' cannot be the name of an image; to plan it, write in hashtag.toml: [[image]]"],
            id="no valid name",
        ),
    ],
)
def test_each_image_has_a_name_of_its_own(
    tmp_path: Path, paths: list[str], names: list[str], said: list[str]
) -> None:
    named = distinct(discover(_tree(tmp_path, *paths)))

    assert [found.name for found in named.found] == names
    assert len(named.warnings) == len(said)
    assert all(part in warning for part, warning in zip(said, named.warnings, strict=True))


def test_a_name_that_is_not_text_can_be_shown(tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.docker").write_text("FROM scratch\n")

    named = distinct(discover(tmp_path))

    assert named.found == ()
    assert named.warnings[0].encode("utf-8")
