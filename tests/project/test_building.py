"""Building a plan, with a builder that makes images of nothing and a layout folder as the registry."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime

import pytest
from attrs import evolve

import hashtag
from builders.fake import fake
from hashtag.builders import find_builder
from hashtag.errors import BuilderMissing, StalePlan, UnknownImage
from hashtag.project.building import BuildOptions, build_plan
from hashtag.project.receipt import Built, Found, NotMade
from hashtag.registry import Registry
from project.projects import write
from servers.web import web

FILES = {
    "base/Dockerfile": "FROM scratch\nCOPY etc /etc\n",
    "base/etc/motd": "hello\n",
    "base/unused": "not copied\n",
    "web/Dockerfile": "# FROM base\nFROM base AS stage\nCOPY run.sh /\nCOPY --from=base /etc /etc\n",
    "web/run.sh": "exec true\n",
    "docs/Dockerfile": "FROM scratch\nCOPY . /\n",
    "docs/.dockerignore": "*.tmp\n",
    "docs/index.html": "<p>hello\n",
    "docs/x.tmp": "ignored\n",
    "hashtag.toml": '[[image]]\ndockerfiles = "*/Dockerfile"\nknown-as = ["{name}"]\n',
}


class Workshop:
    """A project, its registry and its builder."""

    def __init__(self, folder):
        self.folder = write(folder / "project", FILES)
        self.programs = fake(folder / "bin")
        self.programs.buildah()
        self.registry = Registry.from_environment("oci-layout:store", environ={}, layout_root=folder)
        self.environ = self.programs.environ

    @property
    def project(self):
        return hashtag.Project.open(
            self.folder, environ={}, overrides={"repository": "oci-layout:store", "pipeline-tag": "1"}
        )

    def plan(self, **more):
        return self.project.plan(self.registry, **more)

    def build(self, plan, **more):
        return build_plan(
            self.project, plan, self.registry, lambda: find_builder("buildah", self.environ), **more
        )

    def held(self, name, tag):
        found = self.registry.resolve(self.registry.repository.child(name).tagged(tag))
        return found.digest if found else None

    def built(self):
        return [line for line in self.programs.calls if line[1] == "build"]


@pytest.fixture
def workshop(tmp_path):
    return Workshop(tmp_path)


def test_all_is_built_parents_first_and_tagged(workshop):
    plan = workshop.plan()

    receipt = workshop.build(plan)

    assert receipt.of(Built) == tuple(build.name for build in plan.builds)
    assert receipt.of(Built).index("base") < receipt.of(Built).index("web")
    for outcome in receipt.outcomes:
        assert workshop.held(outcome.target.name, "1") == outcome.digest
        assert workshop.held(outcome.target.name, outcome.target.cache_tag) == outcome.digest


def test_what_exists_is_tagged_without_a_builder(workshop):
    workshop.build(workshop.plan())
    plan = workshop.plan(pipeline_tag="2")

    def none():
        raise AssertionError

    receipt = build_plan(workshop.project, plan, workshop.registry, none)

    assert len(receipt.of(Found)) == 3
    assert workshop.held("web", "2") == workshop.held("web", "1")


def test_a_parent_is_named_by_what_was_built_and_a_stage_stays(workshop):
    workshop.build(workshop.plan(images=["web"]))

    _, web = workshop.programs.dockerfiles
    image = "f" * 64  # the builder's name for the parent
    assert web == f"# FROM base\nFROM {image} AS stage\nCOPY run.sh /\nCOPY --from={image} /etc /etc\n"


def test_a_builder_gets_only_what_is_used(workshop, tmp_path):
    seen = tmp_path / "seen"
    body = (
        "import shutil\n"
        f"if words[0] == 'build': shutil.copytree(os.path.dirname(words[-1]), {str(seen)!r}, symlinks=True)\n"
        "sys.exit(1)\n"
    )
    workshop.programs.program("buildah", "if words[0] == '--version': sys.exit(0)\n" + body)

    workshop.build(workshop.plan(images=["docs"]))

    assert sorted(str(path.relative_to(seen)) for path in seen.rglob("*")) == [
        "Dockerfile",
        "Dockerfile.dockerignore",
        "context",
        "context/.dockerignore",
        "context/Dockerfile",
        "context/index.html",
        "no.dockerignore",
    ]


def test_a_broken_image_takes_its_children_along_and_no_others(workshop):
    write(workshop.folder, {"base/Dockerfile": "FROM scratch\nCOPY etc /etc\nLABEL a=BROKEN\n"})

    receipt = workshop.build(workshop.plan())

    assert sorted(receipt.of(NotMade)) == ["base", "web"]
    assert receipt.of(Built) == ("docs",)
    assert [str(error) for error in receipt.errors] == [
        "base: buildah ended with status 2",
        "web/Dockerfile:2:6: its parent base is not built",
    ]
    assert workshop.held("base", "1") is None


def test_a_builder_that_is_too_old_for_a_dockerfile_is_not_started(workshop):
    write(workshop.folder, {"docs/Dockerfile": "FROM scratch\nCOPY <<E /e\ntext\nE\n"})
    workshop.programs.program("buildah", "if words == ['--version']: print('buildah version 1.28.2')")

    receipt = workshop.build(workshop.plan(images=["docs"]))

    (error,) = receipt.errors
    assert (error.code, error.status, error.where) == ("HT072", 5, "docs/Dockerfile:2:1")
    assert workshop.built() == []


def test_several_jobs_build_at_once(workshop):
    receipt = workshop.build(workshop.plan(), options=BuildOptions(jobs=3))

    assert len(receipt.of(Built)) == 3


def test_an_image_that_was_made_since_the_plan_is_not_built_again(workshop):
    plan = workshop.plan()
    workshop.build(plan)
    count = len(workshop.built())

    receipt = workshop.build(plan, aliases=False)

    assert len(receipt.of(Found)) == 3
    assert len(workshop.built()) == count


def test_an_image_that_is_gone_since_the_plan_is_built_again(workshop):
    workshop.build(workshop.plan())
    plan = workshop.plan(pipeline_tag="2")
    index = workshop.folder.parent / "store/index.json"
    document = json.loads(index.read_text())
    document["manifests"] = [m for m in document["manifests"] if "docs" not in json.dumps(m)]
    index.write_text(json.dumps(document))

    receipt = workshop.build(plan)

    assert receipt.of(Built) == ("docs",)
    assert workshop.held("docs", "2") is not None


def test_one_image_is_built_with_the_parents_that_are_missing(workshop):
    plan = workshop.plan()

    first = workshop.build(plan, images=["web"], aliases=False)
    second = workshop.build(plan, images=["docs"], aliases=False)

    assert first.of(Built) == ("base", "web")
    assert second.of(Built) == ("docs",)


def test_a_rebuild_replaces_the_tags(workshop):
    workshop.build(workshop.plan())
    before = {name: workshop.held(name, "1") for name in ("base", "web", "docs")}

    receipt = workshop.build(workshop.plan(pipeline_tag="2", rebuild=["base"]))

    assert sorted(receipt.of(Built)) == ["base", "web"]
    assert receipt.of(Found) == ("docs",)
    for build in ("base", "web"):
        assert workshop.held(build, "2") != before[build]
        assert workshop.held(build, receipt.outcomes[0].target.cache_tag) != before[build]


def test_without_a_pipeline_tag_only_the_cache_tag_is_set(workshop):
    project = hashtag.Project.open(workshop.folder, environ={}, overrides={"repository": "oci-layout:store"})
    plan = project.plan(workshop.registry, images=["base"])

    receipt = workshop.build(plan)

    (outcome,) = receipt.outcomes
    assert list(workshop.registry.tags(outcome.target.repository)) == [outcome.target.cache_tag]


# ── what changed meanwhile ───────────────────────────────────────────────────────────────────────


def earlier(plan):
    """Return a plan as if it had been made an hour ago."""
    moment = datetime.fromisoformat(plan.at).timestamp() - 3600
    return evolve(plan, at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)))


def test_a_changed_file_is_named_and_its_image_not_built(workshop):
    plan = workshop.plan()
    time.sleep(1.1)
    write(workshop.folder, {"web/run.sh": "exec false\n"})

    receipt = workshop.build(plan)

    (error,) = receipt.errors
    assert isinstance(error, StalePlan)
    assert (error.where, error.status) == ("web/run.sh", 5)
    assert receipt.of(NotMade) == ("web",)


def test_a_changed_dockerfile_is_named(workshop):
    plan = workshop.plan()
    write(workshop.folder, {"docs/Dockerfile": "FROM scratch\nCOPY index.html /other\n"})

    (error,) = workshop.build(plan).errors

    assert error.where == "docs/Dockerfile"


def test_a_removed_file_is_named(workshop):
    plan = workshop.plan()
    (workshop.folder / "web/run.sh").unlink()

    (error,) = workshop.build(plan).errors

    assert isinstance(error, StalePlan)
    assert "'run.sh' is not in the build context" in error.what
    assert error.where.startswith("web/Dockerfile:3")


def test_an_image_that_is_no_longer_there_makes_the_plan_stale(workshop):
    plan = workshop.plan()
    (workshop.folder / "docs/Dockerfile").unlink()

    with pytest.raises(StalePlan, match="docs"):
        workshop.build(plan)


def test_a_comment_added_to_a_dockerfile_is_no_change(workshop):
    plan = workshop.plan(images=["base"])
    write(workshop.folder, {"base/Dockerfile": "# a comment\n" + FILES["base/Dockerfile"]})

    assert workshop.build(plan).of(Built) == ("base",)


def test_a_file_that_changes_while_it_is_built_is_named_and_nothing_pushed(workshop):
    edited = workshop.folder / "base/etc/motd"
    workshop.environ = {**workshop.environ, "EDITS": str(edited)}

    receipt = workshop.build(workshop.plan(images=["base"]))

    (error,) = receipt.errors
    assert error.where == "base/etc/motd"
    assert not [line for line in workshop.programs.calls if line[1] == "push"]


def bodies(*contents):
    """Return an answer that gives one body after the other, the last one for ever."""
    left = list(contents)

    def answer(request):
        body = left.pop(0) if len(left) > 1 else left[0]
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


@pytest.mark.parametrize("label", ["fine", "BROKEN"], ids=["the builder takes it", "the builder refuses it"])
def test_a_url_that_gives_something_else_while_it_is_built_is_named_and_nothing_pushed(workshop, label):
    with web(workshop.folder, {"/file": bodies(b"planned", b"planned", b"other")}) as server:
        dockerfile = f"FROM scratch\nADD {server.url}/file /\nLABEL a={label}\n"
        write(workshop.folder, {"docs/Dockerfile": dockerfile})

        receipt = workshop.build(workshop.plan(images=["docs"]))

    (error,) = receipt.errors
    assert (error.code, error.status, error.where) == ("HT060", 5, "docs/Dockerfile:2:1")
    assert error.what == f"ADD {server.url}/file is another content than when docs was planned"
    assert not [line for line in workshop.programs.calls if line[1] == "push"]


def test_a_build_that_fails_for_itself_says_so_beside_a_url(workshop):
    with web(workshop.folder, {"/file": bodies(b"planned")}) as server:
        write(
            workshop.folder, {"docs/Dockerfile": f"FROM scratch\nADD {server.url}/file /\nLABEL a=BROKEN\n"}
        )

        receipt = workshop.build(workshop.plan(images=["docs"]))

    (error,) = receipt.errors
    assert error.code == "HT071"


def test_a_saved_plan_builds_the_same(workshop, tmp_path):
    plan = workshop.plan()
    plan.save(tmp_path / "plan.json")

    receipt = workshop.build(hashtag.Plan.load(tmp_path / "plan.json"))

    assert len(receipt.of(Built)) == 3


# ── what is asked for ────────────────────────────────────────────────────────────────────────────


def test_an_image_that_is_not_in_the_plan_is_unknown(workshop):
    with pytest.raises(UnknownImage) as caught:
        workshop.build(workshop.plan(), images=["wbe"])

    assert caught.value.hint == "did you mean 'web'?"


def test_without_a_builder_nothing_is_done(workshop):
    (workshop.programs.folder / "buildah").unlink()

    with pytest.raises(BuilderMissing):
        workshop.build(workshop.plan())


def test_an_image_that_could_not_be_planned_fails_if_asked_for(workshop):
    write(workshop.folder, {"docs/Dockerfile": "FROM scratch\nCOPY nothing /\n"})
    plan = workshop.plan(keep_going=True)

    assert len(workshop.build(plan).of(Built)) == 2
    with pytest.raises(hashtag.HashtagError, match="could not be planned"):
        workshop.build(plan, images=["docs"])


def test_a_receipt_is_json(workshop):
    write(workshop.folder, {"docs/Dockerfile": "FROM scratch\nLABEL a=BROKEN\n"})
    told = []

    receipt = workshop.build(workshop.plan(), options=BuildOptions(report=told.append))

    images = {image["name"]: image for image in json.loads(receipt.to_json())["images"]}
    assert images["base"]["outcome"] == "built"
    assert images["base"]["digest"] == str(workshop.held("base", "1"))
    assert (images["docs"]["outcome"], images["docs"]["code"]) == ("failed", "HT071")
    assert len(told) == 3


def test_arguments_reach_the_builder_from_the_settings_not_from_the_plan(workshop, tmp_path):
    write(
        workshop.folder,
        {
            "hashtag.toml": '[[image]]\ndockerfile = "docs/Dockerfile"\nname = "docs"\nargs = {A = "b c"}\n',
            "docs/Dockerfile": "FROM scratch\nARG A\nLABEL a=$A\n",
        },
    )
    workshop.plan().save(tmp_path / "plan.json")

    workshop.build(hashtag.Plan.load(tmp_path / "plan.json"))

    (line,) = workshop.built()
    assert line[line.index("--build-arg") + 1] == "A=b c"
    assert os.path.basename(line[-1]) == "context"  # noqa: PTH119
