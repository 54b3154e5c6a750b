"""Published tags on a registry: the set first, then the tags; all images or none."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime

import pytest
from attrs import evolve

from hashtag.errors import (
    AccessDenied,
    InvalidDocument,
    ManifestMissing,
    PromotionRefused,
    RegistryError,
    RegistryUnreachable,
    SeveralErrors,
    StalePlan,
)
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_INDEX, Manifest
from hashtag.oci.reference import Reference
from hashtag.planning.plan import Alias, Build, Failed, Plan, Reason
from hashtag.planning.promotion import Left
from hashtag.project.members import check_whole, choose
from hashtag.project.promotable import set_of_plan
from hashtag.project.promoting import Promotion, Published
from hashtag.project.sets import SetStore
from hashtag.testing import MemoryRegistry
from planning.plan_strategies import AT, REPOSITORY, target

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
PLANS = REPOSITORY.child("plans")


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry(str(REPOSITORY))


def put(registry: MemoryRegistry, number: int, *names: str) -> Plan:
    """Put the images of a pipeline under their tags; return its plan."""
    actions = []
    for name in names:
        image = target(name, tag=str(number), fingerprint=Digest.of(f"{name} {number}".encode()).hex)
        registry.add_image(str(image.cache_reference), layers=[f"{name} {number}".encode()])
        digest = registry.add_image(str(image.pipeline_reference), layers=[f"{name} {number}".encode()])
        actions.append(Alias(image, Reason.HIT, digest))
    return Plan(
        actions=tuple(actions),
        repository=REPOSITORY,
        pipeline_tag=str(number),
        ref="main",
        commit=f"commit of {number}",
        at=AT,
    )


def promotion(registry, **more) -> Promotion:
    more = {"sleep": lambda _: None} | more
    return Promotion(registry=registry, store=SetStore(registry, PLANS), **more)


def promote(registry, plan, *tags, **more):
    chosen = choose(plan, registry, {})
    wanted = set_of_plan(plan, chosen, order=None, at=NOW)
    return promotion(registry, **more).publish(tags or ("latest",), wanted)


def held(registry, name: str, tag: str = "latest") -> Digest | None:
    found = registry.resolve(REPOSITORY.child(name).tagged(tag))
    return found.digest if found else None


def writes(registry) -> list[str]:
    return [what for method, what in registry.requests if method == "PUT"]


def test_all_images_of_a_plan_get_the_tag(registry):
    plan = put(registry, 5, "base", "web")

    (outcome,) = promote(registry, plan)

    assert isinstance(outcome, Published)
    assert outcome.moved == 2
    assert [held(registry, name) for name in ("base", "web")] == [a.digest for a in plan.aliases]


def test_the_set_is_written_before_the_tags(registry):
    promote(registry, put(registry, 5, "base", "web"))

    assert [what.removeprefix(f"{REPOSITORY}/") for what in writes(registry)] == [
        "plans:h1-set-latest",
        "base:latest",
        "web:latest",
    ]


def test_promoting_again_writes_nothing(registry):
    plan = put(registry, 5, "web")
    promote(registry, plan)
    registry.requests.clear()

    (outcome,) = promote(registry, plan)

    assert isinstance(outcome, Published)
    assert outcome.moved == 0
    assert writes(registry) == []


def test_64_an_older_pipeline_that_comes_later_leaves_the_tag(registry):
    older = put(registry, 5, "web")
    newer = put(registry, 6, "web")
    promote(registry, newer)

    (outcome,) = promote(registry, older)

    assert isinstance(outcome, Left)
    assert held(registry, "web") == newer.aliases[0].digest


def test_a_missing_image_stops_all_of_them(registry):
    plan = put(registry, 5, "base", "web")
    registry.remove_tag(plan.aliases[1].target.cache_reference)
    registry.requests.clear()

    with pytest.raises(ManifestMissing, match="web"):
        promote(registry, plan)

    assert writes(registry) == []


def test_an_image_that_is_not_whole_stops_all_of_them(registry):
    plan = put(registry, 5, "base", "web")
    digest = registry.add_image(
        str(plan.aliases[1].target.cache_reference), platforms=["linux/amd64", "linux/arm64"]
    )
    repository = plan.aliases[1].target.repository
    child = registry.manifest(repository.at(digest)).children()[1].digest
    registry.remove_manifest(repository, child)
    registry.requests.clear()

    with pytest.raises(ManifestMissing, match="not whole"):
        promote(registry, plan)

    assert writes(registry) == []


@pytest.mark.parametrize("operation", ["resolve", "manifest"])
def test_a_registry_that_fails_is_not_one_that_lacks_an_image(registry, operation):
    plan = put(registry, 5, "web")
    registry.fail(operation, RegistryUnreachable("gone", where="registry"), times=100)

    with pytest.raises(RegistryUnreachable):
        promote(registry, plan)


def test_a_pipeline_that_died_between_the_set_and_the_tags_is_finished_by_its_retry(registry):
    plan = put(registry, 5, "base", "web")
    registry.fail(
        "put_manifest", RegistryUnreachable("died", where="r"), reference=f"{REPOSITORY}/web:latest"
    )
    with pytest.raises(RegistryUnreachable):
        promote(registry, plan)
    assert held(registry, "web") is None

    promote(registry, plan)

    assert held(registry, "web") == plan.aliases[1].digest


def test_a_protected_tag_that_holds_the_image_already_is_no_error(registry):
    plan = put(registry, 5, "web")
    tag = f"{REPOSITORY}/web:latest"
    registry.add_image(tag, layers=[b"web 5"])
    registry.fail("put_manifest", AccessDenied("protected", where=tag), reference=tag)

    (outcome,) = promote(registry, plan)

    assert outcome.moved == 0


def test_a_protected_tag_that_holds_another_image_is_an_error(registry):
    tag = f"{REPOSITORY}/web:latest"
    registry.add_image(tag, layers=[b"another"])
    registry.fail("put_manifest", AccessDenied("protected", where=tag), reference=tag)

    with pytest.raises(AccessDenied):
        promote(registry, put(registry, 5, "web"))


def test_several_tags_move_or_none_does(registry):
    first = put(registry, 5, "web")
    promote(registry, evolve(first, ref="stable-8"), "stable-8")
    registry.requests.clear()

    with pytest.raises(PromotionRefused):
        promote(registry, put(registry, 6, "web"), "latest", "stable-8")

    assert writes(registry) == []


def test_a_dry_run_writes_nothing_and_counts(registry):
    plan = put(registry, 5, "base", "web")
    registry.requests.clear()

    (outcome,) = promote(registry, plan, is_dry=True)

    assert isinstance(outcome, Published)
    assert outcome.moved == 2
    assert writes(registry) == []


def test_undo_restores_what_the_tags_held_before(registry):
    before, after = put(registry, 5, "base", "web"), put(registry, 6, "web")
    promote(registry, before)
    promote(registry, after)

    (outcome,) = promotion(registry).undo(["latest"])

    assert isinstance(outcome, Published)
    assert [held(registry, name) for name in ("base", "web")] == [a.digest for a in before.aliases]
    with pytest.raises(PromotionRefused):
        promotion(registry).undo(["latest"])


def test_undo_needs_the_images_it_goes_back_to(registry):
    before, after = put(registry, 5, "web"), put(registry, 6, "web")
    promote(registry, before)
    promote(registry, after)
    registry.remove_manifest(before.aliases[0].target.repository, before.aliases[0].digest)

    with pytest.raises(ManifestMissing):
        promotion(registry).undo(["latest"])

    assert held(registry, "web") == after.aliases[0].digest


# ── which digest ─────────────────────────────────────────────────────────────────────────────────


def origins(plan, registry, receipt=None):
    return [(each.origin, bool(each.note)) for each in choose(plan, registry, receipt or {})]


def test_the_pipelines_tag_counts_where_it_agrees_with_the_cache_tag(registry):
    assert origins(put(registry, 5, "web"), registry) == [("pipeline tag", False)]


def test_else_the_cache_tag_counts_and_that_is_said(registry):
    plan = put(registry, 5, "web")
    image = plan.aliases[0]
    registry.add_image(str(image.target.pipeline_reference), layers=[b"moved by hand"])

    (chosen,) = choose(plan, registry, {})

    assert chosen.origin == "cache tag"
    assert "the cache tag's image is taken" in chosen.note
    assert chosen.member.digest == image.digest


def test_without_a_pipeline_tag_the_cache_tag_counts_and_that_is_said(registry):
    plan = put(registry, 5, "web")
    registry.remove_tag(plan.aliases[0].target.pipeline_reference)

    assert origins(plan, registry) == [("cache tag", True)]


def test_a_receipt_counts_before_all_tags(registry):
    plan = put(registry, 5, "web")
    image = plan.aliases[0].target
    built = registry.add_image(str(image.repository.tagged("built")), layers=[b"built"])

    (chosen,) = choose(plan, registry, {"web": image.cache_reference.with_digest(built)})

    assert (chosen.origin, chosen.member.digest) == ("build receipt", built)


def test_the_receipt_of_another_plan_is_refused(registry):
    plan = put(registry, 5, "web")
    other = Reference.parse(f"{REPOSITORY}/web:h1-{'0' * 64}").with_digest(plan.aliases[0].digest)

    with pytest.raises(StalePlan):
        choose(plan, registry, {"web": other})


def test_a_plan_with_a_failed_image_is_not_published(registry):
    plan = put(registry, 5, "web")
    broken = evolve(plan, actions=(Failed("broken", "no such base", "HT021"), *plan.actions))

    with pytest.raises(PromotionRefused, match="broken"):
        choose(broken, registry, {})


def test_a_plan_without_images_is_not_published(registry):
    with pytest.raises(PromotionRefused, match="no image"):
        choose(evolve(put(registry, 5), actions=()), registry, {})


def test_all_missing_images_are_reported_together(registry):
    actions = tuple(Build(target(name), Reason.NEVER_BUILT) for name in ("base", "web"))

    with pytest.raises(SeveralErrors):
        choose(Plan(actions=actions, repository=REPOSITORY, at=AT), registry, {})


def test_an_image_of_a_zone_is_never_published(registry):
    plan = put(registry, 5, "web")
    image = plan.aliases[0]
    planted = image.target.repository.tagged(f"h1.topic-{image.target.fingerprint}")
    registry.add_image(str(planted), layers=[b"planted"])
    zoned = Alias(evolve(image.target, cache_reference=planted), Reason.HIT, image.digest)

    with pytest.raises(PromotionRefused, match="untrusted"):
        choose(evolve(plan, actions=(zoned,)), registry, {})


def test_an_index_that_never_ends_is_refused(registry):
    repository = REPOSITORY.child("web")
    digest = registry.add_image(f"{repository}:x")
    for _ in range(10):
        child = registry.manifest(repository.at(digest)).descriptor.to_json()
        content = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]}).encode()
        digest = registry.put_manifest(Manifest(OCI_INDEX, content), repository.tagged("x"))
    plan = put(registry, 5, "web")
    member = choose(plan, registry, {})[0].member

    with pytest.raises(RegistryError, match="deep"):
        check_whole([evolve(member, digest=digest)], registry)


# ── what is stored ───────────────────────────────────────────────────────────────────────────────


def test_a_set_that_is_something_else_is_not_believed(registry):
    plan = put(registry, 5, "web")
    registry.add_image(f"{PLANS}:h1-set-latest")

    with pytest.raises(InvalidDocument):
        promote(registry, plan)

    assert held(registry, "web") is None


def test_the_set_of_another_tag_is_not_believed(registry):
    plan = put(registry, 5, "web")
    promote(registry, plan, "stable")
    registry.put_manifest(registry.manifest(PLANS.tagged("h1-set-stable")), PLANS.tagged("h1-set-latest"))

    with pytest.raises(InvalidDocument, match="'stable'"):
        promote(registry, plan)


# ── races ────────────────────────────────────────────────────────────────────────────────────────


class Interleaved(MemoryRegistry):
    """A registry in which something happens before a manifest is written."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.before = {}

    def put_manifest(self, manifest, reference):
        self.before.pop(str(reference), lambda: None)()
        return super().put_manifest(manifest, reference)


