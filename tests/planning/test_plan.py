"""The plan as a value and as a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given

from hashtag.errors import FileNotWritten, InvalidDocument, UnreadableFile
from hashtag.planning.change import AddTag
from hashtag.planning.decide import decide
from hashtag.planning.plan import Alias, Build, Failed, Plan, Reason
from planning.plan_strategies import AT, REPOSITORY, found, plan_of, plans, target, with_spec

base, web = target("base"), target("web", parents=("base",))
lost = Failed("lost", "no such base", "HT021")


@pytest.fixture
def plan():
    return plan_of(*decide([base, web], found(base), failed=[lost]))


def test_iterating_a_plan_yields_the_actions_parents_first(plan):
    assert [action.name for action in plan] == ["lost", "base", "web"]
    assert len(plan) == 3


def test_a_plan_sorts_its_actions_by_kind(plan):
    assert [build.name for build in plan.builds] == ["web"]
    assert [alias.name for alias in plan.aliases] == ["base"]
    assert plan.failed == (lost,)


def test_the_changes_tag_what_exists_and_leave_builds_alone(plan):
    (alias,) = plan.aliases

    assert plan.changes == (AddTag(alias.digest, base.pipeline_reference),)
    assert plan.changes[0].source == base.repository.at(alias.digest)


@pytest.mark.parametrize(
    "pipeline_reference",
    [
        pytest.param(None, id="no pipeline tag"),
        pytest.param(base.cache_reference, id="the pipeline tag is the cache tag"),
    ],
)
def test_there_is_nothing_to_tag_without_another_tag(pipeline_reference):
    image = evolve(base, pipeline_reference=pipeline_reference)

    assert plan_of(*decide([image], found(image))).changes == ()


def test_an_alias_is_referred_to_by_digest():
    (alias,) = plan_of(*decide([base], found(base))).aliases

    assert str(alias.reference) == f"registry.example.com/group/project/base@{alias.digest}"


def test_an_image_that_stands_twice_is_refused():
    with pytest.raises(InvalidDocument, match="'base' stands twice"):
        plan_of(Build(base, Reason.NEVER_BUILT), Build(base, Reason.NEVER_BUILT))


def test_a_child_before_its_parent_is_refused():
    with pytest.raises(InvalidDocument, match="'web' stands before its parent 'base'"):
        plan_of(Build(web, Reason.NEVER_BUILT), Build(base, Reason.NEVER_BUILT))


@pytest.mark.parametrize(
    "time",
    [
        pytest.param("2024-05-01T12:00:00+02:00", id="another zone"),
        pytest.param("2024-05-01", id="no time of day"),
        pytest.param("yesterday", id="words"),
        pytest.param(AT + "\n", id="a line end behind it"),
    ],
)
@pytest.mark.parametrize("name", ["at", "commit_time"])
def test_a_time_that_is_not_rfc_3339_in_utc_is_refused(name, time):
    with pytest.raises(InvalidDocument, match="not a time"):
        Plan(**{"actions": (), "repository": REPOSITORY, "at": AT, name: time})


# ── as a file ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [pytest.param(str, id="a text"), pytest.param(Path, id="a Path")])
def test_a_saved_plan_loads_as_the_same_plan(plan, tmp_path, kind):
    path = kind(tmp_path / "plan.json")

    plan.save(path)

    assert Plan.load(path) == plan


def test_saving_replaces_the_file_and_leaves_no_other(plan, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text("old")

    plan.save(path)

    assert Plan.load(path) == plan
    assert [found.name for found in tmp_path.iterdir()] == ["plan.json"]


@pytest.mark.parametrize(
    "name", [pytest.param(".", id="a folder"), pytest.param("missing/plan.json", id="in no folder")]
)
def test_a_place_that_cannot_be_written_is_an_error_naming_it(plan, tmp_path, name):
    with pytest.raises(FileNotWritten) as caught:
        plan.save(tmp_path / name)

    assert caught.value.where == str(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_plan_is_an_error_naming_it(tmp_path):
    with pytest.raises(UnreadableFile, match=r"plan\.json: the plan cannot be read: No such file"):
        Plan.load(tmp_path / "plan.json")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "plan.json").write_bytes(b"\xff")

    with pytest.raises(InvalidDocument, match="not UTF-8"):
        Plan.load(tmp_path / "plan.json")


def test_a_huge_file_is_not_read_whole(tmp_path):
    with (tmp_path / "plan.json").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)

    with pytest.raises(InvalidDocument, match="larger than 64 MiB"):
        Plan.load(tmp_path / "plan.json")


def test_a_malformed_plan_is_an_error_naming_the_file(tmp_path):
    (tmp_path / "plan.json").write_text("{}")

    with pytest.raises(InvalidDocument) as caught:
        Plan.load(tmp_path / "plan.json")

    assert caught.value.where == str(tmp_path / "plan.json")


def test_values_of_build_arguments_are_not_saved(tmp_path):
    secret = with_spec(base, arguments={"TOKEN": "s3cret"})
    plan = plan_of(Build(secret, Reason.NEVER_BUILT))

    plan.save(tmp_path / "plan.json")

    assert "s3cret" not in (tmp_path / "plan.json").read_text()
    assert Plan.load(tmp_path / "plan.json").builds[0].target.build.arguments == {"TOKEN": None}


@given(plans())
def test_every_action_is_of_one_kind(plan):
    kinds = {Build: plan.builds, Alias: plan.aliases, Failed: plan.failed}

    assert sum(map(len, kinds.values())) == len(plan)
