"""What holds for all ignore files and all paths."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from hashtag.context.goregexp import MalformedExpression, alternatives, python
from hashtag.context.ignore import IgnoreRules
from hashtag.context.simulation import Simulation, TooHard
from hashtag.errors import HashtagError

_NAMES = st.sampled_from(["a", "b", "ab", "x.log", "é", ".git", "[a]", "a b", "a\nb"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)
_PIECES = st.sampled_from(
    ["a", "b", "*", "**", "?", "[ab]", "[^a]", "*.log", "\\[a\\]", "a*", "é", ".git", "a b"]
)
_PATTERNS = st.lists(_PIECES, min_size=1, max_size=4).map("/".join)
_LINES = st.builds(
    "{}{}{}".format, st.sampled_from(["", "", "!", "/", "! "]), _PATTERNS, st.sampled_from(["", "/"])
)
# Any text of the characters that mean something.
_ROUGH = st.text("ab/*?!.[]^\\|{}\n\ufeff", max_size=8)
_FILES = st.lists(_LINES, max_size=6)


@given(_FILES, _PATHS)
def test_stepping_down_gives_the_verdict_on_the_whole_path(lines: list[str], path: str) -> None:
    rules = IgnoreRules.parse("\n".join(lines))
    verdict = rules.root
    for name in path.split("/"):
        if not verdict.is_entered:
            break
        assert verdict.excludes(name) == verdict.enter(name).is_excluded
        verdict = verdict.enter(name)

    assert verdict.is_excluded == rules.excludes(path)


@settings(max_examples=400)
@given(_FILES | st.lists(_ROUGH, max_size=6), st.lists(_PATHS, min_size=1, max_size=9))
def test_the_automaton_gives_the_verdict(lines: list[str], paths: list[str]) -> None:
    try:
        rules = IgnoreRules.parse("\n".join(lines))
    except HashtagError:
        reject()
    start = rules.steps()
    for path in paths:
        verdict, step, shows_all = rules.root, start, False
        for name in path.split("/"):
            shows_all = shows_all or step.shows_all
            assert not (shows_all and verdict.excludes(name))
            assert step.excludes(name) == verdict.excludes(name)
            verdict, step = verdict.enter(name), step.enter(name)
            assert (step.is_excluded, step.is_entered) == (verdict.is_excluded, verdict.is_entered)


@pytest.mark.parametrize(
    ("text", "shows_all"),
    [
        pytest.param(".git\nbuild/*.o", True, id="patterns of other folders"),
        pytest.param("src/gen", False, id="a pattern that goes on"),
        pytest.param("**/*.log", False, id="a pattern of any folder"),
        pytest.param("src\n!src/a", False, id="the folder itself is left out"),
        pytest.param("[s]rc/x", False, id="a pattern that has to see the whole path"),
    ],
)
def test_a_folder_that_no_pattern_reaches_shows_all(text: str, shows_all: bool) -> None:
    assert IgnoreRules.parse(text).steps().enter("src").shows_all == shows_all


@given(_FILES, _PATHS, st.data())
def test_comments_and_blank_lines_change_nothing(lines: list[str], path: str, data: st.DataObject) -> None:
    more = list(lines)
    for dull in ("# a", "", "  \t", "#!b"):
        more.insert(data.draw(st.integers(0, len(more))), dull)

    assert IgnoreRules.parse("\r\n".join(more)).excludes(path) == IgnoreRules.parse(
        "\n".join(lines)
    ).excludes(path)


@given(_FILES, _PATHS)
def test_a_pattern_repeated_at_once_changes_nothing(lines: list[str], path: str) -> None:
    twice = [line for line in lines for _ in range(2)]

    assert IgnoreRules.parse("\n".join(twice)).excludes(path) == IgnoreRules.parse("\n".join(lines)).excludes(
        path
    )


@given(_FILES, _PATHS)
def test_exceptions_before_any_other_pattern_change_nothing_that_is_seen(lines: list[str], path: str) -> None:
    rules = IgnoreRules.parse("\n".join(["!a", *lines]))

    # It can only have a folder entered that was not.
    assert rules.excludes(path) <= IgnoreRules.parse("\n".join(lines)).excludes(path)


@given(st.lists(_PATTERNS, max_size=5), _PATHS, _NAMES)
def test_without_exceptions_all_below_what_is_excluded_is(lines: list[str], path: str, name: str) -> None:
    rules = IgnoreRules.parse("\n".join(lines))
    assume(rules.excludes(path))

    assert rules.excludes(f"{path}/{name}")


@given(_FILES, _PATHS)
def test_there_is_a_reason_exactly_for_what_is_excluded(lines: list[str], path: str) -> None:
    rules = IgnoreRules.parse("\n".join(lines))
    why = rules.why(path)

    assert (why is not None) == rules.excludes(path)
    if why is not None:
        assert lines[why[0] - 1] == why[1]
        assert not why[1].startswith("!")


@given(st.text(max_size=30), _PATHS)
def test_any_text_is_read_or_refused(text: str, path: str) -> None:
    try:
        IgnoreRules.parse(text).excludes(path)
    except HashtagError as error:
        refused = error
    else:
        return
    assert refused.code == "HT030"


@given(st.binary(max_size=30), _PATHS)
def test_any_bytes_are_read_or_refused(text: bytes, path: str) -> None:
    try:
        IgnoreRules.parse(text).excludes(path)
    except HashtagError as error:
        refused = error
    else:
        return
    assert refused.code == "HT030"


@given(
    st.lists(
        st.sampled_from(["[^/]*", "(.*/)?", "[^/]", "a", "b", "/", "|", "{2}", "{0,1}", "[ab]"]), max_size=6
    ),
    st.booleans(),
    st.text("ab/\n", max_size=8),
)
def test_a_simulation_finds_what_the_expression_does(parts: list[str], is_anchored: bool, path: str) -> None:
    text = "".join(parts)
    try:
        found = alternatives(f"^{text}$" if is_anchored else text)
        simulations = [Simulation(pieces) for pieces in found]
    except (MalformedExpression, TooHard):
        reject()

    simulated = any(simulation.matches(path) for simulation in simulations)

    assert simulated == bool(re.search(python(found), path))
