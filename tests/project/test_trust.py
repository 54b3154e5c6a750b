"""Trust: a merge request plants what it likes, and no protected pipeline believes any of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

import hashtag
from hashtag.apply import apply
from hashtag.errors import ConfigError, PromotionRefused, SeveralErrors, TagOccupied
from hashtag.oci.digest import Digest
from hashtag.planning import publication_document
from hashtag.planning.change import AddTag, PutArtifact
from hashtag.planning.plan import Alias, Build, Reason
from hashtag.planning.promotion import Member, Publication, Set
from hashtag.planning.publication_document import SET_TYPE
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
    return PlanStore(registry, project.settings.plans_repository, project.zone, clock=lambda: NOW)


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


def test_an_image_planted_in_a_receipt_is_not_promoted(registry, open_as):
    plan = planned(open_as(PROTECTED), registry)
    build(registry, plan)
    target = plan.builds[0].target
    planted = registry.add_image(f"{target.repository}:h1.topic-{target.fingerprint}", layers=[b"planted"])
    made = registry.resolve(target.cache_reference).digest

    with pytest.raises(PromotionRefused, match="the receipt says"):
        choose(plan, registry, {target.name: target.cache_reference.with_digest(planted)}, has_zones=True)
    good = {target.name: target.cache_reference.with_digest(made)}
    assert choose(plan, registry, good, has_zones=True)[0].member.digest == made


def test_a_receipt_for_an_image_that_is_not_there_is_not_believed(registry, open_as):
    plan = planned(open_as(PROTECTED), registry, images=["docs"])
    (target,) = (build.target for build in plan.builds)
    planted = registry.add_image(f"{target.repository}:h1.topic-{target.fingerprint}", layers=[b"planted"])

    with pytest.raises(PromotionRefused, match="the receipt says"):
        choose(plan, registry, {"docs": target.cache_reference.with_digest(planted)}, has_zones=True)


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


@pytest.fixture
def attacked(registry, open_as):
    """A merge request that pushes what it likes, but no tag of trusted pipelines."""
    victim = open_as(PROTECTED)
    plan = planned(victim, registry)
    build(registry, plan)
    stores(registry, victim).begin(plan)
    for made in plan.builds:
        digest = registry.resolve(made.target.cache_reference).digest
        apply([AddTag(digest, made.target.pipeline_reference)], registry)
    wanted = set_of_plan(plan, choose(plan, registry, {}), order=None, at=NOW)
    sets = SetStore(registry, victim.settings.plans_repository)
    Promotion(registry=registry, store=sets, sleep=lambda _: None).publish(["latest"], wanted)
    zone = Zone("topic")
    for made in plan.builds:
        repository = made.target.repository
        registry.add_image(f"{repository}:{zone.cache_tag(made.target.fingerprint)}", layers=[b"planted"])
        registry.add_image(f"{repository}:8", layers=[b"planted"])
    actions = tuple(Alias(b.target, Reason.HIT, Digest.of(b"x")) for b in plan.builds)
    for number in ("7", "8"):
        targets = (
            evolve(a, target=evolve(a.target, pipeline_reference=a.target.repository.tagged(number)))
            for a in actions
        )
        false = evolve(plan, actions=tuple(targets), pipeline_tag=number, at="2020-01-01T00:00:00Z")
        store(registry, false, zone)
    empty = Publication(
        tag="latest", current=Set(images=(), ref="main", order=10**9, at="2020-01-01T00:00:00Z")
    )
    content = publication_document.to_json(empty)
    plans = victim.settings.plans_repository
    apply([PutArtifact(plans.tagged(zone.set_tag("latest")), SET_TYPE, content)], registry)
    return victim, plan


def held(registry, plan, tag):
    return [registry.resolve(made.target.repository.tagged(tag)) for made in plan.builds]


def test_after_all_of_that_the_next_protected_pipeline_finds_trusted_images_alone(
    attacked, registry, open_as
):
    victim, plan = attacked
    following = open_as(PROTECTED | {"CI_PIPELINE_IID": "9"})

    found = planned(following, registry)

    caches = [registry.resolve(made.target.cache_reference).digest for made in plan.builds]
    assert [alias.digest for alias in found.aliases] == caches
    assert stores(registry, victim).load("7").at == plan.at
    assert stores(registry, victim).load("8") is None
    eighth = open_as(PROTECTED | {"CI_PIPELINE_IID": "8"})
    its_plan = planned(eighth, registry)
    with pytest.raises(SeveralErrors, match="which this pipeline did not put there"):
        stores(registry, eighth).begin(its_plan)


def test_after_all_of_that_a_protected_pipeline_promotes_its_own(attacked, registry, open_as):
    victim, plan = attacked
    following = open_as(PROTECTED | {"CI_PIPELINE_IID": "9"})
    mine = planned(following, registry)
    before = held(registry, plan, "latest")
    sets = SetStore(registry, victim.settings.plans_repository)

    wanted = set_of_plan(mine, choose(mine, registry, {}, has_zones=True), order=None, at=NOW)
    Promotion(registry=registry, store=sets, sleep=lambda _: None).publish(["latest"], wanted)

    assert held(registry, plan, "latest") == before
    assert sets.load("latest").current.order == 9


@pytest.mark.parametrize("deletes", ["tags", "digests"])
@pytest.mark.parametrize("who", [PROTECTED, MERGE_REQUEST], ids=["a protected one", "the merge request's"])
def test_after_all_of_that_a_cleanup_deletes_nothing_trusted(attacked, registry, open_as, who, deletes):
    _, plan = attacked
    registry.deletes = deletes
    trusted = [*held(registry, plan, "7"), *held(registry, plan, "latest")]
    before = {
        name: set(registry.tags(plan.repository.child(name))) for name in ("base", "web", "docs", "plans")
    }

    clean(open_as(who), registry, who, now=NOW + timedelta(days=1), is_dry=False, max_percent=100)

    assert [*held(registry, plan, "7"), *held(registry, plan, "latest")] == trusted
    for name, tags in before.items():
        gone = tags - set(registry.tags(plan.repository.child(name)))
        assert not {tag for tag in gone if tag.startswith("h1-")}, name
        if who is PROTECTED:
            assert not gone


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
