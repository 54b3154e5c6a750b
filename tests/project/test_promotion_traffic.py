"""What publishing costs, as a registry's log tells."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import count

import pytest

from hashtag.oci.reference import Reference
from hashtag.planning.plan import Plan
from hashtag.project.members import choose
from hashtag.project.promotable import set_of_plan
from hashtag.project.promoting import Promotion
from hashtag.project.sets import SetStore
from hashtag.registry import Registry
from project.stored import pipeline

pytestmark = pytest.mark.integration
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
_NUMBERS = count()


@pytest.fixture
def repository(docker_registry) -> str:
    return f"{docker_registry.host}/traffic-{next(_NUMBERS)}"


def run_pipeline(repository: str, number: int, **contents: str) -> Plan:
    with Registry.from_environment(repository, environ={}) as registry:
        return pipeline(registry, number, contents)


def promote(docker_registry, repository: str, plan: Plan, receipt=None) -> Counter[tuple[str, str]]:
    """Publish in a process that knows nothing yet; return how often each image and method was asked."""
    with Registry.from_environment(repository, environ={}) as registry:
        assert registry.resolve(registry.repository.tagged("other")) is None  # connected, TLS tried
        before = len(docker_registry.access_log())
        chosen = choose(plan, registry, receipt or {})
        store = SetStore(registry, registry.repository.child("plans"))
        wanted = set_of_plan(plan, chosen, order=None, at=NOW)
        Promotion(registry=registry, store=store).publish(["latest"], wanted)
    lines = (line.split() for line in docker_registry.access_log()[before:])
    name = repository.partition("/")[2]
    asked = [(method, path.removeprefix(f"/v2/{name}/").partition("/")[0]) for method, path in lines]
    return Counter((image, method) for method, image in asked if image not in ("plans", f"/v2/{name}"))


def test_a_tag_that_moves_costs_four_requests_for_each_image(docker_registry, repository):
    first = run_pipeline(repository, 1, base="a", web="a")
    second = run_pipeline(repository, 2, base="b", web="b")
    once = {(name, method): 1 for name in ("base", "web") for method in ("GET", "PUT")}
    each = once | {("base", "HEAD"): 2, ("web", "HEAD"): 2}

    assert promote(docker_registry, repository, first) == each
    assert promote(docker_registry, repository, second) == each


def test_a_tag_that_stays_costs_three_looks_and_nothing_is_written(docker_registry, repository):
    plan = run_pipeline(repository, 1, web="a")
    promote(docker_registry, repository, plan)

    assert promote(docker_registry, repository, plan) == {("web", "GET"): 1, ("web", "HEAD"): 2}


def test_with_a_receipt_three_requests_do(docker_registry, repository):
    plan = run_pipeline(repository, 1, web="a")
    with Registry.from_environment(repository, environ={}) as registry:
        digest = registry.resolve(Reference.parse(f"{repository}/web:1")).digest
    receipt = {"web": plan.aliases[0].target.cache_reference.with_digest(digest)}

    asked = promote(docker_registry, repository, plan, receipt)

    assert asked == {("web", "GET"): 1, ("web", "PUT"): 1, ("web", "HEAD"): 1}
