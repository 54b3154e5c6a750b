"""Cleanups on registries that delete tags, that delete manifests alone, and that delete nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count

import pytest
from attrs import evolve

from hashtag.errors import AccessDenied, PruneStopped, RegistryUnreachable
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.reference import Reference
from hashtag.oci.removal import Pending, Refused
from hashtag.planning.promotion import Member, Publication, Set
from hashtag.planning.zone import Zone
from hashtag.project.members import choose
from hashtag.project.plans import PlanStore
from hashtag.project.promotable import set_of_plan
from hashtag.project.promoting import Promotion
from hashtag.project.pruning import PruneOptions, prune
from hashtag.project.sets import SetStore
from hashtag.registry import Registry
from hashtag.testing import MemoryRegistry
from project.stored import NOW, OLD, YOUNG, image, pipeline, plan_of, put, store, survey

_NUMBERS = count()
MODES = ["tags", "digests"]


@pytest.fixture(params=[*MODES, pytest.param("docker-registry", marks=pytest.mark.integration)])
def registry(request):
    """Return a registry that deletes tags, or manifests alone."""
    if request.param != "docker-registry":
        yield MemoryRegistry(deletes=request.param)
        return
    host = request.getfixturevalue("docker_registry").host
    with Registry.from_environment(f"{host}/prune-{next(_NUMBERS)}", environ={}) as opened:
        yield opened


def run(registry, *, is_dry=False, zone=None, **more):
    options = PruneOptions(now=NOW, **more)
    return prune(survey(registry, *([zone] if zone else [])), options, is_dry=is_dry)


def names(registry, verdicts) -> set[str]:
    own = f"{registry.repository}/"
    return {str(each.reference).removeprefix(own) for each in verdicts}


def deleted(registry, **more) -> set[str]:
    report = run(registry, **more)
    assert report.error is None
    return names(registry, report.retention.deleted)


def left(registry, *repositories: str) -> set[str]:
    own = registry.repository
    return {
        f"{name}:{tag}" for name in repositories or ("web", "plans") for tag in registry.tags(own.child(name))
    }


def cache(plan, name: str = "web") -> str:
    (found,) = (a.target.cache_tag for a in plan if a.name == name)
    return f"{name}:{found}"


def promotion(registry) -> Promotion:
    store = SetStore(registry, registry.repository.child("plans"))
    return Promotion(registry=registry, store=store, sleep=lambda _: None)


def promote(registry, plan, tag: str = "latest") -> None:
    wanted = set_of_plan(plan, choose(plan, registry, {}), order=None, at=NOW - timedelta(days=OLD))
    promotion(registry).publish([tag], wanted)


# ── what goes ────────────────────────────────────────────────────────────────────────────────────


def test_an_old_pipeline_goes_with_its_plan_and_what_nobody_needs(registry):
    old = pipeline(registry, 1, {"web": "a"}, days=OLD)
    young = pipeline(registry, 2, {"web": "b"}, days=YOUNG)

    assert deleted(registry) == {"web:1", cache(old), "plans:h1-plan-1"}
    assert left(registry) == {"web:2", cache(young), "plans:h1-plan-2"}


def test_a_pipeline_tag_aliased_today_to_an_old_image_stays_with_it(registry):
    old = pipeline(registry, 1, {"web": "a"}, days=30)
    pipeline(registry, 2, {"web": "a"}, days=0)

    # Where deletion is by digest, nothing of the shared image can go.
    gone = deleted(registry)

    assert gone in ({"web:1", "plans:h1-plan-1"}, set())
    assert {"web:2", cache(old), "plans:h1-plan-2"} <= left(registry)


def test_the_current_content_stays_however_old(registry):
    old = pipeline(registry, 1, {"web": "a"}, days=OLD)
    current = old.aliases[0].target.cache_reference

    gone = deleted(registry, current=frozenset([current]))

    assert gone in ({"web:1"}, set())
    assert {cache(old), "plans:h1-plan-1"} <= left(registry)


def test_53_tags_that_no_plan_lists_stay_for_ever(registry):
    old = pipeline(registry, 1, {"web": "a"}, days=OLD)
    for tag in ("38", "v1.0", "nightly", "h1-" + "0" * 64):
        put(
            registry,
            evolve(
                image(registry, "web", tag, tag), cache_reference=registry.repository.child("web").tagged(tag)
            ),
        )

    assert deleted(registry) == {"web:1", cache(old), "plans:h1-plan-1"}
    assert left(registry, "web") == {"web:38", "web:v1.0", "web:nightly", "web:h1-" + "0" * 64}


def test_what_is_published_stays_and_what_undo_goes_back_to(registry):
    before = pipeline(registry, 1, {"web": "a"}, days=30)
    promote(registry, before)
    after = pipeline(registry, 2, {"web": "b"}, days=20)
    promote(registry, after)
    other = pipeline(registry, 3, {"web": "c"}, days=10)

    gone = deleted(registry)

    assert {"web:3", cache(other)} <= gone
    assert not gone & {cache(before), cache(after), "web:latest", "plans:h1-set-latest"}
    promotion(registry).undo(["latest"])


def test_the_plan_of_what_stays_stays(registry):
    plan = pipeline(registry, 1, {"web": "a"}, days=OLD)
    promote(registry, plan)

    assert "plans:h1-plan-1" not in deleted(registry)


def test_the_set_of_images_that_no_plan_and_no_checkout_knows_stays_with_them(memory_registry):
    plan = pipeline(memory_registry, 1, {"web": "a"}, days=OLD)
    promote(memory_registry, plan)
    memory_registry.remove_tag(memory_registry.repository.child("plans").tagged("h1-plan-1"))

    assert deleted(memory_registry) == set()


def test_the_set_of_images_elsewhere_stays(memory_registry):
    other = memory_registry.repository.__class__.parse("registry.example/elsewhere")
    digest = memory_registry.add_image(f"{other}:latest")
    member = Member(name="web", repository=other, digest=digest)
    old = Set(images=(member,), at="2020-01-01T00:00:00Z")
    SetStore(memory_registry, memory_registry.repository.child("plans")).put(
        Publication(tag="latest", current=old)
    )

    assert deleted(memory_registry) == set()


def test_the_set_of_a_tag_that_somebody_deleted_goes(memory_registry):
    promote(memory_registry, pipeline(memory_registry, 1, {"web": "a"}, days=OLD), "stable")
    memory_registry.remove_tag(memory_registry.repository.child("web").tagged("stable"))

    assert "plans:h1-set-stable" in deleted(memory_registry)


def test_a_second_cleanup_finds_nothing(registry):
    pipeline(registry, 1, {"web": "a", "base": "a"}, days=OLD)
    pipeline(registry, 2, {"web": "b", "base": "b"})
    first = deleted(registry)

    assert len(first) == 5
    assert deleted(registry) == set()


def test_a_dry_run_says_what_would_go_and_deletes_nothing(registry):
    old = pipeline(registry, 1, {"web": "a"}, days=OLD)
    before = left(registry)

    report = run(registry, is_dry=True)

    assert names(registry, report.retention.deleted) == {"web:1", cache(old), "plans:h1-plan-1"}
    assert left(registry) == before
    assert json.loads(report.to_json()).keys() == {"deleted", "kept", "dry_run", "unsupported"}


def test_every_tag_stands_in_the_report_with_a_reason(registry):
    pipeline(registry, 1, {"web": "a"}, days=OLD)
    promote(registry, pipeline(registry, 2, {"web": "b"}))

    document = json.loads(run(registry, is_dry=True).to_json())

    rows = [*document["deleted"], *document["kept"]]
    assert {row["reference"].removeprefix(f"{registry.repository}/") for row in rows} == left(registry)
    assert all(row["reason"] for row in rows)
    own = registry.repository.name
    for row in rows:
        reference = Reference.parse(row["reference"])
        assert reference.repository.name.startswith(own)
        assert row["digest"] == str(registry.resolve(reference).digest)


@pytest.mark.parametrize("deletes", MODES)
def test_an_old_pipeline_that_is_run_again_is_young(deletes):
    registry = MemoryRegistry(deletes=deletes)
    plan = pipeline(registry, 1, {"web": "a"}, days=OLD)
    plans = PlanStore(registry, registry.repository.child("plans"), clock=lambda: NOW)

    plans.begin(plan)  # run_again: the same plan
    writes = len(registry.requests)
    plans.begin(plan)

    assert deleted(registry) == set()
    assert not [what for method, what in registry.requests[writes:] if method == "PUT"]


@pytest.mark.parametrize("deletes", MODES)
def test_a_plan_that_is_carried_out_long_after_it_was_made_is_young(deletes):
    registry = MemoryRegistry(deletes=deletes)
    made = [image(registry, "web", "a", 1)]
    plan = plan_of(registry, 1, made, days=OLD)

    PlanStore(registry, registry.repository.child("plans"), clock=lambda: NOW).begin(plan)
    put(registry, made[0])

    assert deleted(registry) == set()


# ── by digest ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def by_digest():
    return MemoryRegistry(deletes="digests")


def test_57_a_manifest_that_a_tag_of_somebody_holds_too_stays(by_digest):
    old = pipeline(by_digest, 1, {"web": "a"}, days=OLD)
    target = old.aliases[0].target
    by_digest.put_manifest(by_digest.manifest(target.cache_reference), target.repository.tagged("mine"))

    report = run(by_digest)

    assert not report.retention.deleted
    reasons = {str(each.reference): each.reason for each in report.retention.kept}
    assert "mine holds the same image" in reasons[str(target.cache_reference)]
    assert reasons[f"{by_digest.repository}/plans:h1-plan-1"] == "what it describes stays"


def test_58_a_manifest_that_an_index_of_a_kept_tag_lists_stays(by_digest):
    old = pipeline(by_digest, 1, {"web": "a"}, days=OLD)
    target = old.aliases[0].target
    child = by_digest.manifest(target.cache_reference).descriptor.to_json()
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]}).encode()
    by_digest.put_manifest(Manifest(OCI_INDEX, index), target.repository.tagged("both"))

    assert deleted(by_digest) == set()


def test_58_the_subject_of_a_kept_referrer_stays(by_digest):
    old = pipeline(by_digest, 1, {"web": "a"}, days=OLD)
    target = old.aliases[0].target
    subject = by_digest.manifest(target.cache_reference).descriptor.to_json()
    blob = Descriptor("application/x", by_digest.put_blob(target.repository, b"{}"), 2).to_json()
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": blob,
        "layers": [],
        "subject": subject,
    }
    by_digest.put_manifest(
        Manifest(OCI_MANIFEST, json.dumps(document).encode()), target.repository.tagged("signed")
    )

    assert deleted(by_digest) == set()


@pytest.mark.parametrize("suffix", ["", ".sig", ".att"])
def test_what_a_signature_by_tag_is_for_stays(by_digest, suffix):
    old = pipeline(by_digest, 1, {"web": "a"}, days=OLD)
    target = old.aliases[0].target
    digest = by_digest.resolve(target.cache_reference).digest
    by_digest.add_image(f"{target.repository}:sha256-{digest.hex}{suffix}", layers=[b"signature"])

    assert deleted(by_digest) == set()


def test_a_kept_image_that_is_not_whole_stops_the_cleanup(by_digest):
    pipeline(by_digest, 1, {"web": "a"}, days=OLD)
    repository = by_digest.repository.child("web")
    index = by_digest.add_image(f"{repository}:mine", platforms=["linux/amd64", "linux/arm64"])
    by_digest.remove_manifest(repository, by_digest.manifest(repository.at(index)).children()[0].digest)

    report = run(by_digest)

    assert isinstance(report.error, PruneStopped)
    assert not report.retention.deleted


def test_52_an_alias_that_appears_meanwhile_saves_the_manifest(by_digest):
    old = pipeline(by_digest, 1, {"web": "a"}, days=OLD)
    target = old.aliases[0].target
    manifest = by_digest.manifest(target.cache_reference)
    real = by_digest.remove_tag

    def alias_first(reference):
        by_digest.put_manifest(manifest, target.repository.tagged("new"))
        return real(reference)

    by_digest.remove_tag = alias_first

    assert deleted(by_digest) == set()
    assert by_digest.resolve(target.cache_reference) is not None


class Slow(MemoryRegistry):
    """A registry in which a tag comes in the moment in which a manifest goes."""

    comes = None

    def remove_manifest(self, repository, digest):
        comes, self.comes = self.comes, None
        back = comes(digest) if comes else lambda: None
        removal = super().remove_manifest(repository, digest)
        back()
        return removal


def dangling(registry, repository):
    """Let a new tag of the manifest be listed, and answer 404, as docker-registry does."""

    def comes(digest):
        def back():
            registry._tags[repository]["new"] = digest

        return back

    return comes


def index_of_it(registry, repository):
    """Let an index of the manifest come, with a tag."""

    def comes(digest):
        child = registry.manifest(repository.at(digest)).descriptor.to_json()
        index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]}).encode()
        registry.put_manifest(Manifest(OCI_INDEX, index), repository.tagged("new"))
        return lambda: None

    return comes


@pytest.mark.parametrize("newcomer", [dangling, index_of_it], ids=["the same image", "an index of it"])
def test_what_comes_in_the_moment_of_a_deletion_gets_its_image_back(newcomer):
    registry = Slow(deletes="digests")
    old = pipeline(registry, 1, {"web": "a"}, days=OLD)
    target = old.aliases[0].target
    digest = registry.resolve(target.cache_reference).digest
    registry.comes = newcomer(registry, target.repository)

    report = run(registry)

    assert isinstance(report.error, PruneStopped)
    assert report.error.where == f"{target.repository}:new"
    assert registry.resolve(target.repository.tagged("new")) is not None
    assert registry.resolve(target.repository.at(digest)) is not None
    assert "plans:h1-plan-1" in left(registry)


def test_a_newcomer_that_is_broken_by_others_stops_nothing():
    registry = Slow(deletes="digests")
    old = pipeline(registry, 1, {"web": "a"}, days=OLD)
    web = old.aliases[0].target.repository
    elsewhere = dangling(registry, web)
    registry.comes = lambda _: elsewhere(Digest.of(b"never there"))

    assert deleted(registry) == {"web:1", cache(old), "plans:h1-plan-1"}


# ── stops ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("deletes", MODES)
@pytest.mark.parametrize("operation", ["tags", "resolve", "manifest", "blob"])
def test_before_the_first_deletion_any_failure_stops(deletes, operation):
    registry = MemoryRegistry(deletes=deletes)
    pipeline(registry, 1, {"web": "a"}, days=OLD)
    before = left(registry)
    registry.fail(operation, RegistryUnreachable("gone", where="r"))

    with pytest.raises(RegistryUnreachable):
        run(registry)

    assert left(registry) == before


def test_a_failure_in_the_middle_stands_in_the_report_with_what_went(memory_registry):
    old = pipeline(memory_registry, 1, {"web": "a"}, days=OLD)
    error = AccessDenied("denied", where="r")
    memory_registry.fail("remove_tag", error, reference=str(old.aliases[0].target.cache_reference))

    report = run(memory_registry)

    assert report.error is error
    assert names(memory_registry, report.retention.deleted) == {"web:1"}
    assert {"plans:h1-plan-1", cache(old)} <= left(memory_registry)


@pytest.mark.parametrize("content", [b"{}", b"\xff", b'{"format_version": "2.0"}'])
def test_a_plan_that_cannot_be_read_stops(memory_registry, content):
    from hashtag.apply import apply
    from hashtag.planning.change import PutArtifact
    from hashtag.project.plans import PLAN_TYPE

    pipeline(memory_registry, 1, {"web": "a"}, days=OLD)
    plans = memory_registry.repository.child("plans")
    apply([PutArtifact(plans.tagged("h1-plan-2"), PLAN_TYPE, content)], memory_registry)

    with pytest.raises(PruneStopped):
        run(memory_registry)


def test_an_image_in_the_place_of_a_set_stops(memory_registry):
    memory_registry.add_image(f"{memory_registry.repository}/plans:h1-set-latest")

    with pytest.raises(PruneStopped):
        run(memory_registry)


def test_far_more_than_usual_stops(memory_registry):
    for number in range(12):
        pipeline(memory_registry, number, {"web": str(number)}, days=OLD)

    with pytest.raises(PruneStopped, match="36 of 36 tags would go") as caught:
        run(memory_registry)

    assert "--max-percent 100" in caught.value.hint
    assert len(deleted(memory_registry, max_percent=100)) == 36


# ── meanwhile ────────────────────────────────────────────────────────────────────────────────────


class Meanwhile(MemoryRegistry):
    """A registry in which something happens at the first deletion."""

    happens = None

    def _at_once(self):
        happens, self.happens = self.happens, None
        if happens:
            happens()

    def remove_tag(self, reference):
        removal = super().remove_tag(reference)
        self._at_once()
        return removal


def test_a_pipeline_that_begins_meanwhile_keeps_what_its_plan_lists():
    registry = Meanwhile()
    old = pipeline(registry, 1, {"web": "a"}, days=OLD)
    registry.happens = lambda: store(registry, plan_of(registry, 2, [image(registry, "web", "a", 2)]))

    report = run(registry)

    assert names(registry, report.retention.deleted) == {"web:1", "plans:h1-plan-1"}
    assert registry.resolve(old.aliases[0].target.cache_reference) is not None


def test_an_old_plan_that_another_one_replaces_meanwhile_is_read_again_after_a_while():
    registry = Meanwhile()
    old = pipeline(registry, 1, {"web": "a"}, days=OLD)
    pipeline(registry, 2, {"base": "b"}, days=OLD)
    registry.happens = lambda: store(registry, plan_of(registry, 2, [image(registry, "web", "a", 2)]))

    report = run(registry, clock=iter(range(0, 10**6, 11)).__next__)

    assert "web:1" in names(registry, report.retention.deleted)
    assert registry.resolve(old.aliases[0].target.cache_reference) is not None


def test_52_a_tag_that_moves_meanwhile_stays():
    registry = Meanwhile()
    old = pipeline(registry, 1, {"web": "a"}, days=OLD)
    target = old.aliases[0].target
    registry.happens = lambda: registry.add_image(str(target.cache_reference), layers=[b"rebuilt"])

    report = run(registry)

    assert names(registry, report.retention.deleted) == {"web:1"}
    assert any("by now" in each.reason for each in report.retention.kept)


def test_a_registry_that_takes_siblings_with_a_tag_is_stopped_and_repaired(memory_registry):
    old = pipeline(memory_registry, 1, {"web": "a"}, days=OLD)
    target = old.aliases[0].target
    mine = target.repository.tagged("mine")
    memory_registry.put_manifest(memory_registry.manifest(target.cache_reference), mine)
    digest = memory_registry.resolve(mine).digest
    memory_registry.remove_tag = lambda r: memory_registry.remove_manifest(r.repository, digest)

    report = run(memory_registry)

    assert isinstance(report.error, PruneStopped)
    assert memory_registry.resolve(mine).digest == digest


@pytest.mark.parametrize(
    ("removal", "reason"),
    [(Refused("locked"), "locked"), (Pending(), "has not yet")],
    ids=["locked", "54 pending"],
)
def test_a_tag_that_the_registry_keeps_stays_and_its_plan_with_it(memory_registry, removal, reason):
    pipeline(memory_registry, 1, {"web": "a"}, days=OLD)
    memory_registry.remove_tag = lambda reference: removal

    report = run(memory_registry)

    assert not report.retention.deleted
    assert any(reason in each.reason for each in report.retention.kept)


def test_a_registry_that_deletes_nothing_is_no_failure():
    registry = MemoryRegistry(deletes="nothing")
    pipeline(registry, 1, {"web": "a"}, days=OLD)

    report = run(registry)

    assert (report.error, report.is_unsupported) == (None, True)
    assert not report.retention.deleted
    assert any(each.reason.startswith("unsupported") for each in report.retention.kept)


def test_where_no_tag_goes_alone_and_no_manifest_can_go_that_is_unsupported(by_digest):
    old = pipeline(by_digest, 1, {"web": "a"}, days=OLD)
    pipeline(by_digest, 2, {"web": "a"})

    report = run(by_digest)

    assert (report.error, report.is_unsupported) == (None, True)
    reasons = {each.reference: each.reason for each in report.retention.kept}
    assert reasons[old.aliases[0].target.pipeline_reference].startswith("unsupported: no tag goes alone here")
    assert json.loads(report.to_json())["unsupported"] is True


def test_the_plans_of_a_long_past_are_not_all_read_again_for_each_tag():
    registry = MemoryRegistry()
    for number in range(30):
        pipeline(registry, number, {"web": str(number)}, days=OLD)
    registry.requests.clear()

    assert len(deleted(registry, max_percent=100)) == 90
    # A list before each deletion; of its plans each a few times, and not 90 times.
    asked = [what for method, what in registry.requests if method == "HEAD" and ":h1-plan-" in what]
    assert len(asked) < 30 * 8


# ── whose plan it is ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("deletes", MODES)
@pytest.mark.parametrize(
    "plant",
    [
        pytest.param({"zone": Zone("topic")}, id="in a zone"),
        pytest.param({"tag": "h1-plan-7"}, id="under another pipeline's tag"),
    ],
)
def test_a_false_plan_deletes_nothing(deletes, plant):
    registry = MemoryRegistry(deletes=deletes)
    victim = image(registry, "web", "release", "38")
    put(registry, victim)
    store(registry, plan_of(registry, "38", [victim], days=OLD), **plant)

    assert deleted(registry) == set()


def test_a_plan_that_lists_a_tag_which_is_not_its_pipelines_deletes_nothing(memory_registry):
    victim = image(memory_registry, "web", "release", "38")
    put(memory_registry, victim)
    store(memory_registry, plan_of(memory_registry, "1", [victim], days=OLD))

    assert deleted(memory_registry) == set()


def test_a_plan_of_another_project_deletes_nothing(memory_registry):
    other = MemoryRegistry("registry.example/other")
    victim = image(other, "web", "release", "1")
    memory_registry.add_image(str(victim.pipeline_reference))
    memory_registry.add_image(str(victim.cache_reference))
    store(memory_registry, plan_of(memory_registry, "1", [victim], days=OLD))

    assert deleted(memory_registry) == set()


def test_53_a_plan_from_the_future_is_not_old(memory_registry):
    pipeline(memory_registry, 1, {"web": "a"}, days=-400)

    assert deleted(memory_registry) == set()


def test_latest_is_never_deleted_whatever_lists_it(memory_registry):
    pipeline(memory_registry, "latest", {"web": "a"}, days=OLD)

    assert "web:latest" not in deleted(memory_registry)


def test_a_pipeline_of_a_zone_cleans_its_own_alone(memory_registry):
    zone = Zone("topic")
    pipeline(memory_registry, 1, {"web": "a"}, days=OLD)
    mine = image(memory_registry, "web", "b", 2, zone)
    put(memory_registry, mine)
    store(memory_registry, plan_of(memory_registry, 2, [mine], days=OLD), zone)

    assert deleted(memory_registry, zone=zone) == {"web:2", f"web:{mine.cache_tag}", "plans:h1.topic-plan-2"}


def test_what_is_listed_and_not_there_stays(memory_registry):
    pipeline(memory_registry, 1, {"web": "a"}, days=OLD)
    listed = memory_registry.tags
    web = memory_registry.repository.child("web")
    memory_registry.tags = lambda r: iter([*listed(r), "dangling"]) if r == web else listed(r)

    report = run(memory_registry)

    assert any("nothing answers" in each.reason for each in report.retention.kept)