@pytest.mark.parametrize("moment", ["web:latest", "base:latest"])
def test_a_newer_pipeline_that_publishes_in_between_has_the_last_word(moment):
    registry = Interleaved(str(REPOSITORY))
    older, newer = put(registry, 5, "base", "web"), put(registry, 6, "base", "web")
    registry.before[f"{REPOSITORY}/{moment}"] = lambda: promote(registry, newer)

    (outcome,) = promote(registry, older)

    assert isinstance(outcome, Left)
    assert [held(registry, name) for name in ("base", "web")] == [a.digest for a in newer.aliases]
    assert SetStore(registry, PLANS).load("latest").current.order == 6


@pytest.mark.parametrize("moment", ["plans:h1-set-latest", "web:latest", "base:latest"])
def test_an_older_pipeline_that_publishes_in_between_does_not(moment):
    registry = Interleaved(str(REPOSITORY))
    older, newer = put(registry, 5, "base", "web"), put(registry, 6, "base", "web")
    registry.before[f"{REPOSITORY}/{moment}"] = lambda: promote(registry, older)

    promote(registry, newer)

    assert [held(registry, name) for name in ("base", "web")] == [a.digest for a in newer.aliases]
    assert SetStore(registry, PLANS).load("latest").current.order == 6


def test_two_jobs_of_one_pipeline_that_publish_at_once_end_with_one_set():
    registry = Interleaved(str(REPOSITORY))
    both = put(registry, 5, "base", "web")
    base, web = (evolve(both, actions=(action,)) for action in both.actions)
    registry.before[f"{REPOSITORY}/base:latest"] = lambda: promote(registry, web)

    promote(registry, base)

    assert len(SetStore(registry, PLANS).load("latest").current.images) == 2


