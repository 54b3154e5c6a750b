"""`hashtag run` with real builders and a real registry."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from attrs import evolve

from e2e.conftest import push_shell

pytestmark = pytest.mark.integration
NAMES = ["base", "middle", "left", "right"]


def outcomes(ran, receipt):
    assert receipt.exists(), ran.err
    images = json.loads(receipt.read_text())["images"]
    return {image["name"]: image["outcome"] for image in images}


def run(project, *argv, tag):
    receipt = project.folder.parent / f"receipt-{tag}.json"
    receipt.unlink(missing_ok=True)
    ran = project("run", "--pipeline-tag", tag, "--receipt", receipt, *argv)
    return ran, outcomes(ran, receipt)


def test_what_is_new_is_built_and_what_exists_is_tagged(project, docker_registry):
    first, built = run(project, tag="1")
    assert (first.status, built) == (0, dict.fromkeys(NAMES, "built")), first.err

    asked = len(docker_registry.access_log())
    second, found = run(project, tag="2")
    log = docker_registry.access_log()[asked:]

    assert (second.status, found) == (0, dict.fromkeys(NAMES, "found")), second.err
    assert [project.digest(name, "2") for name in NAMES] == [project.digest(name, "1") for name in NAMES]
    images = tuple(f"/v2/{project.repository.partition('/')[2]}/{name}/" for name in NAMES)
    assert any(line.partition(" ")[2].startswith(images) for line in log)
    assert not [line for line in log if "/blobs/" in line and line.partition(" ")[2].startswith(images)]

    project.write("images/middle/middle.txt", "another middle\n")
    third, rebuilt = run(project, tag="3")

    assert third.status == 0, third.err
    assert rebuilt == {"base": "found", "middle": "built", "left": "built", "right": "built"}
    assert project.files("middle", "3")["/middle"] == "base\nanother middle\n"
    assert project.files("left", "3")["/left"] == "base\nanother middle\nleft\n"


def test_a_build_gets_what_was_hashed_and_a_stage_keeps_its_body(project):
    ran, _ = run(project, tag="1")

    assert ran.status == 0, ran.err
    right = project.files("right", "1")
    assert right["/stage"] == "the stage\n"
    assert right["/right"] == "base\nmiddle\nright\n"
    assert project.files("base", "1")["/etc/app/settings"] == "colour = blue\n"


def test_a_base_that_moved_after_the_plan_is_still_the_one_that_was_hashed(project):
    plan = project.folder.parent / "plan.json"
    assert project("plan", "--pipeline-tag", "1", "--save", plan).status == 0
    host, _, name = project.repository.partition("/")
    push_shell(f"{host}/outside/{name}:1", "another")

    ran = project("build", "base", "--plan", plan)

    assert ran.status == 0, ran.err
    planned = next(i for i in json.loads(plan.read_text())["images"] if i["name"] == "base")
    assert str(project.digest("base", planned["cache_tag"])) == str(project.digest("base", "1"))
    assert project.files("base", "1")["/greeting"] == "hello"


def test_a_file_edited_after_the_plan_is_named_and_nothing_is_built(buildah_project):
    project, plan = buildah_project, buildah_project.folder.parent / "plan.json"
    assert project("plan", "--pipeline-tag", "1", "--save", plan).status == 0
    time.sleep(1.1)
    project.write("images/base/etc/settings", "colour = red\n")

    ran = project("build", "--plan", plan)

    assert ran.status == 5, ran.err  # its descendants fail for it
    assert "images/base/etc/settings: error[HT060]: it changed after base was planned" in ran.err
    assert project.digest("base", "1") is None
    assert project("build", "base", "--plan", plan).status == 5


def test_a_broken_image_does_not_hold_up_the_others(project):
    project.edit("images/left/Dockerfile", "RUN cat", "RUN false && cat")

    ran, made = run(project, "--jobs", "2", tag="1")

    assert ran.status == 1
    assert made == {"base": "built", "middle": "built", "left": "failed", "right": "built"}
    assert "left: error[HT071]: " in ran.err
    assert project.digest("right", "1") is not None
    assert project.digest("left", "1") is None


def test_what_is_built_from_a_broken_image_is_not_built(buildah_project):
    buildah_project.edit("images/middle/Dockerfile", "RUN cat", "RUN false && cat")

    ran, made = run(buildah_project, tag="1")

    assert ran.status == 1
    assert made == {"base": "built", "middle": "failed", "left": "failed", "right": "failed"}
    assert "images/left/Dockerfile:1:6: error[HT071]: its parent middle is not built" in ran.err


def test_an_interrupt_ends_the_builder(buildah_project):
    buildah_project.edit("images/base/Dockerfile", "RUN echo base", "RUN sleep 61.5 && echo base")
    process = buildah_project.start("run", "--pipeline-tag", "1")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not running("61.5"):
        time.sleep(0.1)

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 130, err
    assert not running("61.5")
    assert buildah_project.digest("base", "1") is None


def running(word):
    """Return the processes that have this word among their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if word.encode() in words:
            found.append(path.parent.name)
    return found


