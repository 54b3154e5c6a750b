"""Which images are built, and why."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hashtag.planning.decide import decide
from hashtag.planning.plan import Alias, Build, Failed, Reason
from planning.plan_strategies import descriptor, digest_of, found, target, target_lists

base, web, api = target("base"), target("web", parents=("base",)), target("api", parents=("web",))


def reasons(actions):
    return {action.name: action.reason for action in actions}


def test_what_the_registry_holds_is_aliased_and_the_rest_is_built():
    actions = decide([base, web], found(base))

    assert actions == (
        Alias(base, Reason.HIT, descriptor(base.fingerprint).digest),
        Build(web, Reason.NEVER_BUILT, {"base": base.repository.at(descriptor(base.fingerprint).digest)}),
    )


def test_a_child_of_a_built_image_is_built_because_of_it():
    assert reasons(decide([base, web, api], {})) == {
        "base": Reason.NEVER_BUILT,
        "web": Reason.PARENT_IS_BUILT,
        "api": Reason.PARENT_IS_BUILT,
    }


def test_a_hit_is_a_hit_even_where_its_parent_is_built():
    assert reasons(decide([base, web], found(web))) == {"base": Reason.NEVER_BUILT, "web": Reason.HIT}


def test_an_image_asked_for_is_rebuilt_with_its_descendants():
    assert reasons(decide([base, web, api], found(base, web, api), rebuild={"web"})) == {
        "base": Reason.HIT,
        "web": Reason.REBUILD_ASKED,
        "api": Reason.REBUILD_ASKED,
    }


def test_what_cannot_be_used_is_built_and_replaced_and_its_children_are_hits():
    broken = {base.cache_reference: digest_of("broken")}

    actions = decide([base, web], found(web), broken=broken)

    assert reasons(actions) == {"base": Reason.CACHE_IS_BROKEN, "web": Reason.HIT}
    assert actions[0].replaces == digest_of("broken")


def test_a_broken_image_whose_parent_is_built_is_replaced_too():
    actions = decide([base, web], {}, broken={web.cache_reference: digest_of("broken")})

    assert reasons(actions) == {"base": Reason.NEVER_BUILT, "web": Reason.CACHE_IS_BROKEN}


def test_a_built_parent_is_found_by_the_tag_it_is_pushed_to():
    actions = decide([base, web], {})

    assert actions[1].parent_images == {"base": base.pipeline_reference}


def test_without_a_pipeline_tag_a_built_parent_is_found_by_its_cache_tag():
    lone = target("base", tag=None)

    assert decide([lone, web], {})[1].parent_images == {"base": lone.cache_reference}


def test_a_parent_that_is_not_planned_is_no_reason():
    assert reasons(decide([web], {})) == {"web": Reason.NEVER_BUILT}


def test_what_is_built_from_a_failed_image_fails_too():
    actions = decide([web, api], {}, failed=[Failed("base", "no such base", "HT021")])

    assert [type(action) for action in actions] == [Failed, Failed, Failed]
    assert actions[2] == Failed("api", "its parent 'web' cannot be planned", "HT024")


def test_a_hit_is_a_hit_even_where_its_parent_failed():
    actions = decide([web], found(web), failed=[Failed("base", "no such base", "HT021")])

    assert isinstance(actions[1], Alias)


@given(target_lists(), st.data())
def test_every_image_gets_one_action_and_only_hits_are_aliased(targets, data):
    present = data.draw(st.lists(st.sampled_from(targets))) if targets else []
    held = found(*present)

    actions = decide(targets, held)

    assert [action.name for action in actions] == [image.name for image in targets]
    for action in actions:
        assert isinstance(action, Alias) == (action.target.cache_reference in held)


@given(target_lists())
def test_rebuilding_all_leaves_no_alias(targets):
    actions = decide(targets, found(*targets), rebuild={image.name for image in targets})

    assert all(isinstance(action, Build) for action in actions)
