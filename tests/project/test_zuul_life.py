"""The life of a project's tags on zuul-registry: planned, tagged, published, taken back, cleaned up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import hashtag
from hashtag.apply import apply_plan
from hashtag.planning.plan import Plan
from hashtag.planning.promotion import Left
from hashtag.project.cleaning import clean
from hashtag.project.members import choose
from hashtag.project.plans import PlanStore
from hashtag.project.promotable import set_of_plan
from hashtag.project.promoting import Promotion, Published
from hashtag.project.prune_report import UNSUPPORTED
from hashtag.project.sets import SetStore
from hashtag.project.settling import held, settle
from hashtag.registry import Registry
from project.projects import write
from registry.trees import put_image
from servers.zuul_registry import PASSWORD, USER, start_zuul_registry

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    running = start_zuul_registry(tmp_path_factory.mktemp("zuul"))
    yield running.host
    running.stop()


@pytest.fixture
def registry(host: str) -> Iterator[Registry]:
    with Registry.from_environment(
        f"{host}/app", environ={}, creds=f"{USER}:{PASSWORD}", budget_seconds=3
    ) as opened:
        yield opened


def opened(folder: Path, registry: Registry) -> hashtag.Project:
    overrides = {"repository": str(registry.repository)}
    return hashtag.Project.open(folder, environ={}, overrides=overrides)


def run(folder: Path, registry: Registry, number: int) -> Plan:
    """Run a pipeline as `hashtag run` does, with images that are not built but put there."""
    project = opened(folder, registry)
    store = PlanStore(registry, registry.repository.child("plans"))
    plan = store.begin(project.plan(registry, pipeline_tag=str(number)))
    assert store.warnings == []
    assert plan is not None
    for build in plan.builds:
        image = put_image(registry, build.target.repository, f"{build.name} of {number}".encode())
        settle(build, registry.put_manifest(image, build.reference), registry)
    apply_plan(plan, registry)
    return plan


def promote(registry: Registry, plan: Plan) -> Published | Left:
    store = SetStore(registry, registry.repository.child("plans"))
    wanted = set_of_plan(plan, choose(plan, registry, {}), order=None, at=datetime.now(UTC))
    (outcome,) = Promotion(registry=registry, store=store).publish(["latest"], wanted)
    return outcome


def test_a_projects_tags_live_on_zuul_registry(registry: Registry, tmp_path: Path) -> None:
    folder = write(tmp_path, {"web/Dockerfile": "FROM scratch\nCOPY page /\n", "web/page": "one\n"})
    web = registry.repository.child("web")
    first = run(folder, registry, 1)
    again = run(folder, registry, 2)

    assert [action.reason.value for plan in (first, again) for action in plan] == ["never built", "hit"]
    assert held(registry, web.tagged("1")) == held(registry, web.tagged("2")) == again.aliases[0].digest
    stored = PlanStore(registry, registry.repository.child("plans")).load("2")
    assert stored == again

    assert isinstance(promote(registry, first), Published)
    (folder / "web/page").write_text("never published\n")
    run(folder, registry, 3)
    (folder / "web/page").write_text("two\n")
    assert isinstance(promote(registry, run(folder, registry, 4)), Published)
    assert isinstance(promote(registry, again), Left)
    latest, one, four = (held(registry, web.tagged(tag)) for tag in ("latest", "1", "4"))
    assert latest == four != one

    promotion = Promotion(registry=registry, store=SetStore(registry, registry.repository.child("plans")))
    promotion.undo(["latest"])
    assert held(registry, web.tagged("latest")) == one

    before = {tag: held(registry, web.tagged(tag)) for tag in registry.tags(web)}
    later = datetime.now(UTC) + timedelta(days=30)
    report, _ = clean(opened(folder, registry), registry, {}, now=later, is_dry=False)

    assert report.error is None
    assert report.is_unsupported
    reasons = {str(each.reference.tag): each.reason for each in report.retention.kept}
    assert reasons["3"].startswith(UNSUPPORTED)
    assert {tag: held(registry, web.tagged(tag)) for tag in registry.tags(web)} == before
