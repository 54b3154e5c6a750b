"""`${VAR}` in a configuration file."""

from __future__ import annotations

import pytest

from hashtag.errors import ConfigError
from hashtag.worktree.given import Given
from hashtag.worktree.interpolation import UndefinedVariable, expand, expanded

ENVIRONMENT = {"GROUP": "grp", "EMPTY": "", "BRACES": "${GROUP}"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param("registry/${GROUP}/x", "registry/grp/x", id="a variable in a text"),
        pytest.param("${GROUP}${GROUP}", "grpgrp", id="twice"),
        pytest.param("${EMPTY}", "", id="a variable that is set and empty"),
        pytest.param("${NONE:-other}", "other", id="a default for what is not set"),
        pytest.param("${EMPTY:-other}", "other", id="a default for what is empty"),
        pytest.param("${NONE:-}", "", id="an empty default"),
        pytest.param("${GROUP:-other}", "grp", id="a default that is not needed"),
        pytest.param("$${GROUP}", "${GROUP}", id="an escaped variable"),
        pytest.param("$GROUP $1 $", "$GROUP $1 $", id="a dollar without braces"),
        pytest.param("{name}", "{name}", id="a placeholder is not a variable"),
        pytest.param("${BRACES}", "${GROUP}", id="a value is not expanded again"),
    ],
)
def test_variables_are_filled_in(text: str, result: str) -> None:
    assert expand(text, ENVIRONMENT, where="here") == result


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(UndefinedVariable) as caught:
        expand("${NO_SUCH}", ENVIRONMENT, where="hashtag.toml:3")

    assert str(caught.value) == "hashtag.toml:3: variable NO_SUCH is not set"
    assert "${NO_SUCH:-default}" in caught.value.hint


@pytest.mark.parametrize("text", ["${", "${}", "${a b}", "${1}", "${A:?x}"])
def test_a_malformed_variable_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not followed by a variable's name"):
        expand(text, ENVIRONMENT, where="here")


def test_lists_and_tables_are_expanded_with_their_keys() -> None:
    given = Given.by("file", {"${GROUP}": ["${GROUP}", 1, {"a": "${GROUP}"}]})

    assert expanded(given, ENVIRONMENT).value == {"grp": ["grp", 1, {"a": "grp"}]}
