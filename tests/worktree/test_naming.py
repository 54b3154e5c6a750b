"""Names of images, and where they live."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.errors import ConfigError, InvalidReference
from hashtag.oci.reference import Repository, check_tag
from hashtag.worktree import naming


@pytest.mark.parametrize(
    ("dockerfile", "short", "long"),
    [
        pytest.param("Dockerfile", "image", "image", id="at the top"),
        pytest.param("Containerfile", "image", "image", id="a Containerfile at the top"),
        pytest.param("web/Dockerfile", "web", "web", id="in a folder"),
        pytest.param("services/a/docker/Containerfile", "docker", "services/a/docker", id="in folders"),
        pytest.param("web.Dockerfile", "web", "web", id="before the extension"),
        pytest.param("docker/Dockerfile.web", "web", "docker/web", id="behind the name"),
        pytest.param("docker/debian10.docker", "debian10", "docker/debian10", id="QEMU's extension"),
        pytest.param("a/b.c.docker", "b.c", "a/b.c", id="a dot in the name"),
        pytest.param("images/recipe", "recipe", "images/recipe", id="a name of no known form"),
    ],
)
def test_an_image_is_named_after_its_dockerfile(dockerfile: str, short: str, long: str) -> None:
    assert naming.stem(dockerfile) == short
    assert naming.long_name(dockerfile) == long


@pytest.mark.parametrize("name", ["Dockerfile", "Containerfile", "a.Dockerfile", "Dockerfile.a", "a.docker"])
def test_these_are_dockerfiles(name: str) -> None:
    assert naming.is_dockerfile(name)


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile.",
        ".docker",
        ".Dockerfile",
        "Dockerfile.dockerignore",
        "a.Dockerfile.dockerignore",
        "dockerfile",
        "Dockerfile.a.dockerignore",
        "docker",
        "xDockerfile",
        "Containerfile.a",
        "Dockerfile.j2",
        "web.Dockerfile.orig",
    ],
)
def test_these_are_no_dockerfiles(name: str) -> None:
    assert not naming.is_dockerfile(name)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        pytest.param("main", "main", id="a valid text is its own slug"),
        pytest.param("stable-8-0", "stable-8-0", id="with dashes"),
        pytest.param("feature/x+y", "feature-x-y-", id="characters that cannot stand in a tag"),
        pytest.param("Main", "main-", id="upper case"),
        pytest.param("-x", "x-", id="a dash in front"),
        pytest.param("x" * 200, "x" * 51 + "-", id="too long"),
    ],
)
def test_a_slug_is_readable(text: str, slug: str) -> None:
    result = naming.slug(text)

    assert result == slug if not slug.endswith("-") else result.startswith(slug)


def test_texts_that_read_alike_have_slugs_that_differ() -> None:
    assert len({naming.slug(text) for text in ("a/b", "a-b", "a_b", "A-B", "a--b")}) == 5


def test_a_text_cannot_pretend_to_be_the_slug_of_another() -> None:
    assert naming.slug(naming.slug("a/b")) != naming.slug("a/b")


@given(st.text())
def test_every_slug_is_a_tag_of_at_most_60_characters(text: str) -> None:
    slug = naming.slug(text)

    assert check_tag(slug)
    assert len(slug) <= 60


@pytest.mark.parametrize(
    ("template", "repository", "result"),
    [
        pytest.param("{repository}/{name}", "reg.example/grp", "reg.example/grp/web", id="the default"),
        pytest.param(
            "{repository}/centos-{name}", "reg.example/g", "reg.example/g/centos-web", id="a prefix"
        ),
        pytest.param("{repository}-{name}", "reg.example/g", "reg.example/g-web", id="no slash"),
        pytest.param("{repository}/{name}", "docker.io/org", "docker.io/org/web", id="a group of Docker Hub"),
        pytest.param(
            "{repository}/{name}",
            "docker.io/library/org",
            "docker.io/org/web",
            id="a group of Docker Hub, parsed",
        ),
        pytest.param("{repository}/{name}", "[::1]:5000", "[::1]:5000/web", id="a host alone"),
        pytest.param("other.example/x/{name}", "reg.example/g", "other.example/x/web", id="a full reference"),
        pytest.param(
            "other.example/x/{name}", None, "other.example/x/web", id="a full reference needs no repository"
        ),
        pytest.param("{repository}/{name}", "oci-layout:reg", "oci-layout:reg:web", id="a layout"),
        pytest.param(
            "{repository}/{name}", "oci-layout:reg:grp", "oci-layout:reg:grp/web", id="a group in a layout"
        ),
    ],
)
def test_a_template_leads_to_a_repository(template: str, repository: str | None, result: str) -> None:
    assert str(naming.repository_of(template, repository, name="web")) == result


def test_without_a_repository_a_template_leads_nowhere() -> None:
    assert naming.repository_of("{repository}/{name}", None, name="web") is None


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("x/{repository}/{name}", id="the repository is not in front"),
        pytest.param("{repository}/{nmae}", id="a misspelt placeholder"),
        pytest.param("reg.example/{nmae}", id="a misspelt placeholder in a full reference"),
    ],
)
def test_a_template_that_leads_nowhere_is_refused(template: str) -> None:
    with pytest.raises(ConfigError):
        naming.repository_of(template, "reg.example/g", name="web")


def test_a_template_of_no_valid_repository_is_refused() -> None:
    with pytest.raises(InvalidReference):
        naming.repository_of("{repository}/UPPER", "reg.example/g", name="web")


def test_a_name_may_have_folders() -> None:
    assert naming.is_name("services/web")
    assert not naming.is_name("Web")
    assert not naming.is_name("")
    assert isinstance(naming.repository_of("{repository}", "reg.example/g"), Repository)
