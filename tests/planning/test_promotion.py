"""Whether a published tag moves: never backwards, never to another branch unasked."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from hashtag.errors import InvalidDocument, PromotionRefused
from hashtag.planning.promotion import (
    HISTORY,
    Left,
    Member,
    Publication,
    Set,
    decide_promotion,
    order_of,
    undo,
)
from hashtag.planning.publication_document import from_json, to_json
from planning.plan_strategies import AT, REPOSITORY, digest_of

LATER = "2024-05-02T12:00:00Z"


def member(name: str, content: str) -> Member:
    return Member(name=name, repository=REPOSITORY.child(name), digest=digest_of(content))


def set_of(order: int | None, *names: str, **more: object) -> Set:
    """The set of a pipeline of main; its images' content is named after the pipeline."""
    images = tuple(member(name, f"{name} of {order}") for name in names or ("web",))
    facts = {"ref": "main", "pipeline_tag": None if order is None else str(order), "order": order}
    facts |= {"commit": f"commit of {order}", "commit_time": AT, "at": AT} | more
    return Set(images=images, **facts)


def published(*sets: Set) -> Publication:
    """A tag that stood for these sets, one after the other."""
    current = None
    for each in sets:
        decision = decide_promotion("latest", current, each)
        assert isinstance(decision, Publication)
        current = decision
    assert current is not None
    return current


def test_the_first_set_needs_no_order():
    wanted = set_of(None, ref=None, commit=None, commit_time=None)

    assert decide_promotion("latest", None, wanted) == Publication(tag="latest", current=wanted)


def test_a_newer_pipeline_moves_the_tag_and_remembers_the_set_before():
    first, second = set_of(5), set_of(6)

    assert published(first, second) == Publication(tag="latest", current=second, before=(first,))


def test_an_older_pipeline_that_comes_later_leaves_the_tag():
    current = published(set_of(6))

    decision = decide_promotion("latest", current, set_of(5, commit_time=LATER))

    assert decision == Left(current, "pipeline 6 of main is newer than pipeline 5 of main")


def test_a_number_decides_before_the_commit_time():
    current = published(set_of(5, commit_time=LATER))

    assert isinstance(decide_promotion("latest", current, set_of(6)), Publication)


@pytest.mark.parametrize(
    ("mine", "theirs", "moves"),
    [
        pytest.param(LATER, AT, True, id="newer"),
        pytest.param(AT, LATER, False, id="older"),
        pytest.param("2024-05-01T12:00:00.5Z", AT, True, id="newer by half a second"),
    ],
)
@pytest.mark.parametrize("theirs_order", [None, 7])
def test_without_comparable_numbers_the_commit_time_decides(mine, theirs, moves, theirs_order):
    current = published(set_of(theirs_order, commit_time=theirs))
    wanted = set_of(None, commit="another", commit_time=mine)

    assert isinstance(decide_promotion("latest", current, wanted), Publication) is moves


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        pytest.param(set_of(5), set_of(None, commit="another"), id="one commit time"),
        pytest.param(set_of(5), set_of(None, commit="another", commit_time=None), id="no commit time"),
        pytest.param(set_of(5), set_of(5, commit="another"), id="one number, two commits"),
        pytest.param(
            set_of(None, commit=None, commit_time=None),
            set_of(None, commit=None, commit_time=None),
            id="nothing known of either",
        ),
    ],
)
def test_what_cannot_be_decided_is_refused(before, wanted):
    with pytest.raises(PromotionRefused, match="nothing says which is newer") as caught:
        decide_promotion("latest", published(before), wanted)

    assert "--order" in caught.value.hint
    assert caught.value.status == 5
    assert isinstance(
        decide_promotion("latest", published(before), wanted, allow_backwards=True), Publication
    )


def test_the_set_of_another_branch_is_refused():
    with pytest.raises(PromotionRefused, match="pipeline 5 of main, and this is pipeline 6 of stable-8"):
        decide_promotion("latest", published(set_of(5)), set_of(6, ref="stable-8"))


def test_backwards_is_done_when_it_is_asked_for():
    older = set_of(5, ref="stable-8")

    decision = decide_promotion("latest", published(set_of(6)), older, allow_backwards=True)

    assert decision == Publication(tag="latest", current=older, before=(set_of(6),))


