"""Trust: a merge request plants what it likes, and no protected pipeline believes any of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import hashtag
from hashtag.errors import ConfigError, PromotionRefused, SeveralErrors, TagOccupied
from hashtag.planning.plan import Alias, Build, Reason
from hashtag.planning.promotion import Member, Publication, Set
from hashtag.planning.zone import TRUSTED, Zone
from hashtag.project.cleaning import clean
from hashtag.project.members import choose
from hashtag.project.plans import PlanStore
from hashtag.project.promotable import policy_of, set_of_plan
from hashtag.project.promoting import Promotion
from hashtag.project.sets import SetStore
from hashtag.project.trust import is_trusted, zone_of
from hashtag.testing import MemoryRegistry
from project.projects import REPOSITORY, registry_with_base, three_images
from project.stored import store

PROTECTED = {"CI_COMMIT_REF_PROTECTED": "true", "CI_COMMIT_BRANCH": "main", "CI_PIPELINE_IID": "7"}
MERGE_REQUEST = {"CI_COMMIT_REF_PROTECTED": "false", "CI_COMMIT_BRANCH": "topic", "CI_PIPELINE_IID": "6"}
NOW = datetime(2024, 5, 20, 12, tzinfo=UTC)


@pytest.fixture
def registry() -> MemoryRegistry:
    return registry_with_base()


@pytest.fixture
def open_as(tmp_path):
    three_images(tmp_path)

    def open_(environ, trust="protected"):
        overrides = {"repository": REPOSITORY, "trust": trust}
        return hashtag.Project.open(tmp_path, environ=environ, overrides=overrides)

    return open_


def build(registry, plan, content: bytes = b"made") -> None:
    """Do what a pipeline does that builds its plan."""
    for action in plan.builds:
        registry.add_image(str(action.target.cache_reference), layers=[content, action.name.encode()])


def planned(project, registry, **more):
    return project.plan(registry, at=NOW, **more)


# ── zones ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("environ", "trusted"),
    [
        ({}, False),
        ({"CI_COMMIT_REF_PROTECTED": "true"}, True),
        ({"CI_COMMIT_REF_PROTECTED": "false"}, False),
        ({"CI_COMMIT_REF_PROTECTED": "true", "HASHTAG_TRUSTED": "false"}, False),
        ({"HASHTAG_TRUSTED": "1"}, True),
        ({"HASHTAG_TRUSTED": ""}, False),
    ],
)
def test_whoever_is_not_known_is_not_trusted(environ, trusted):
    assert is_trusted(environ) is trusted


def test_an_unclear_answer_is_an_error():
    with pytest.raises(ConfigError, match="HASHTAG_TRUSTED"):
        is_trusted({"HASHTAG_TRUSTED": "maybe"})


@pytest.mark.parametrize("ref", ["topic", "feature/x", "feature-x", "ü" * 100, None])
def test_every_ref_has_a_zone_of_its_own(ref):
    zone = zone_of("protected", ref, {})

    assert not zone.is_trusted
    assert len(zone.cache_tag("0" * 64)) <= 128
    assert zone != zone_of("protected", f"{ref}x", {})


def test_without_the_setting_there_are_no_zones():
    assert zone_of("single", "topic", {}) == TRUSTED


# ── images ───────────────────────────────────────────────────────────────────────────────────────


def test_a_merge_request_builds_under_its_own_cache_tag(registry, open_as):
    plan = planned(open_as(MERGE_REQUEST), registry)

    assert all(build.target.cache_tag.startswith("h1.topic-") for build in plan.builds)
    assert {build.target.fingerprint for build in plan.builds} == {
        build.target.fingerprint for build in planned(open_as(PROTECTED), registry).builds
    }


def test_a_merge_request_uses_its_own_images_again(registry, open_as):
    project = open_as(MERGE_REQUEST)
    build(registry, planned(project, registry))

    assert not planned(project, registry).builds
    assert planned(open_as(MERGE_REQUEST | {"CI_COMMIT_BRANCH": "other"}), registry).builds


def test_a_merge_request_uses_trusted_images(registry, open_as):
    build(registry, planned(open_as(PROTECTED), registry))

    plan = planned(open_as(MERGE_REQUEST), registry)

    assert all(alias.target.cache_tag.startswith("h1-") for alias in plan.aliases)
    assert not plan.builds


def test_a_protected_pipeline_never_uses_the_image_of_a_merge_request(registry, open_as):
    build(registry, planned(open_as(MERGE_REQUEST), registry), b"planted")

    plan = planned(open_as(PROTECTED), registry)

    assert not plan.aliases
    assert all(build.target.cache_tag.startswith("h1-") for build in plan.builds)


def test_a_merge_request_that_rebuilds_replaces_no_trusted_image(registry, open_as):
    build(registry, planned(open_as(PROTECTED), registry))

    plan = planned(open_as(MERGE_REQUEST), registry, rebuild=["base"])

    assert [build.name for build in plan.builds] == ["base", "web"]
    assert all(build.target.cache_tag.startswith("h1.topic-") for build in plan.builds)


def test_with_one_trust_all_share_their_images(registry, open_as):
    build(registry, planned(open_as(MERGE_REQUEST, "single"), registry))

    assert not planned(open_as(PROTECTED, "single"), registry).builds


# ── plans ────────────────────────────────────────────────────────────────────────────────────────


def stores(registry, project):
    return PlanStore(registry, project.settings.plans_repository, project.zone)


def test_a_plan_under_the_number_of_the_next_protected_pipeline_is_not_believed(registry, open_as):
    attacker = open_as(MERGE_REQUEST | {"CI_PIPELINE_IID": "7"})
    stores(registry, attacker).begin(planned(attacker, registry))

    victim = open_as(PROTECTED)

    assert stores(registry, victim).load("7") is None
    assert stores(registry, attacker).load("7") is not None


def test_an_image_under_the_next_pipelines_tag_is_somebodys(registry, open_as):
    victim = open_as(PROTECTED)
    plan = planned(victim, registry)
    registry.add_image(str(plan.builds[0].target.pipeline_reference), layers=[b"planted"])

    with pytest.raises(TagOccupied):
        stores(registry, victim).begin(plan)


# ── sets ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_merge_request_publishes_nothing(open_as):
    with pytest.raises(PromotionRefused, match="topic"):
        policy_of(open_as(MERGE_REQUEST), MERGE_REQUEST)
    assert policy_of(open_as(PROTECTED), PROTECTED)


def test_nothing_of_a_zone_is_promoted(registry, open_as):
    plan = planned(open_as(MERGE_REQUEST), registry)
    build(registry, plan, b"planted")

    with pytest.raises(SeveralErrors, match="untrusted"):
        choose(plan, registry, {})


def test_an_image_planted_under_the_pipelines_tag_is_not_promoted(registry, open_as):
    plan = planned(open_as(PROTECTED), registry)
    build(registry, plan)
    planted = registry.add_image(str(plan.builds[0].target.pipeline_reference), layers=[b"planted"])

    chosen = choose(plan, registry, {})

    assert planted not in [each.member.digest for each in chosen]


def test_a_false_set_in_a_zone_changes_nothing(registry, open_as):
    project = open_as(PROTECTED)
    plan = planned(project, registry)
    build(registry, plan)
    digest = registry.add_image(f"{REPOSITORY}/web:planted", layers=[b"planted"])
    repository = plan.builds[0].target.repository.__class__.parse(f"{REPOSITORY}/web")
    false = Publication(
        tag="latest",
        current=Set(
            images=(Member(name="web", repository=repository, digest=digest),),
            ref="main",
            order=999,
            at="2024-05-01T12:00:00Z",
        ),
    )
    sets = SetStore(registry, project.settings.plans_repository)
    sets.put(false)
    target = sets.reference("latest")
    registry.put_manifest(
        registry.manifest(target), target.repository.tagged(Zone("topic").set_tag("latest"))
    )
    registry.remove_tag(target)

    wanted = set_of_plan(plan, choose(plan, registry, {}), order=None, at=NOW)
    Promotion(registry=registry, store=sets).publish(["latest"], wanted)

    assert sets.load("latest").current.order == 7


# ── cleanups ─────────────────────────────────────────────────────────────────────────────────────


def test_a_false_plan_in_a_zone_deletes_nothing(registry, open_as):
    victim = open_as(PROTECTED)
    plan = planned(victim, registry)
    build(registry, plan)
    aliases = [
        Alias(b.target, Reason.HIT, registry.resolve(b.target.cache_reference).digest) for b in plan.builds
    ]
    for alias in aliases:
        registry.add_image(str(alias.target.pipeline_reference), layers=[b"x"])
    old = hashtag.Plan(
        actions=tuple(aliases), repository=registry.repository, pipeline_tag="7", at="2020-01-01T00:00:00Z"
    )
    store(registry, old, Zone("topic"))

    report, _ = clean(victim, registry, PROTECTED, now=NOW + timedelta(days=100), is_dry=False)

    assert report.retention.deleted == ()


def test_a_merge_requests_cleanup_leaves_trusted_images(registry, open_as):
    trusted = planned(open_as(PROTECTED), registry)
    build(registry, trusted)
    stores(registry, open_as(PROTECTED)).begin(trusted)
    project = open_as(MERGE_REQUEST)
    plan = planned(project, registry)
    stores(registry, project).begin(plan)

    report, _ = clean(project, registry, MERGE_REQUEST, now=NOW + timedelta(days=100), is_dry=False)

    assert {str(each.reference.tag) for each in report.retention.deleted} == {"h1.topic-plan-6"}
    assert all(isinstance(action, Build) for action in trusted)
