"""Stored plans, and whose a pipeline's tags are."""

from __future__ import annotations

import pytest
from attrs import evolve

from hashtag.apply import apply
from hashtag.errors import AccessDenied, ManifestMissing, RegistryError, RegistryUnreachable, TagOccupied
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.change import PutArtifact
from hashtag.planning.document import to_json
from hashtag.project.plans import PLAN_TYPE, PlanStore, with_pins_of
from hashtag.testing import MemoryRegistry
from project.projects import BASE, REPOSITORY, open_project, registry_with_base, three_images

PLANS = Repository.parse(f"{REPOSITORY}/plans")
STORED = f"{PLANS}:h1-plan-7"


@pytest.fixture
def registry():
    return registry_with_base()


@pytest.fixture
def project(tmp_path):
    return open_project(three_images(tmp_path), **{"pipeline-tag": "7"})


def store(registry):
    return PlanStore(registry, PLANS)


def test_a_plan_is_stored_under_its_pipelines_tag_and_read_again(project, registry):
    plan = project.plan(registry)

    store(registry).begin(plan)
    read = store(registry).load("7")

    assert read == plan
    manifest = registry.manifest(store(registry).reference("7"))
    assert manifest.document()["artifactType"] == PLAN_TYPE


def test_storing_it_twice_writes_it_once(project, registry):
    plan = project.plan(registry)
    store(registry).begin(plan)
    registry.requests.clear()

    store(registry).begin(plan)

    assert not [request for request in registry.requests if request[0] in ("PUT", "POST")]


def test_without_a_pipeline_tag_or_a_repository_nothing_is_stored(project, registry):
    plan = project.plan(registry)
    registry.requests.clear()

    assert store(registry).begin(evolve(plan, pipeline_tag=None)) is None
    assert PlanStore(registry, None).begin(plan) is None
    assert PlanStore(registry, None).load("7") is None
    assert registry.requests == []


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        pytest.param("put_manifest", AccessDenied("no", where="x"), id="denied"),
        pytest.param("put_blob", RegistryError("404", where="x"), id="nested repositories are not supported"),
        pytest.param("put_manifest", TagOccupied("immutable", where="x"), id="immutable"),
    ],
)
def test_where_plans_cannot_be_stored_one_loud_warning_is_all(project, registry, operation, error):
    registry.fail(operation, error, times=2)
    plans = store(registry)

    plans.begin(project.plan(registry))
    plans.begin(project.plan(registry))

    (warning,) = plans.warnings
    assert "THE PLAN CANNOT BE STORED" in warning
    assert "--plan FILE" in warning


def test_where_plans_cannot_be_read_the_same(project, registry):
    registry.fail("manifest", AccessDenied("no", where="x"), reference=STORED, times=9)
    plans = store(registry)

    assert plans.load("7") is None
    assert "THE PLAN CANNOT BE READ" in plans.warnings[0]


def test_a_registry_that_does_not_answer_is_an_error(project, registry):
    registry.fail("manifest", RegistryUnreachable("gone", where="x"), reference=STORED)

    with pytest.raises(RegistryUnreachable):
        store(registry).load("7")


def test_something_else_under_the_tag_is_no_plan(registry):
    registry.add_image(STORED)
    plans = store(registry)

    assert plans.load("7") is None
    assert "not of the type" in plans.warnings[0]


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        pytest.param({"pipeline_tag": "8"}, "the plan of pipeline '8'", id="of another pipeline"),
        pytest.param({"pipeline_tag": None}, "the plan of pipeline None", id="of no pipeline"),
    ],
)
def test_a_plan_that_does_not_belong_under_its_tag_is_not_believed(project, registry, change, warning):
    plan = evolve(project.plan(registry, images=["docs"]), **change)
    put(registry, plan)
    plans = store(registry)

    assert plans.load("7") is None
    assert warning in plans.warnings[0]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"pipeline_reference": f"{REPOSITORY}/docs:latest"}, id="of a published tag"),
        pytest.param({"pipeline_reference": f"{REPOSITORY}/web:7"}, id="of another image"),
        pytest.param({"cache_reference": f"{REPOSITORY}/docs:h1-{'0' * 64}"}, id="of another content"),
        pytest.param({"cache_reference": f"{REPOSITORY}/docs:h1.topic-{'0' * 64}"}, id="of a zone"),
    ],
)
def test_a_stored_plan_that_moves_what_is_not_its_own_is_not_believed(project, registry, change):
    plan = project.plan(registry, images=["docs"])
    (build,) = plan.builds
    target = evolve(build.target, **{name: Reference.parse(text) for name, text in change.items()})
    put(registry, evolve(plan, actions=(evolve(build, target=target),)))
    plans = store(registry)

    assert plans.load("7") is None
    assert "no pipeline here planned it" in plans.warnings[0]


def put(registry, plan) -> None:
    content = to_json(plan, saved=True).encode()
    apply([PutArtifact(PLANS.tagged("h1-plan-7"), PLAN_TYPE, content)], registry)


# ── whose tag it is ──────────────────────────────────────────────────────────────────────────────