def test_a_write_that_fails_without_another_pipeline_is_an_error(registry):
    plan = put(registry, 5, "web")
    tag = f"{REPOSITORY}/web:latest"
    registry.fail("put_manifest", RegistryError("the registry is broken", where=tag), reference=tag)

    with pytest.raises(RegistryError, match="broken"):
        promote(registry, plan)


class Between:
    """A process's way to a registry, on which others do something before its n-th requests."""

    def __init__(self, registry, happens=()) -> None:
        self.registry = registry
        self.happens = dict(happens)
        self.asked = 0
        self.is_closest = False

    def __getattr__(self, name):
        method = getattr(self.registry, name)

        def ask(*arguments, **more):
            self.asked += 1
            if happens := self.happens.pop(self.asked, None):
                # Nothing can be asked between the last look at a set and the write of another one.
                self.is_closest |= name == "put_manifest" and arguments[1] == PLANS.tagged("h1-set-latest")
                happens()
            return method(*arguments, **more)

        return ask if callable(method) else method


def shown(registry) -> tuple[list[Digest | None], int]:
    """Return what the tags hold, and the order of the set that they are said to be."""
    return [held(registry, name) for name in ("base", "web")], SetStore(registry, PLANS).load(
        "latest"
    ).current.order


def every_request(make):
    """Yield runs in which something happens before the first request, before the second, and so on."""
    number = 1
    while True:
        registry, plans = MemoryRegistry(str(REPOSITORY)), {}
        for order in (4, 5, 6, 7):
            plans[order] = put(registry, order, "base", "web")
        promote(registry, plans[4])
        between = make(registry, plans, number)
        yield registry, plans, between
        if between.asked < number:
            return
        number += 1


