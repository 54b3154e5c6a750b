"""Which branch may move which tag."""

from __future__ import annotations

import pytest

from hashtag.errors import ConfigError, InvalidReference, PromotionRefused, UsageError
from hashtag.planning.publishing import Policy, Skipped
from hashtag.planning.zone import TRUSTED, Zone, is_ours
from hashtag.worktree.naming import slug

PUBLISH = {"main": ("latest",), "stable-*": ("{branch}",), "feature/*": ("f-{slug}",), "raw/*": ("{branch}",)}


def policy(publish=PUBLISH, *, is_ci=True, default_branch=None) -> Policy:
    return Policy(publish=publish, is_ci=is_ci, default_branch=default_branch, slug=slug)


@pytest.mark.parametrize(
    ("ref", "asked", "tags"),
    [
        pytest.param("main", [], ("latest",), id="what the branch publishes"),
        pytest.param("main", ["latest"], ("latest",), id="asked for and allowed"),
        pytest.param("stable-8.0", [], ("stable-8.0",), id="named after the branch"),
        pytest.param("feature/x", [], (f"f-{slug('feature/x')}",), id="named after the branch's slug"),
    ],
)
def test_a_branch_publishes_what_the_policy_says(ref, asked, tags):
    assert policy().choose(asked, ref) == tags


@pytest.mark.parametrize(
    ("ref", "asked"),
    [
        pytest.param("stable-6.0-staging", ["latest"], id="an old branch never moves latest"),
        pytest.param("topic", [], id="no pattern"),
        pytest.param(None, [], id="no branch known"),
    ],
)
def test_other_branches_publish_nothing_and_that_is_no_failure(ref, asked):
    choice = policy().choose(asked, ref)

    assert isinstance(choice, Skipped)
    assert (ref or "no known branch") in choice.reason


def test_a_person_at_a_shell_may_publish_any_tag():
    assert policy({}, is_ci=False).choose(["current-passed-ci"], None) == ("current-passed-ci",)


def test_without_a_policy_the_default_branch_publishes_what_it_is_told_to():
    without = policy({}, default_branch="main")

    assert without.choose(["latest", "latest"], "main") == ("latest",)
    assert isinstance(without.choose(["latest"], "topic"), Skipped)


def test_in_ci_somebody_has_to_say_who_publishes():
    with pytest.raises(PromotionRefused) as caught:
        policy({}).choose(["latest"], "main")

    assert "HASHTAG_PUBLISH=main=latest" in caught.value.hint


def test_a_tag_has_to_come_from_somewhere():
    with pytest.raises(UsageError, match="which tag"):
        policy({}, is_ci=False).choose([], "main")


@pytest.mark.parametrize(
    ("branch", "character"),
    [("raw/x+y", "'/'"), ("raw/ü", "'/'"), ("raw/" + "x" * 200, "'/'")],
)
def test_a_branch_that_is_no_tag_is_named_with_the_character_and_a_suggestion(branch, character):
    with pytest.raises(InvalidReference) as caught:
        policy().choose([], branch)

    assert branch in caught.value.what
    assert character in caught.value.what
    assert slug(branch) in caught.value.hint


@pytest.mark.parametrize("tag", ["", "a/b", "-x", "x" * 129, "h1-set-latest", "h1.zone-x"])
def test_a_tag_that_cannot_be_published_is_refused(tag):
    with pytest.raises((InvalidReference, UsageError)):
        policy(is_ci=False).choose([tag], "main")


def test_an_unknown_word_in_braces_is_refused():
    with pytest.raises(ConfigError, match="ref"):
        policy({"main": ("{ref}",)}).choose([], "main")


# ── zones ────────────────────────────────────────────────────────────────────────────────────────


def test_the_longest_zone_and_a_fingerprint_are_a_tag():
    assert len(Zone("z" * 60).cache_tag("0" * 64)) == 128


@pytest.mark.parametrize("zone", [TRUSTED, Zone("topic-1")])
def test_every_pipeline_tag_has_a_tag_for_its_plan(zone):
    long = {zone.plan_tag("x" * length) for length in range(1, 129)}

    assert len(long) == 128
    assert all(len(tag) <= 128 and zone.has_plan_tag(tag) and is_ours(tag) for tag in long)


def test_no_tag_of_a_zone_is_one_of_the_trusted():
    zone = Zone("plan")

    assert not TRUSTED.has_plan_tag(zone.plan_tag("1"))
    assert not TRUSTED.has_set_tag(zone.set_tag("latest"))
    assert not zone.has_plan_tag(TRUSTED.plan_tag("1"))
    assert not zone.cache_tag("0" * 64).startswith(TRUSTED.prefix)


@pytest.mark.parametrize("name", ["a/b", "A", "x" * 61, "a.b"])
def test_a_zone_has_a_plain_name(name):
    with pytest.raises(InvalidReference):
        Zone(name)
