"""Images that other repositories hold: found in order, copied or used where they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

import hashtag
from hashtag.apply import apply_plan
from hashtag.errors import AccessDenied, ManifestMissing, RegistryUnreachable, StalePlan
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.change import AddTag, CopyImage
from hashtag.planning.plan import OnUpstreamHit
from hashtag.project.members import choose
from hashtag.project.promotable import set_of_plan
from hashtag.project.promoting import Outcome, Promotion, Published
from hashtag.project.sets import SetStore
from hashtag.project.upstreams import bring, used_elsewhere
from hashtag.registry.upstream import find_upstream
from hashtag.testing import MemoryRegistry
from project.projects import open_project, registry_with_base, three_images

UPSTREAM = "upstream.example/group/app"
SECOND = "registry.example/second"


def hold(registry: MemoryRegistry, plan: hashtag.Plan, repository: str, *names: str) -> None:
    """Put images of a plan into another repository, under their cache tags."""
    for build in plan.builds:
        if build.name in names:
            registry.add_image(f"{repository}/{build.name}:{build.target.cache_tag}", layers=[b"x"])


def planned(folder: Path, registry: MemoryRegistry, *look_in: str, on_hit: str = "copy") -> hashtag.Plan:
    overrides = {"look_in": list(look_in), "on_upstream_hit": on_hit}
    return open_project(folder, **overrides).plan(registry, pipeline_tag="1742")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return three_images(tmp_path)


def reasons(plan: hashtag.Plan) -> dict[str, str]:
    return {action.name: action.reason.value for action in plan}


def test_an_image_that_another_repository_holds_is_copied_under_our_cache_tag(folder: Path) -> None:
    registry = registry_with_base()
    hold(registry, planned(folder, registry), UPSTREAM, "base")
    plan = planned(folder, registry, UPSTREAM)

    assert reasons(plan) == {"base": "hit upstream", "docs": "never built", "web": "never built"}
    [base] = plan.aliases
    source = Repository.parse(f"{UPSTREAM}/base")
    assert plan.changes == (
        CopyImage(base.digest, source, base.target.cache_reference),
        AddTag(base.digest, base.target.pipeline_reference),
    )
    assert apply_plan(plan, registry).moved == plan.changes
    assert apply_plan(plan, registry).unchanged == plan.changes
    for reference in (base.target.cache_reference, base.target.pipeline_reference):
        assert registry.resolve(reference).digest == base.digest
    assert reasons(planned(folder, registry, UPSTREAM))["base"] == "hit"


def test_an_image_may_be_used_where_it_is_and_nothing_is_written(folder: Path) -> None:
    registry = registry_with_base()
    hold(registry, planned(folder, registry), UPSTREAM, "base")
    plan = planned(folder, registry, UPSTREAM, on_hit="use")

    [base] = plan.aliases
    assert str(base.reference) == f"{UPSTREAM}/base@{base.digest}"
    assert plan.changes == ()
    web = next(build for build in plan.builds if build.name == "web")
    assert web.parent_images["base"] == base.reference
    assert used_elsewhere(plan, {"base", "web"}, registry) == {"base": base}
    registry.remove_manifest(base.upstream.repository, base.digest)
    assert used_elsewhere(plan, {"base", "web"}, registry) == {}
    with pytest.raises(StalePlan, match="the image is gone"):
        apply_plan(plan, registry)


def test_our_own_repository_comes_first_then_the_others_in_order(folder: Path) -> None:
    registry = registry_with_base()
    first = planned(folder, registry)
    registry.add_image(str(first.builds[0].target.cache_reference))
    hold(registry, first, UPSTREAM, "base", "docs")
    hold(registry, first, SECOND, "docs", "web")
    registry.requests.clear()
    plan = planned(folder, registry, SECOND, UPSTREAM)

    assert reasons(plan) == {"base": "hit", "docs": "hit upstream", "web": "hit upstream"}
    assert {str(alias.upstream.repository) for alias in plan.aliases if alias.upstream} == {
        f"{SECOND}/docs",
        f"{SECOND}/web",
    }
    assert not [what for _, what in registry.requests if what.startswith(UPSTREAM)]


def test_a_repository_that_may_not_be_read_ends_the_plan(folder: Path) -> None:
    registry = registry_with_base()
    plan = planned(folder, registry)
    registry.fail(
        "resolve",
        AccessDenied("missing or no permission"),
        reference=f"{UPSTREAM}/docs:{next(b for b in plan.builds if b.name == 'docs').target.cache_tag}",
    )

    with pytest.raises(AccessDenied):
        planned(folder, registry, UPSTREAM)


def test_an_image_that_is_asked_to_be_rebuilt_is_not_copied(folder: Path) -> None:
    registry = registry_with_base()
    hold(registry, planned(folder, registry), UPSTREAM, "base", "docs", "web")
    project = open_project(folder, look_in=[UPSTREAM])

    assert reasons(project.plan(registry, rebuild=["docs"]))["docs"] == "rebuild asked"


@pytest.mark.parametrize("on_hit", ["copy", "use"])
def test_a_saved_plan_keeps_where_an_image_is(folder: Path, tmp_path: Path, on_hit: str) -> None:
    registry = registry_with_base()
    hold(registry, planned(folder, registry), UPSTREAM, "base")
    plan = planned(folder, registry, UPSTREAM, on_hit=on_hit)
    plan.save(tmp_path / "plan.json")
    [base] = hashtag.Plan.load(tmp_path / "plan.json").aliases

    assert base.upstream == plan.aliases[0].upstream
    assert base.upstream.on_hit is OnUpstreamHit(on_hit)
    assert base.changes == plan.changes


def test_an_image_that_has_left_the_other_repository_makes_the_plan_stale_and_nothing_is_written(
    folder: Path,
) -> None:
    registry = registry_with_base()
    hold(registry, planned(folder, registry), UPSTREAM, "base")
    plan = planned(folder, registry, UPSTREAM)
    registry.remove_manifest(plan.aliases[0].upstream.repository, plan.aliases[0].digest)
    registry.requests.clear()

    with pytest.raises(StalePlan, match="the image is gone"):
        apply_plan(plan, registry)
    assert not [method for method, _ in registry.requests if method in ("PUT", "POST")]
    bring(plan, {"base"}, registry)
    assert not [method for method, _ in registry.requests if method in ("PUT", "POST")]


def test_an_image_that_was_built_here_meanwhile_is_not_replaced_by_a_copy(folder: Path) -> None:
    registry = registry_with_base()
    hold(registry, planned(folder, registry), UPSTREAM, "base")
    plan = planned(folder, registry, UPSTREAM)
    cache = plan.aliases[0].target.cache_reference
    first = registry.add_image(str(cache), layers=[b"built here"])

    with pytest.raises(StalePlan, match=f"it holds {first} by now"):
        apply_plan(plan, registry)
    bring(plan, {"base"}, registry)

    assert registry.resolve(cache).digest == first
    assert registry.resolve(plan.aliases[0].target.pipeline_reference) is None


@pytest.mark.parametrize("moved", [True, False], ids=["it moved", "it is gone"])
def test_a_cache_tag_of_the_other_repository_is_looked_at_once_more(folder: Path, moved: bool) -> None:
    registry = registry_with_base()
    hold(registry, planned(folder, registry), UPSTREAM, "base")
    plan = planned(folder, registry, UPSTREAM)
    there = plan.aliases[0].upstream.repository.tagged(plan.aliases[0].target.cache_tag)
    if moved:
        registry.add_image(str(there), layers=[b"rebuilt"])
    else:
        registry.remove_tag(there)
    registry.requests.clear()

    with pytest.raises(StalePlan) as caught:
        apply_plan(plan, registry)

    assert caught.value.where == str(there)
    assert not [method for method, _ in registry.requests if method in ("PUT", "POST")]


def test_a_build_brings_what_it_needs(folder: Path) -> None:
    registry = registry_with_base()
    hold(registry, planned(folder, registry), UPSTREAM, "base", "docs")
    plan = planned(folder, registry, UPSTREAM)
    bring(plan, {"base"}, registry)

    held = {name: registry.resolve(a.target.cache_reference) for a in plan.aliases if (name := a.name)}
    assert held["base"].digest == plan.aliases[0].digest
    assert held["docs"] is None


def test_without_other_repositories_nobody_else_is_asked(folder: Path) -> None:
    registry = registry_with_base()
    registry.requests.clear()
    planned(folder, registry)

    assert len([what for method, what in registry.requests if ":h1-" in what]) == 3


@pytest.mark.parametrize(
    ("own", "image", "upstream", "there"),
    [
        pytest.param("r.example/a", "r.example/a", "u.example/b", "u.example/b", id="the repository itself"),
        pytest.param("r.example/a", "r.example/a/web", "u.example/b", "u.example/b/web", id="below it"),
        pytest.param("r.example/a", "r.example/a-web", "u.example/b", "u.example/b-web", id="beside it"),
        pytest.param(
            "oci-layout:store", "oci-layout:store:web", "u.example/b", "u.example/b/web", id="folder"
        ),
    ],
)
def test_an_image_is_looked_for_at_the_same_place(own: str, image: str, upstream: str, there: str) -> None:
    registry = MemoryRegistry()
    registry.add_image(f"{there}:h1-x")
    reference = Repository.parse(image).tagged("h1.zone-x")

    found = find_upstream(registry, {reference: "h1-x"}, Repository.parse(own), [Repository.parse(upstream)])

    assert str(found[reference][0]) == there


# ── published ────────────────────────────────────────────────────────────────────────────────────


def all_upstream(folder: Path, on_hit: str) -> tuple[MemoryRegistry, hashtag.Plan]:
    """Return a registry in which another repository holds all images, and the plan that found them."""
    registry = registry_with_base()
    hold(registry, planned(folder, registry), UPSTREAM, "base", "docs", "web")
    plan = planned(folder, registry, UPSTREAM, on_hit=on_hit)
    registry.requests.clear()
    return registry, plan


def promote(
    registry: MemoryRegistry,
    plan: hashtag.Plan,
    receipt: Mapping[str, Reference] | None = None,
    *,
    is_dry: bool = False,
) -> tuple[Outcome, ...]:
    now = datetime(2024, 5, 1, tzinfo=UTC)
    chosen = choose(plan, registry, receipt or {})
    copies = [each.copy for each in chosen if each.copy]
    promotion = Promotion(
        registry=registry, store=SetStore(registry, registry.repository.child("plans")), is_dry=is_dry
    )
    return promotion.publish(["latest"], set_of_plan(plan, chosen, order=None, at=now), copies)


def written(registry: MemoryRegistry) -> list[str]:
    return [what for method, what in registry.requests if method in ("PUT", "POST")]


@pytest.mark.parametrize("on_hit", ["copy", "use"])
@pytest.mark.parametrize("has_receipt", [True, False], ids=["by a receipt", "by tags"])
def test_what_another_repository_holds_is_copied_before_it_is_published(
    folder: Path, on_hit: str, has_receipt: bool
) -> None:
    registry, plan = all_upstream(folder, on_hit)
    receipt = {a.name: a.target.cache_reference.with_digest(a.digest) for a in plan.aliases}

    (outcome,) = promote(registry, plan, receipt if has_receipt else {})

    assert isinstance(outcome, Published)
    for alias in plan.aliases:
        for reference in (alias.target.cache_reference, alias.target.repository.tagged("latest")):
            assert registry.resolve(reference).digest == alias.digest
    puts = [what for method, what in registry.requests if method == "PUT"]
    is_published = [":latest" in what or "h1-set-" in what for what in puts]
    assert is_published == sorted(is_published)
    assert not [what for what in puts if what.startswith(UPSTREAM)]


def test_a_copy_is_said_and_a_dry_run_makes_none(folder: Path) -> None:
    registry, plan = all_upstream(folder, "use")

    assert {each.origin for each in choose(plan, registry, {})} == {"other repository"}
    assert all(UPSTREAM in each.note for each in choose(plan, registry, {}))
    promote(registry, plan, is_dry=True)
    assert written(registry) == []


def test_an_image_that_is_here_by_now_is_not_copied(folder: Path) -> None:
    registry, plan = all_upstream(folder, "use")
    for alias in plan.aliases:
        registry.add_image(str(alias.target.cache_reference), layers=[b"built here"])

    chosen = choose(plan, registry, {})

    assert {each.origin for each in chosen} == {"cache tag"}
    assert not [each for each in chosen if each.copy]


def test_an_image_that_has_left_the_other_repository_stops_all_of_them(folder: Path) -> None:
    registry, plan = all_upstream(folder, "use")
    registry.remove_manifest(plan.aliases[1].upstream.repository, plan.aliases[1].digest)

    with pytest.raises(ManifestMissing, match=UPSTREAM):
        promote(registry, plan)

    assert written(registry) == []


def test_a_copy_that_fails_publishes_nothing(folder: Path) -> None:
    registry, plan = all_upstream(folder, "use")
    registry.fail("put_manifest", RegistryUnreachable("died", where="r"))

    with pytest.raises(RegistryUnreachable):
        promote(registry, plan)

    assert not [a for a in plan.aliases if registry.resolve(a.target.repository.tagged("latest"))]
    assert SetStore(registry, registry.repository.child("plans")).load("latest") is None
