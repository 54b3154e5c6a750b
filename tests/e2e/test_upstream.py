"""`on-upstream-hit = "use"` for real: what another registry holds stays there, and is built upon."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from attrs import evolve

from hashtag.oci.copying import copy_image
from hashtag.oci.reference import Reference
from hashtag.registry import Registry
from servers.docker_registry import start_registry

pytestmark = pytest.mark.integration
USER, PASSWORD = "reader", "up: stream"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """Return another registry, that wants a password."""
    running = start_registry(tmp_path_factory.mktemp("guarded"), htpasswd=(USER, PASSWORD))
    yield running
    running.stop()


def give(project, reference, upstream, environ):
    """Put an image of the project into the other registry, and nothing of it is left in ours."""
    with Registry.from_environment(project.repository, environ=environ) as registry:
        source = Reference.parse(reference)
        held = registry.resolve(source)
        copy_image(registry, source.with_digest(held.digest), upstream.tagged(source.tag))
        return str(held.digest)


def forked(project, guarded):
    """Return the project in a fresh repository, and its `base`, which the other registry alone holds."""
    ran = project("run", "base", "--pipeline-tag", "1", "-o", "json")
    assert ran.status == 0, ran.err
    (image,) = json.loads(ran.out)["images"]
    token = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    environ = {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {guarded.host: {"auth": token}}})}
    name = project.repository.partition("/")[2]
    upstream = Reference.parse(f"{guarded.host}/{name}/base:x").repository
    digest = give(project, image["cache_reference"], upstream, environ)
    environ |= {"HASHTAG_LOOK_IN": f"{guarded.host}/{name}", "HASHTAG_ON_UPSTREAM_HIT": "use"}
    fork = evolve(project, repository=f"{project.repository}/fork", environ={**project.environ, **environ})
    return fork, f"{upstream}@{digest}"


def test_a_parent_is_read_where_it_is_with_its_login_and_never_written(project, docker_registry, guarded):
    project, base = forked(project, guarded)
    asked, asked_there = len(docker_registry.access_log()), len(guarded.access_log())

    ran = project("run", "--pipeline-tag", "2", "--receipt", "../receipt.json", "-o", "dotenv")

    assert ran.status == 0, ran.err
    assert f"HASHTAG_BASE_IMAGE={base}\n" in ran.out
    images = {
        i["name"]: i for i in json.loads((project.folder.parent / "receipt.json").read_text())["images"]
    }
    assert {name: image["outcome"] for name, image in images.items()} == {
        "base": "found",
        "middle": "built",
        "left": "built",
        "right": "built",
    }
    assert f"{images['base']['upstream']}@{images['base']['digest']}" == base
    assert project.files("middle", "2")["/middle"] == "base\nmiddle\n"
    assert project.files("right", "2")["/stage"] == "the stage\n"
    writing = ("PUT", "POST", "PATCH", "DELETE")
    ours = f"/v2/{project.repository.partition('/')[2]}/base/"
    log = docker_registry.access_log()[asked:]
    assert not [line for line in log if line.startswith(writing) and f" {ours}" in line]
    assert not [line for line in guarded.access_log()[asked_there:] if line.startswith(writing)]


def test_a_saved_plan_and_a_promotion_agree_with_it(buildah_project, guarded):
    project, base = forked(buildah_project, guarded)
    plan, receipt = project.folder.parent / "plan.json", project.folder.parent / "receipt.json"
    assert project("plan", "middle", "--pipeline-tag", "3", "--save", plan).status == 0
    stranger = {name: value for name, value in project.environ.items() if name != "DOCKER_AUTH_CONFIG"}

    denied = evolve(project, environ=stranger)("build", "--plan", plan)
    built = project("build", "--plan", plan, "--receipt", receipt)
    applied = project("apply", plan)

    # Not to be let in is not to find nothing.
    assert (denied.status, "built" in denied.err) == (3, False), denied.err
    assert (built.status, applied.status) == (0, 0), built.err + applied.err
    assert project.digest("base", "3") is None

    promoted = project("promote", "--plan", plan, "--receipt", receipt, "latest")

    assert promoted.status == 0, promoted.err
    assert f"published from a copy of {base}" in promoted.err
    assert str(project.digest("base", "latest")) == base.partition("@")[2]
    assert project.digest("middle", "latest") == project.digest("middle", "3")