@pytest.mark.parametrize(("first", "second"), [(5, 6), (6, 5)], ids=["a newer one", "an older one"])
def test_another_promotion_before_any_request_changes_nothing_of_the_end(first, second):
    def make(registry, plans, number):
        return Between(registry, {number: lambda: promote(registry, plans[second])})

    for registry, plans, between in every_request(make):
        promote(between, plans[first])

        if not between.happens and not between.is_closest:
            assert shown(registry) == ([a.digest for a in plans[6].aliases], 6), between.asked


@pytest.mark.parametrize("later", range(1, 12))
def test_a_third_promotion_while_the_second_ones_tags_are_put_back(later):
    def make(registry, plans, number):
        happens = {number: lambda: promote(registry, plans[6])}
        return Between(registry, happens | {number + later: lambda: promote(registry, plans[7])})

    for registry, plans, between in every_request(make):
        promote(between, plans[5])

        if not between.happens and not between.is_closest:
            assert shown(registry) == ([a.digest for a in plans[7].aliases], 7), between.asked


def test_an_undo_before_any_request_of_a_promotion_leaves_one_set():
    def make(registry, plans, number):
        return Between(registry, {number: lambda: promotion(registry).undo(["latest"])})

    for registry, plans, between in every_request(make):
        promote(registry, plans[5])
        promote(between, plans[6])

        digests, order = shown(registry)
        assert digests == [a.digest for a in plans[order].aliases], between.asked


def test_a_promotion_before_any_request_of_an_undo_has_the_last_word():
    def make(registry, plans, number):
        promote(registry, plans[5])
        return Between(registry, {number: lambda: promote(registry, plans[6])})

    for registry, plans, between in every_request(make):
        refused = []
        try:
            promotion(between).undo(["latest"])
        except PromotionRefused as error:
            refused = [error.what]

        digests, order = shown(registry)
        assert digests == [a.digest for a in plans[order].aliases], between.asked
        assert all("it stands for pipeline 6 of main now" in what for what in refused)
        assert not refused or order == 6