class Hollow(MemoryRegistry):
    """A registry whose blobs are gone."""

    def blob(self, repository, digest):
        raise ManifestMissing("there is no such blob", where=f"{repository}@{digest}")


def test_a_plan_whose_content_is_gone_is_not_taken_for_none(project, registry):
    hollow = Hollow(REPOSITORY)
    hollow.add_image(BASE)
    store(hollow).begin(project.plan(registry))
    plans = store(hollow)

    assert plans.load("7") is None
    assert "CANNOT BE READ" in plans.warnings[0]


def test_a_tag_that_holds_something_before_the_plan_is_stored_is_somebodys(project, registry):
    digest = registry.add_image(f"{REPOSITORY}/web:7", layers=[b"somebody's"])

    with pytest.raises(TagOccupied) as caught:
        store(registry).begin(project.plan(registry))

    assert (caught.value.status, caught.value.where) == (5, f"{REPOSITORY}/web:7")
    assert str(digest) in caught.value.what
    assert store(registry).load("7") is None


def test_after_the_plan_is_stored_the_tag_is_ours(project, registry):
    plan = project.plan(registry)
    store(registry).begin(plan)
    registry.add_image(f"{REPOSITORY}/web:7", layers=[b"pushed, but not tagged further"])

    store(registry).begin(plan)


def test_a_published_tag_is_no_pipelines(project, registry):
    content = b"a set"
    apply([PutArtifact(PLANS.tagged("h1-set-7"), "application/x", content)], registry)

    with pytest.raises(TagOccupied, match="promote alone moves") as caught:
        store(registry).begin(project.plan(registry))

    assert caught.value.where == f"{REPOSITORY}:7"
    assert store(registry).load("7") is None


def test_where_sets_may_not_be_read_a_pipeline_goes_on(project, registry):
    registry.fail("resolve", AccessDenied("no", where="x"), reference=f"{PLANS}:h1-set-7")

    assert store(registry).begin(project.plan(registry)) is not None


def test_a_tag_that_holds_the_planned_image_already_is_no_trouble(project, registry):
    plan = project.plan(registry)
    for build in plan.builds:
        registry.add_image(str(build.target.cache_reference))
        registry.add_image(str(build.target.pipeline_reference))

    store(registry).begin(project.plan(registry))


# ── pins ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_retry_has_the_pins_of_the_stored_plan(project, registry):
    before = project.plan(registry)
    registry.add_image(BASE, layers=[b"it moved"])

    again = with_pins_of(before, lambda bases, at: project.plan(registry, bases=bases, at=at))

    assert [b.target.fingerprint for b in again.builds] == [b.target.fingerprint for b in before.builds]
    assert again.at == before.at
    assert project.plan(registry).builds != before.builds


def test_other_content_has_pins_of_its_own(project, registry, tmp_path):
    before = project.plan(registry)
    moved = registry.add_image(BASE, layers=[b"it moved"])
    (tmp_path / "base/etc/motd").write_text("another\n")

    plan = with_pins_of(before, lambda bases, at: project.plan(registry, bases=bases, at=at))

    base = next(build for build in plan.builds if build.name == "base")
    assert base.target.bases[0].digest == moved


def test_another_commit_has_pins_of_its_own(project, registry):
    before = evolve(project.plan(registry), commit="0" * 40)
    moved = registry.add_image(BASE, layers=[b"it moved"])

    plan = with_pins_of(before, lambda bases, at: project.plan(registry, bases=bases, at=at))

    base = next(build for build in plan.builds if build.name == "base")
    assert base.target.bases[0].digest == moved


def test_a_job_of_one_image_leaves_the_others_in_the_stored_plan(project, registry):
    whole = project.plan(registry)
    store(registry).begin(whole)

    store(registry).begin(project.plan(registry, images=["docs"]))

    assert store(registry).load("7") == whole


def test_jobs_of_one_image_each_add_up_to_one_plan(project, registry):
    for name in ("docs", "base", "web"):
        store(registry).begin(project.plan(registry, images=[name]))

    stored = store(registry).load("7")
    assert sorted(build.name for build in stored.builds) == ["base", "docs", "web"]


def test_a_plan_of_other_content_takes_the_place_of_the_stored_one(project, registry, tmp_path):
    store(registry).begin(project.plan(registry))
    (tmp_path / "docs/index.html").write_text("<p>other\n")
    plan = project.plan(registry, images=["docs"])

    store(registry).begin(plan)

    assert store(registry).load("7") == plan


def test_two_jobs_that_begin_at_once_are_one_pipeline(project):
    class Slow(MemoryRegistry):
        """A registry in which another job stores the plan and builds while this one looks."""

        def resolve(self, reference):
            found = super().resolve(reference)
            if reference.tag == "7" and self.other is not None:
                other, self.other = self.other, None
                store(self).begin(other)
                self.add_image(f"{REPOSITORY}/docs:7", layers=[b"built"])
                return super().resolve(reference)
            return found

    registry = Slow(REPOSITORY)
    registry.other = None
    registry.add_image(BASE)
    plan = project.plan(registry)
    registry.other = plan

    assert store(registry).begin(plan) == plan
