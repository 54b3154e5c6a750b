"""--look-in, from one real server to another."""

from __future__ import annotations

import pytest

from cli.conftest import DEBIAN
from cli.test_against_a_server import push
from servers.docker_registry import start_registry

pytestmark = pytest.mark.integration
KNOWN = ("--base", f"debian:12={DEBIAN}")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    running = start_registry(tmp_path_factory.mktemp("other"))
    yield running
    running.stop()


def test_an_image_of_another_server_is_copied_by_apply(hashtag, folder, docker_registry, other):
    ours, upstream = f"{docker_registry.host}/fork", f"{other.host}/upstream"
    where = ("--repository", ours, "--pipeline-tag", "1742", "--look-in", upstream)
    base, web = hashtag("plan", *KNOWN, *where, "-o", "json").json()["images"]
    for image in (base, web):
        push(image["cache_reference"].replace(ours, upstream))

    ran = hashtag("plan", *KNOWN, *where, "--save", "plan.json")
    assert ran.out.count("hit upstream") == 2
    applied = hashtag("apply", "plan.json")

    assert (applied.status, applied.err) == (0, "Tags: 4 moved, 0 right already.\n")
    again = hashtag("plan", *KNOWN, *where, "-o", "json").json()["images"]
    assert [(image["action"], image["reason"]) for image in again] == [("alias", "hit")] * 2
    assert {line.split()[0] for line in other.access_log()} <= {"HEAD", "GET", "POST", "PUT"}
    assert not [line for line in other.access_log() if "1742" in line]


def test_an_image_used_where_it_is_is_named_by_its_digest(
    hashtag, folder, docker_registry, other, monkeypatch
):
    ours, upstream = f"{docker_registry.host}/using", f"{other.host}/used"
    where = ("--repository", ours, "--pipeline-tag", "1742", "--look-in", upstream)
    base, _ = hashtag("plan", *KNOWN, *where, "-o", "json").json()["images"]
    push(base["cache_reference"].replace(ours, upstream))
    monkeypatch.setenv("HASHTAG_ON_UPSTREAM_HIT", "use")

    assert (
        f"HASHTAG_BASE_IMAGE={upstream}/base@sha256:" in hashtag("plan", *KNOWN, *where, "-o", "dotenv").out
    )
