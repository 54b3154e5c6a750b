"""`hashtag build` and `hashtag run`, with a builder that makes images of nothing."""

from __future__ import annotations

import json
import time

import pytest

from builders.fake import fake
from hashtag.oci.reference import Reference
from hashtag.registry import Registry

FILES = {
    "hashtag.toml": (
        'repository = "oci-layout:store"\n[[image]]\ndockerfiles = "*/Dockerfile"\nknown-as = ["{name}"]\n'
    ),
    "base/Dockerfile": "FROM scratch\nCOPY motd /\n",
    "base/motd": "hello\n",
    "web/Dockerfile": "FROM base\nCOPY run.sh /\n",
    "web/run.sh": "true\n",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    monkeypatch.chdir(folder)
    programs = fake(tmp_path / "bin")
    programs.buildah()
    monkeypatch.setenv("PATH", str(programs.folder))
    return folder


def held(folder, reference):
    with Registry.from_environment("oci-layout:store", environ={}, layout_root=folder) as registry:
        found = registry.resolve(Reference.parse(reference))
        return str(found.digest) if found else None


def test_run_plans_builds_and_tags(hashtag, project):
    ran = hashtag(
        "run", "--pipeline-tag", "1", "-o", "json", "--save", "../plan.json", "--receipt", "../r.json"
    )

    assert ran.status == 0, ran.err
    assert [image["action"] for image in ran.json()["images"]] == ["build", "build"]
    images = json.loads((project.parent / "r.json").read_text())["images"]
    assert {image["name"]: image["digest"] for image in images} == {
        name: held(project, f"oci-layout:store:{name}:1") for name in ("base", "web")
    }
    assert "base: built, sha256:" in ran.err
    assert ran.err.endswith("Done: 2 built, 0 found, 0 failed.\n")
    assert held(project, "oci-layout:store:plans:h1-plan-1") is not None
    assert (project.parent / "plan.json").exists()


def test_a_second_run_finds_everything(hashtag, project):
    hashtag("run", "--pipeline-tag", "1")

    ran = hashtag("run", "--pipeline-tag", "2")

    assert (ran.status, "Done: 0 built, 2 found, 0 failed." in ran.err) == (0, True)


def test_build_builds_one_image_and_what_it_needs(hashtag, project):
    ran = hashtag("build", "base", "--pipeline-tag", "1")

    assert ran.status == 0, ran.err
    assert held(project, "oci-layout:store:base:1") is not None
    assert held(project, "oci-layout:store:web:1") is None


def test_build_takes_a_saved_plan_and_a_stored_one(hashtag, project):
    hashtag("plan", "--pipeline-tag", "1", "--save", "../plan.json", "-o", "json")

    saved = hashtag("build", "base", "--plan", "../plan.json")
    stored = hashtag("build", "web", "--plan", "pipeline:1")

    assert (saved.status, stored.status) == (0, 0), saved.err + stored.err
    assert held(project, "oci-layout:store:web:1") is not None


def test_a_pipeline_without_a_plan_is_a_usage_error(hashtag, project):
    ran = hashtag("build", "--plan", "pipeline:9")

    assert ran.status == 2
    assert "no plan is stored for pipeline '9'" in ran.err


@pytest.mark.parametrize(
    "option",
    [
        ("--rebuild", "web"),
        ("--salt", "web:x"),
        ("--base", f"debian:12=sha256:{'0' * 64}"),
        ("--bases", "bases.json"),
        ("--at", "2026-01-01T00:00:00Z"),
        ("--replan",),
        ("--deep",),
    ],
    ids=lambda option: option[0],
)
@pytest.mark.parametrize("plan", ["../plan.json", "pipeline:1"], ids=["a file", "a stored plan"])
def test_what_shapes_a_plan_is_refused_beside_one_that_is_made(hashtag, project, plan, option):
    ran = hashtag("build", "--plan", plan, *option)

    assert ran.status == 2
    assert f"error[HT041]: {option[0]} shapes a new plan, and --plan names one that is made" in ran.err


def test_print_shows_the_command_lines_and_does_nothing(hashtag, project):
    hashtag("plan", "--pipeline-tag", "1", "--save", "../plan.json", "-o", "json")
    text = (project.parent / "plan.json").read_text().replace("oci-layout:store:", "registry.example/app/")
    (project.parent / "plan.json").write_text(text.replace("oci-layout:store", "registry.example/app"))

    ran = hashtag("build", "base", "--print", "--builder", "buildah", "--plan", "../plan.json")

    assert ran.status == 0, ran.err
    build, push = ran.out.splitlines()
    assert build.startswith("buildah build --no-cache --format docker --file base/Dockerfile ")
    assert push == "buildah push registry.example/app/base:1"


def test_print_shows_no_line_at_all_where_a_builder_cannot_pin(hashtag, project):
    hashtag("plan", "--pipeline-tag", "1", "--save", "../plan.json", "-o", "json")
    text = (project.parent / "plan.json").read_text().replace("oci-layout:store:", "registry.example/app/")
    (project.parent / "plan.json").write_text(text.replace("oci-layout:store", "registry.example/app"))

    ran = hashtag("build", "--print", "--builder", "docker", "--plan", "../plan.json")

    assert (ran.status, ran.out) == (5, "")
    assert "error[HT072]: docker cannot build 'web': it cannot pin 'base'" in ran.err
    assert "hint: run: hashtag build web" in ran.err


def test_a_failed_image_is_status_1_and_the_others_are_there(hashtag, project):
    (project / "web/Dockerfile").write_text("FROM base\nLABEL a=BROKEN\n")

    ran = hashtag("run", "--pipeline-tag", "1", "--jobs", "2")

    assert ran.status == 1
    assert "web: error[HT071]: buildah ended with status 2" in ran.err
    assert held(project, "oci-layout:store:base:1") is not None


def test_a_changed_file_is_status_5(hashtag, project):
    hashtag("plan", "--pipeline-tag", "1", "--save", "../plan.json", "-o", "json")
    time.sleep(1.1)
    (project / "base/motd").write_text("other\n")

    ran = hashtag("build", "base", "--plan", "../plan.json")

    assert ran.status == 5
    assert ran.err.startswith("base: failed\nbase/motd: error[HT060]: it changed after base was planned\n")


def test_a_changed_file_of_a_parent_is_status_5_for_its_children_too(hashtag, project):
    hashtag("plan", "--pipeline-tag", "1", "--save", "../plan.json", "-o", "json")
    time.sleep(1.1)
    (project / "base/motd").write_text("changed\n")

    ran = hashtag("build", "--plan", "../plan.json")

    assert ran.status == 5
    assert "base/motd: error[HT060]: it changed after base was planned" in ran.err
    assert "web/Dockerfile:1:6: error[HT071]: its parent base is not built\n  1 | FROM base" in ran.err


def test_a_receipt_in_a_context_is_refused(hashtag, project):
    (project / "web/Dockerfile").write_text("FROM base\nCOPY . /\n")

    ran = hashtag("run", "--receipt", "web/receipt.json")

    assert ran.status == 1
    assert "hint: add this line to web/.dockerignore: receipt.json" in ran.err


@pytest.mark.parametrize("jobs", ["0", "many", "257"])
def test_a_number_of_jobs_that_is_none_is_a_usage_error(hashtag, project, jobs):
    ran = hashtag("run", "--jobs", jobs)

    assert (ran.status, "from 1 to 256" in ran.err) == (2, True)


def test_a_secret_is_handed_to_the_builder_by_its_place(hashtag, project):
    ran = hashtag("build", "base", "--pipeline-tag", "1", "--secret", "id=token,src=/run/token")

    assert ran.status == 0, ran.err
    calls = [json.loads(line) for line in (project.parent / "bin/record").read_text().splitlines()]
    build = next(call for call in calls if call[1] == "build")
    assert build[build.index("--secret") + 1] == "id=token,src=/run/token"


def test_credentials_are_never_on_a_builders_command_line(hashtag, project):
    ran = hashtag("build", "base", "--pipeline-tag", "1", "--creds", "ci:s3cret")

    assert ran.status == 0, ran.err
    record = (project.parent / "bin/record").read_text()
    assert "s3cret" not in record
    assert "--authfile" in record