def test_a_branch_that_takes_the_tag_over_meanwhile_gets_back_what_was_overwritten():
    def make(registry, plans, number):
        other = evolve(plans[6], ref="stable-8")
        return Between(registry, {number: lambda: promote(registry, other, allow_backwards=True)})

    for registry, plans, between in every_request(make):
        with contextlib.suppress(PromotionRefused):
            promote(between, plans[5])

        if not between.happens:
            digests, order = shown(registry)
            assert digests == [a.digest for a in plans[order].aliases], between.asked


def test_what_was_put_back_is_said():
    registry = Interleaved(str(REPOSITORY))
    older, newer = put(registry, 5, "base", "web"), put(registry, 6, "base", "web")
    registry.before[f"{REPOSITORY}/base:latest"] = lambda: promote(registry, newer)

    (outcome,) = promote(registry, older)

    assert outcome.reason == "pipeline 6 of main is newer than pipeline 5 of main; 2 tags were put back"


class Restless(MemoryRegistry):
    """A registry in which somebody moves a tag right after it was written, so many times."""

    times = 1

    def put_manifest(self, manifest, reference):
        digest = super().put_manifest(manifest, reference)
        if str(reference) == f"{REPOSITORY}/web:latest" and self.times:
            self.times -= 1
            self.add_image(str(reference), layers=[b"by hand"])
        return digest


def test_a_tag_that_somebody_moves_meanwhile_is_written_again():
    registry = Restless(str(REPOSITORY))
    plan = put(registry, 5, "base", "web")

    (outcome,) = promote(registry, plan)

    assert outcome.moved == 3
    assert shown(registry) == ([a.digest for a in plan.aliases], 5)


def test_a_tag_that_is_moved_again_and_again_is_an_error():
    registry = Restless(str(REPOSITORY))
    registry.times = 99

    with pytest.raises(RegistryError, match="after it was written") as caught:
        promote(registry, put(registry, 5, "base", "web"))

    assert caught.value.where == f"{REPOSITORY}/web:latest"
    assert registry.times > 90


def test_a_set_that_is_written_again_and_again_is_an_error():
    registry = MemoryRegistry(str(REPOSITORY))
    plans = [put(registry, order, "web") for order in range(5, 30)]
    later = iter(plans[1:])
    between = Between(registry)
    ours = promotion(between, sleep=lambda _: promote(registry, next(later)), allow_backwards=True)
    wanted = set_of_plan(plans[0], choose(plans[0], registry, {}), order=None, at=NOW)

    with pytest.raises(PromotionRefused, match="at the same time"):
        ours.publish(["latest"], wanted)


def test_a_look_is_taken_a_moment_after_writing_and_only_then():
    registry, moments = MemoryRegistry(str(REPOSITORY)), []
    plan = put(registry, 5, "web")

    promote(registry, plan, sleep=moments.append)
    assert len(moments) == 1
    assert 0 < moments[0] < 1

    promote(registry, plan, sleep=moments.append)
    assert len(moments) == 1


def test_a_failure_among_the_tags_says_how_many_moved(registry):
    plan = put(registry, 5, "base", "web")
    tag = f"{REPOSITORY}/web:latest"
    registry.fail("put_manifest", AccessDenied("protected", where=tag), reference=tag)

    with pytest.raises(AccessDenied) as caught:
        promote(registry, plan)

    assert "1 of 2 tags moved" in caught.value.hint
    assert "run the command again" in caught.value.hint


def test_undo_says_which_tags_the_set_before_does_not_name(registry):
    promote(registry, put(registry, 5, "base"))
    promote(registry, put(registry, 6, "base", "web"))

    (outcome,) = promotion(registry).undo(["latest"])

    assert outcome.beyond == (REPOSITORY.child("web").tagged("latest"),)


def test_an_undo_without_writing_says_how_much_would_move(registry):
    promote(registry, put(registry, 5, "base", "web"))
    promote(registry, put(registry, 6, "base", "web"))
    registry.requests.clear()

    (outcome,) = promotion(registry, is_dry=True).undo(["latest"])

    assert outcome.moved == 2
    assert writes(registry) == []