def test_backwards_twice_is_once():
    older = set_of(5)
    once = decide_promotion("latest", published(set_of(6)), older, allow_backwards=True)

    assert decide_promotion("latest", once, older, allow_backwards=True) == once


def test_a_plan_of_some_images_carries_the_others_over():
    decision = published(set_of(5, "base", "web"), set_of(6, "web"))

    assert {i.name: i.digest for i in decision.current.images} == {
        "base": digest_of("base of 5"),
        "web": digest_of("web of 6"),
    }


def test_the_same_pipeline_may_publish_again_and_changes_nothing():
    current = published(set_of(4), set_of(5))

    assert decide_promotion("latest", current, set_of(5, at=LATER)) == current


def test_jobs_of_one_pipeline_that_publish_an_image_each_end_with_one_set():
    before = published(set_of(4, "base", "web"))

    first = decide_promotion("latest", before, set_of(5, "base"))
    both = decide_promotion("latest", first, set_of(5, "web"))

    assert isinstance(both, Publication)
    assert {i.digest for i in both.current.images} == {digest_of("base of 5"), digest_of("web of 5")}
    assert both.before == (before.current,)


def test_one_commit_published_by_another_pipeline_without_a_number_moves():
    current = published(set_of(5, commit="same"))

    assert isinstance(decide_promotion("latest", current, set_of(None, commit="same")), Publication)


def test_undo_goes_back_set_by_set():
    current = published(set_of(4), set_of(5), set_of(6))

    back = undo(current, "latest")

    assert back.current == set_of(5)
    assert undo(back, "latest").current == set_of(4)


@pytest.mark.parametrize("current", [None, published(set_of(5))], ids=["never published", "published once"])
def test_there_is_not_always_a_set_to_go_back_to(current):
    with pytest.raises(PromotionRefused, match="no set before"):
        undo(current, "latest")


def test_the_history_is_bounded():
    current = published(*(set_of(number) for number in range(HISTORY + 5)))

    assert len(current.before) == HISTORY
    assert len(current.members) == HISTORY + 1


@pytest.mark.parametrize(
    ("tag", "order"),
    [
        ("1742", 1742),
        ("0", 0),
        ("v1", None),
        ("1.2", None),
        ("", None),
        (None, None),
        ("9" * 40, None),
        ("²", None),
    ],
)
def test_a_numeric_pipeline_tag_is_a_number(tag, order):
    assert order_of(tag) == order


@given(orders=st.lists(st.integers(0, 6), max_size=12))
def test_in_whatever_order_pipelines_come_the_newest_has_the_last_word(orders):
    current, highest = None, -1
    for order in orders:
        decision = decide_promotion("latest", current, set_of(order))
        current = decision if isinstance(decision, Publication) else decision.current
        highest = max(highest, order)
        assert current.current.order == highest


# ── the document ─────────────────────────────────────────────────────────────────────────────────


@given(
    sets=st.lists(
        st.builds(
            set_of,
            st.none() | st.integers(0, 10**18),
            st.sampled_from(["base", "web"]),
            ref=st.none() | st.text(),
            commit=st.none() | st.text(),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_a_stored_publication_reads_as_it_was(sets):
    publication = Publication(tag="latest", current=sets[0], before=tuple(sets[1:]))

    assert from_json(to_json(publication)) == publication


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"format_version": "1.0", "tag": "latest"}', id="no set"),
        pytest.param(to_json(published(set_of(5))).replace(b'"1.0"', b'"2.0"'), id="of a later version"),
        pytest.param(to_json(published(set_of(5))).replace(b"sha256:", b"sha512:"), id="no digest"),
        pytest.param(
            to_json(published(set_of(5, "web", "a"))).replace(b'"a"', b'"web"'), id="an image twice"
        ),
        pytest.param(b"[" * 100_000, id="deeper than anybody reads"),
    ],
)
def test_what_is_no_stored_set_is_refused(content):
    with pytest.raises(InvalidDocument):
        from_json(content)


def test_unknown_fields_are_ignored():
    publication = published(set_of(5))
    content = to_json(publication).replace(b'"tag"', b'"new": 1, "tag"')

    assert from_json(content) == publication
    assert from_json(to_json(evolve(publication, before=()))) == publication
