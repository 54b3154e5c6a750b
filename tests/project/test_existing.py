"""What of a plan is there by now: what is tagged next is read, the rest looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashtag.errors import AccessDenied, HashtagError, RegistryError, RegistryUnreachable
from hashtag.planning.plan import Plan, Target
from hashtag.project.existing import existing
from hashtag.testing import MemoryRegistry
from project.projects import open_project, registry_with_base, three_images


@pytest.fixture
def registry() -> MemoryRegistry:
    return registry_with_base()


@pytest.fixture
def plan(tmp_path: Path, registry: MemoryRegistry) -> Plan:
    """Return a plan that found `base` and `docs`, and is to build `web`."""
    project = open_project(three_images(tmp_path))
    for build in project.plan(registry).builds:
        if build.name != "web":
            registry.add_image(str(build.target.cache_reference))
    made = project.plan(registry, pipeline_tag="1742")
    registry.requests.clear()
    return made


def targets(plan: Plan) -> list[Target]:
    return [action.target for action in plan]


@pytest.mark.parametrize(
    ("aliases", "methods"),
    [
        pytest.param(True, {"base": "GET", "docs": "GET", "web": "HEAD"}, id="with aliases"),
        pytest.param(False, dict.fromkeys(("base", "docs", "web"), "HEAD"), id="builds alone"),
    ],
)
def test_each_image_is_asked_for_once(
    plan: Plan, registry: MemoryRegistry, aliases: bool, methods: dict[str, str]
) -> None:
    found = existing(plan, targets(plan), registry, aliases=aliases)

    held = {alias.target.cache_reference: alias.digest for alias in plan.aliases}
    assert {reference: descriptor.digest for reference, descriptor in found.items()} == held
    names = {str(each.cache_reference): each.name for each in targets(plan)}
    assert sorted((names[what], method) for method, what in registry.requests) == sorted(methods.items())


def test_one_that_is_gone_is_left_out(plan: Plan, registry: MemoryRegistry) -> None:
    base = plan.aliases[0].target.cache_reference
    registry.remove_tag(base)

    assert base not in existing(plan, targets(plan), registry, aliases=True)


def test_one_that_cannot_be_read_does_not_hold_up_the_others(plan: Plan, registry: MemoryRegistry) -> None:
    base = plan.aliases[0].target.cache_reference
    registry.fail("manifest", RegistryError("two keys of one name"), reference=str(base))

    assert len(existing(plan, targets(plan), registry, aliases=True)) == 2


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(AccessDenied("no permission"), id="denied"),
        pytest.param(RegistryUnreachable("down", where="registry.example"), id="down"),
    ],
)
def test_a_registry_that_does_not_answer_is_not_one_without_the_image(
    plan: Plan, registry: MemoryRegistry, error: HashtagError
) -> None:
    registry.fail("manifest", error)

    with pytest.raises(type(error)):
        existing(plan, targets(plan), registry, aliases=True)