def test_a_tag_that_holds_somebody_elses_image_is_left_alone(buildah_project):
    digest = push_shell(f"{buildah_project.repository}/middle:7")

    ran = buildah_project("run", "--pipeline-tag", "7")

    assert ran.status == 5, ran.err
    assert f"holds {digest}, which this pipeline did not put there" in ran.err
    assert buildah_project.digest("middle", "7") == digest
    assert buildah_project.digest("base", "7") is None


def test_a_pipeline_keeps_its_pins(buildah_project):
    project = buildah_project
    first, _ = run(project, "base", tag="1")
    assert first.status == 0, first.err
    host, _, name = project.repository.partition("/")
    push_shell(f"{host}/outside/{name}:1", "another")

    again, found = run(project, "base", tag="1")
    replanned, built = run(project, "base", "--replan", tag="1")

    assert (found, built) == ({"base": "found"}, {"base": "built"}), again.err + replanned.err
    assert project.files("base", "1")["/greeting"] == "another"


def test_jobs_of_one_image_each_share_the_plan_of_their_pipeline(buildah_project):
    project = buildah_project
    planned = project("plan", "--pipeline-tag", "1", "-o", "json")
    cache_tags = {image["name"]: image["cache_tag"] for image in json.loads(planned.out)["images"]}
    assert project("build", "middle", "--pipeline-tag", "1").status == 0
    assert project.digest("left", "1") is None

    left = project("build", "left", "--pipeline-tag", "1")
    again = project("build", "left", "--plan", "pipeline:1")

    assert left.status == again.status == 0, left.err + again.err
    assert "Done: 1 built" in left.err
    assert "Done: 0 built" in again.err
    for name in ("base", "middle", "left"):
        assert project.digest(name, "1") == project.digest(name, cache_tags[name])


def test_without_a_pipeline_tag_images_get_their_cache_tag_alone(buildah_project):
    ran = buildah_project("run", "base", "-o", "json")

    assert ran.status == 0, ran.err
    (image,) = json.loads(ran.out)["images"]
    assert image["pipeline_reference"] is None
    assert buildah_project.digest("base", image["cache_tag"]) is not None


def test_a_rebuild_replaces_the_image(buildah_project):
    run(buildah_project, "base", tag="1")
    before = buildah_project.digest("base", "1")

    ran, built = run(buildah_project, "base", "--rebuild", "base", "-o", "json", tag="2")

    assert built == {"base": "built"}, ran.err
    (image,) = json.loads(ran.out)["images"]
    after = buildah_project.digest("base", "2")
    assert after != before
    assert buildah_project.digest("base", image["cache_tag"]) == after


def test_images_are_built_into_a_layout_folder(buildah_project):
    project = evolve(buildah_project, repository="oci-layout:../store")
    project.edit(
        "images/base/Dockerfile", "RUN echo", 'SHELL ["/bin/sh", "-ec"]\nHEALTHCHECK CMD true\nRUN echo'
    )
    first, built = run(project, tag="1")
    assert (first.status, built) == (0, dict.fromkeys(NAMES, "built")), first.err

    project.write("images/left/left.txt", "another left\n")
    second, made = run(project, tag="2")

    assert second.status == 0, second.err
    assert made == {"base": "found", "middle": "found", "left": "built", "right": "found"}
    assert project.files("left", "2")["/left"] == "base\nmiddle\nanother left\n"
    assert project.digest("right", "2") == project.digest("right", "1")


def test_docker_builds_into_no_layout_folder(buildah_project, docker):
    project = evolve(buildah_project, repository="oci-layout:../store", environ=docker)

    ran = project("run", "base")

    assert ran.status == 5
    assert "hint: choose another builder: --builder buildah" in ran.err


def test_nothing_is_ignored_twice(project):
    """The context's own `.dockerignore`, which leaves out everything, is a file like any other."""
    project.write("images/all/Dockerfile", "FROM scratch\nCOPY . /all/\n")
    project.write("images/all/Dockerfile.dockerignore", "*.tmp\n")
    project.write("images/all/.dockerignore", "*\n")
    project.write("images/all/kept", "kept\n")
    project.write("images/all/left.tmp", "left out\n")

    ran, _ = run(project, "all", tag="1")

    assert ran.status == 0, ran.err
    assert sorted(project.files("all", "1")) == [
        "/all/.dockerignore",
        "/all/Dockerfile",
        "/all/Dockerfile.dockerignore",
        "/all/kept",
    ]
