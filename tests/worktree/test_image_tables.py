"""`[[image]]` tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashtag.errors import DuplicateImage, HashtagError, InvalidReference, SeveralErrors
from hashtag.images.model import Image, Modes
from hashtag.worktree import settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for path in (
        "Dockerfile",
        "docker/web.Dockerfile",
        "docker/web.Dockerfile.dockerignore",
        "tests/a.docker",
        "tests/b.docker",
        "services/x/Dockerfile",
        "services/y/Dockerfile",
        "podman/Containerfile",
        "more/UPPER.docker",
        ".git/Dockerfile",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("FROM scratch\n")
    return tmp_path


def images(project: Path, text: str, repository: str | None = "reg.example/g") -> tuple[Image, ...]:
    (project / "hashtag.toml").write_text(text)
    return settings.load(project, environ={}, overrides={"repository": repository}).images


def error(project: Path, text: str) -> HashtagError:
    with pytest.raises(HashtagError) as caught:
        images(project, text)
    return caught.value


def test_an_image_says_all_about_itself(project: Path) -> None:
    (web,) = images(
        project,
        """
        salt = "for all"
        args = { SHARED = "1", APP_ENV = "dev" }
        [[image]]
        name = "web"
        dockerfile = "docker/web.Dockerfile"
        context = "."
        target = "runtime"
        args = { APP_ENV = "prod", JOBS = 4 }
        labels = { a = "b" }
        platforms = ["linux/amd64", "linux/aarch64", "linux/amd64"]
        contexts = { assets = "./services/", tools = "target:x", base = "docker-image://debian:12" }
        known-as = ["our/{name}", "{name}:*"]
        refresh = "7d"
        modes = "full"
        """,
    )

    assert (web.name, web.dockerfile, web.context, web.target) == (
        "web",
        "docker/web.Dockerfile",
        ".",
        "runtime",
    )
    assert str(web.repository) == "reg.example/g/web"
    assert web.arguments == {"SHARED": "1", "APP_ENV": "prod", "JOBS": "4"}
    assert web.labels == {"a": "b"}
    assert [str(platform) for platform in web.platforms] == ["linux/amd64", "linux/arm64"]
    assert web.contexts == {"assets": "services", "tools": "target:x", "base": "docker-image://debian:12"}
    assert web.known_as == ("our/web", "web:*")
    assert (web.refresh, web.salt, web.modes) == (7 * 86400, "for all", Modes.FULL)
    assert not web.is_discovered


@pytest.mark.parametrize(
    ("table", "name", "dockerfile", "context", "repository"),
    [
        pytest.param(
            'dockerfile = "Dockerfile"', "image", "Dockerfile", ".", "reg.example/g", id="at the top"
        ),
        pytest.param(
            'dockerfile = "Dockerfile"\nname = "web"',
            "web",
            "Dockerfile",
            ".",
            "reg.example/g/web",
            id="at the top, named",
        ),
        pytest.param(
            'dockerfile = "./docker//web.Dockerfile"',
            "web",
            "docker/web.Dockerfile",
            "docker",
            "reg.example/g/web",
            id="named after its file, in its folder",
        ),
        pytest.param(
            'context = "podman"',
            "podman",
            "podman/Containerfile",
            "podman",
            "reg.example/g/podman",
            id="a Containerfile",
        ),
        pytest.param('name = "web"', "web", "Dockerfile", ".", "reg.example/g/web", id="a name alone"),
    ],
)
def test_what_an_image_does_not_say_follows(
    project: Path, table: str, name: str, dockerfile: str, context: str, repository: str
) -> None:
    (image,) = images(project, f"[[image]]\n{table}")

    assert (image.name, image.dockerfile, image.context) == (name, dockerfile, context)
    assert str(image.repository) == repository


@pytest.mark.parametrize(
    ("table", "names"),
    [
        pytest.param('dockerfiles = "tests/*.docker"', ["a", "b"], id="stems"),
        pytest.param('dockerfiles = "services/*/Dockerfile"', ["x", "y"], id="folders"),
        pytest.param('dockerfiles = ["tests/*.docker", "tests/a*"]', ["a", "b"], id="a file is one image"),
        pytest.param('dockerfiles = "**/web.Dockerfile*"', ["web"], id="ignore files are no Dockerfiles"),
        pytest.param('dockerfiles = "**/Dockerfile"', ["image", "x", "y"], id="any depth, without .git"),
    ],
)
def test_a_pattern_lists_images(project: Path, table: str, names: list[str]) -> None:
    assert [image.name for image in images(project, f"[[image]]\n{table}")] == names


def test_a_pattern_at_the_top_of_the_file_lists_images(project: Path) -> None:
    assert [
        image.context for image in images(project, 'dockerfiles = ["tests/*.docker"]\ncontext = "."')
    ] == [".", "."]


def test_without_a_repository_an_image_lives_nowhere(project: Path) -> None:
    assert [image.repository for image in images(project, '[[image]]\nname = "web"', None)] == [None]


@pytest.mark.parametrize(
    ("table", "where", "what", "hint"),
    [
        pytest.param('dokerfile = "x"', "2:1", "unknown key 'dokerfile'", "'dockerfile'", id="a typo"),
        pytest.param('salt = "x"', "1:1", "no Dockerfile", "dockerfile =", id="no Dockerfile"),
        pytest.param(
            'dockerfile = "docker/wbe.Dockerfile"', "2:1", "there is no file", "web.Dockerfile", id="no file"
        ),
        pytest.param(
            'dockerfile = "gone/Dockerfile"\ncontext="."', "2:1", "there is no file", "", id="no folder of it"
        ),
        pytest.param(
            'name = "web"\ncontext = "gone"', "3:1", "there is no folder 'gone'", "", id="no context"
        ),
        pytest.param(
            'dockerfile = "' + "x" * 5000 + '"\nname = "w"',
            "2:1",
            "there is no file",
            "",
            id="a path that is too long",
        ),
        pytest.param(
            'name = "w"\ncontext = "' + "x" * 5000 + '"', "3:1", "there is no folder", "", id="likewise"
        ),
        pytest.param(
            'dockerfiles = "' + "x" * 5000 + '/*"',
            "2:1",
            "no file matches",
            "",
            id="a pattern that is too long",
        ),
        pytest.param('name = "Web"', "2:1", "'Web' cannot be the name", 'name = "web-', id="no name"),
        pytest.param(
            'dockerfile = "more/UPPER.docker"',
            "2:1",
            "'UPPER' cannot be the name",
            "",
            id="no name in a file",
        ),
        pytest.param(
            'dockerfile = "../Dockerfile"', "2:1", "does not lie in the project", "top", id="a file outside"
        ),
        pytest.param(
            'name = "web"\ncontext = "/"', "3:1", "does not lie in the project", "", id="a context outside"
        ),
        pytest.param(
            'dockerfile = "a\\u0000b"', "2:1", "does not lie in the project", "", id="a path with a null"
        ),
        pytest.param(
            'dockerfiles = "/x/*"', "2:1", "does not lie in the project", "", id="a pattern outside"
        ),
        pytest.param('dockerfiles = ""', "2:1", "no file matches", "", id="an empty pattern"),
        pytest.param('dockerfiles = "x*"', "2:1", "no file matches", "", id="a pattern of nothing"),
        pytest.param(
            'dockerfiles = "*"\nname = "x"', "3:1", "exclude each other", "", id="a name for several"
        ),
        pytest.param(
            'name = "web"\nknown-as = ["{x}"]', "3:13", "has no meaning", "{name}", id="a placeholder"
        ),
        pytest.param(
            'name = "w"\ncontexts = { a = "gone" }', "3:14", "there is no folder", "", id="a named context"
        ),
        pytest.param(
            'name = "w"\ncontexts = { a = "https://x" }',
            "3:14",
            "none that can be read",
            "a folder",
            id="a URL",
        ),
        pytest.param(
            'name = "w"\ncontexts = { a = "../x" }', "3:14", "does not lie", "", id="a named context outside"
        ),
        pytest.param(
            'name = "w"\nrefresh = "0d"', "3:1", "a period, not a text", '"7d"', id="a period of nothing"
        ),
        pytest.param('name = "w"\nargs = 1', "3:1", "args has to be a table", "", id="arguments"),
        pytest.param("name = 3", "2:1", "name has to be a text", "", id="a name of a wrong type"),
    ],
)
def test_what_is_wrong_with_an_image_is_named(
    project: Path, table: str, where: str, what: str, hint: str
) -> None:
    caught = error(project, f"[[image]]\n{table}")

    assert caught.where == f"hashtag.toml:{where}"
    assert what in caught.what
    assert hint in caught.hint
    assert caught.status == 2


def test_an_image_that_is_no_table_is_refused(project: Path) -> None:
    assert "has to be a table" in error(project, "image = [3]").what


def test_the_shared_pattern_of_names_is_named_where_it_stands(project: Path) -> None:
    assert error(project, 'known-as = ["{x}"]\n[[image]]\nname = "a"').where == "known-as"


def test_an_image_that_has_no_place_is_refused(project: Path) -> None:
    name = "n" * 245

    assert isinstance(
        error(project, f'[[image]]\ndockerfile = "Dockerfile"\nname = "{name}"'), InvalidReference
    )


def test_two_images_of_one_name_are_refused_with_both_places(project: Path) -> None:
    caught = error(
        project, '[[image]]\ndockerfiles = "tests/*"\n[[image]]\nname = "a"\ndockerfile = "Dockerfile"\n'
    )

    assert isinstance(caught, DuplicateImage)
    assert caught.where == "hashtag.toml:4:1"
    assert "listed already at hashtag.toml:2 (tests/a.docker)" in caught.what


def test_all_wrong_images_are_named_at_once(project: Path) -> None:
    caught = error(project, '[[image]]\nname = "A"\n[[image]]\nname = "B"\n[[image]]\nsalt = 1\nname = 2\n')

    assert isinstance(caught, SeveralErrors)
    assert [each.where for each in caught.errors] == [
        "hashtag.toml:2:1",
        "hashtag.toml:4:1",
        "hashtag.toml:6:1",
        "hashtag.toml:7:1",
    ]
