"""What a pipeline costs in which everything exists, as a registry's log tells."""

from __future__ import annotations

import pytest

from cli.conftest import DEBIAN
from cli.test_against_a_server import push

pytestmark = pytest.mark.integration
KNOWN = ("--base", f"debian:12={DEBIAN}")


@pytest.fixture
def everything(hashtag, folder, docker_registry):
    """Return the options that name a repository, and its images, which all exist."""
    repository = f"{docker_registry.host}/{folder.name.replace('_', '-')}"
    where = (*KNOWN, "--repository", repository, "--pipeline-tag", "1742")
    images = hashtag("plan", *where, "-o", "json").json()["images"]
    for image in images:
        push(image["cache_reference"])
    return where, images


def asked(docker_registry, before: int, image) -> list[str]:
    """Return what was asked of an image's repository since then: each method, and `cache` or `1742`."""
    name = f"/v2/{image['cache_reference'].partition('/')[2].rpartition(':')[0]}/"
    lines = (line.partition(" ") for line in docker_registry.access_log()[before:])
    return [
        f"{method} {path.removeprefix(name).replace('manifests/' + image['cache_tag'], 'cache')}"
        for method, _, path in lines
        if path.startswith(name)
    ]


LOOKED_UP = ["HEAD cache"]
TAGGED = ["HEAD manifests/1742", "GET cache", "PUT manifests/1742", "HEAD manifests/1742"]


def test_run_tags_an_image_with_four_requests_and_no_blob(hashtag, everything, docker_registry):
    where, images = everything
    before = len(docker_registry.access_log())

    ran = hashtag("run", *where)

    assert ran.status == 0, ran.err
    assert "Done: 0 built, 2 found, 0 failed." in ran.err
    for image in images:
        assert asked(docker_registry, before, image) == LOOKED_UP + TAGGED


def test_apply_does_so_too(hashtag, everything, docker_registry):
    where, images = everything
    hashtag("plan", *where, "--save", "plan.json")
    before = len(docker_registry.access_log())

    assert hashtag("apply", "plan.json").err == "Tags: 2 moved, 0 right already.\n"
    for image in images:
        assert asked(docker_registry, before, image) == TAGGED


@pytest.mark.parametrize("line", [("run",), ("plan", "--apply")], ids=" ".join)
def test_a_second_time_costs_two_looks_and_nothing_is_written(hashtag, everything, docker_registry, line):
    where, images = everything
    hashtag(*line, *where)
    before = len(docker_registry.access_log())

    assert hashtag(*line, *where).status == 0
    for image in images:
        looks = [*LOOKED_UP, "GET cache", "HEAD manifests/1742"]
        assert asked(docker_registry, before, image) == looks


def test_a_tag_that_another_job_of_the_pipeline_wrote_meanwhile_is_right(
    hashtag, everything, docker_registry
):
    where, _ = everything
    hashtag("plan", *where, "--save", "plan.json")
    hashtag("run", *where)

    again = hashtag("apply", "plan.json")

    assert (again.status, again.err) == (0, "Tags: 0 moved, 2 right already.\n")
