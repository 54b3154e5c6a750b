"""Variables, quotes and escapes in words: BuildKit frontend/dockerfile/shell/lex.go."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.dockerfile.expansion import expand, expand_raw, expand_words, variables_in
from hashtag.errors import ExpansionError, Location

AT = Location("Dockerfile", 7)
SET = {
    "V": "1.2.3",
    "NAME": "value",
    "EMPTY": "",
    "PATH": "/tmp/tmp/bar.txt",
    "STARS": "x*y*z",
    "é": "accent",
    "DOLLARS": "$$",
}


@pytest.mark.parametrize(
    ("word", "expanded"),
    [
        pytest.param("$NAME", "value", id="name"),
        pytest.param("a$NAME.b", "avalue.b", id="name ended by a dot"),
        pytest.param("${NAME}s", "values", id="braces"),
        pytest.param("$UNSET", "", id="unset is empty"),
        pytest.param("$é", "accent", id="letters beyond ASCII are of a name"),
        pytest.param("${NAME:-d}", "value", id="default of a set one"),
        pytest.param("${UNSET:-d}", "d", id="default of an unset one"),
        pytest.param("${EMPTY:-d}", "d", id="colon: default of an empty one"),
        pytest.param("${EMPTY-d}", "", id="no colon: an empty one is set"),
        pytest.param("${UNSET-d}", "d", id="no colon: default of an unset one"),
        pytest.param("${UNSET:-a b}", "a b", id="default with a space"),
        pytest.param("${UNSET:-'a b'\"c\"}", "a bc", id="default is unquoted"),
        pytest.param("${UNSET:-$NAME}", "value", id="default is expanded"),
        pytest.param("${UNSET:-${EMPTY:-${NAME}}}", "value", id="defaults nest"),
        pytest.param("${NAME:+alt}", "alt", id="alternative of a set one"),
        pytest.param("${EMPTY:+alt}", "", id="colon: no alternative of an empty one"),
        pytest.param("${EMPTY+alt}", "alt", id="no colon: alternative of an empty one"),
        pytest.param("${UNSET+alt}", "", id="no alternative of an unset one"),
        pytest.param("${NAME:?message}", "value", id="required and there"),
        pytest.param("${EMPTY?message}", "", id="required and empty without a colon"),
        pytest.param("${V#*.}", "2.3", id="shortest prefix"),
        pytest.param("${V##*.}", "3", id="longest prefix"),
        pytest.param("${V%.*}", "1.2", id="shortest suffix"),
        pytest.param("${V%%.*}", "1", id="longest suffix"),
        pytest.param("${V#x}", "1.2.3", id="prefix that does not match"),
        pytest.param("${V#?.}", "2.3", id="question mark is one character"),
        pytest.param("${V#[1]}", "1.2.3", id="brackets are literal"),
        pytest.param("${STARS#x\\*}", "y*z", id="escaped star is literal"),
        pytest.param("${STARS%\\**}", "x*y", id="escaped star in a suffix"),
        pytest.param("${V/./-}", "1-2.3", id="first replaced"),
        pytest.param("${V//./-}", "1-2-3", id="all replaced"),
        pytest.param("${V//.}", None, id="replacement without its second slash"),
        pytest.param("${PATH//\\//:}", ":tmp:tmp:bar.txt", id="escaped slash in a pattern"),
        pytest.param("${V/*/x}", "x", id="replace takes the longest"),
        pytest.param("${V//*/x}", "x", id="no empty match behind a match"),
        pytest.param("${NAME//$UNSET/-}", "-v-a-l-u-e-", id="empty pattern matches everywhere"),
        pytest.param("${NAME/$UNSET/-}", "-value", id="empty pattern matches at the start"),
        pytest.param("${V//?/<\\$0>}", "<\\1><\\.><\\2><\\.><\\3>", id="replacement is a template of Go"),
        pytest.param("${V//./\\$\\$x\\$y}", "1\\$\\\\2\\$\\\\3", id="escapes stay in a replacement"),
        pytest.param("${V//./$DOLLARS}", "1$2$3", id="two dollars of a replacement are one"),
        pytest.param("${V/./$DOLLARS}", "1$$2.3", id="but not where one match is replaced"),
        pytest.param("$", "$", id="lone dollar"),
        pytest.param("a$.b", "a$.b", id="dollar before no name"),
        pytest.param("$1$@$#$?$-$$$!$*$0", "", id="parameters of the shell are unset"),
        pytest.param("$10x", "x", id="digits are one name"),
        pytest.param("'$NAME'", "$NAME", id="single quotes protect"),
        pytest.param("'\\'", "\\", id="no escape in single quotes"),
        pytest.param('"$NAME"', "value", id="double quotes do not"),
        pytest.param('"\\$NAME \\" \\\\ \\n"', '$NAME " \\ \\n', id="three escapes in double quotes"),
        pytest.param("\\$NAME", "$NAME", id="escape protects and goes"),
        pytest.param("\\n", "n", id="escape of any character goes"),
        pytest.param("a\\", "a", id="escape at the end goes"),
        pytest.param('"a\\', None, id="escape at the end of an open quote"),
        pytest.param("a'b c'd\"e f\"", "ab cde f", id="quotes go"),
        pytest.param("a<b<<c", "a<b<<c", id="less-than signs stay"),
        pytest.param("\ufeffa", "a", id="byte order mark is dropped"),
        pytest.param("${NAME:#a}", None, id="colon before a prefix"),
        pytest.param("${NAME:%a}", None, id="colon before a suffix"),
        pytest.param("${NAME:=a}", None, id="assignment"),
        pytest.param("${NAME=a}", None, id="assignment without a colon"),
        pytest.param("${NAME:a}", None, id="substring"),
        pytest.param("${NAME", None, id="open brace"),
        pytest.param("${NAME:-a", None, id="open brace after a default"),
        pytest.param("${NAME/a", None, id="open pattern"),
        pytest.param("${NAME/a/b", None, id="open replacement"),
        pytest.param("${NAME:", None, id="nothing after a colon"),
        pytest.param("${", None, id="brace and nothing"),
        pytest.param("${}", None, id="no name"),
        pytest.param("${:-a}", None, id="no name before a default"),
        pytest.param("${{a}}", None, id="brace for a name"),
        pytest.param("${.}", None, id="dot for a name"),
        pytest.param("'a", None, id="open single quote"),
        pytest.param('"a', None, id="open double quote"),
        pytest.param("${NAME#\\x}", None, id="escape of an ordinary character in a pattern"),
        pytest.param("${NAME/\\x/y}", None, id="escape of an ordinary character in a replaced pattern"),
        pytest.param("${NAME%\\\\\\}", None, id="pattern that swallows its brace"),
    ],
)
def test_a_word_expands_as_in_buildkit(word: str, expanded: str | None) -> None:
    if expanded is not None:
        assert expand(word, SET, location=AT) == expanded
        return
    with pytest.raises(ExpansionError) as caught:
        expand(word, SET, location=AT)

    assert caught.value.location == AT


def test_the_escape_character_is_the_directives() -> None:
    assert expand("`$NAME\\x", SET, escape="`", location=AT) == "$NAME\\x"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        pytest.param("${UNSET:?give it}", "UNSET: give it", id="own words"),
        pytest.param("${EMPTY:?give $NAME}", "EMPTY: give $NAME", id="as written, so that no value shows"),
        pytest.param("${UNSET?}", "UNSET: is not allowed to be unset", id="unset"),
        pytest.param("${EMPTY:?}", "EMPTY: is not allowed to be empty", id="empty"),
    ],
)
def test_a_required_variable_says_what_is_missing(word: str, message: str) -> None:
    with pytest.raises(ExpansionError, match="cannot be expanded") as caught:
        expand(word, SET, location=AT)

    assert caught.value.what.endswith(message)


@pytest.mark.parametrize(
    ("word", "words"),
    [
        pytest.param("80", ["80"], id="one"),
        pytest.param("80 81\t82", ["80", "81", "82"], id="split at space"),
        pytest.param("$PORTS", ["80", "81/udp"], id="values are split"),
        pytest.param('"$PORTS"', ["80 81/udp"], id="quoted values are not"),
        pytest.param("a\\ b", ["a b"], id="escaped space"),
        pytest.param("$UNSET", [], id="nothing"),
        pytest.param("''", [], id="empty quotes are no word"),
        pytest.param("'' a", ["a"], id="empty quotes before a word"),
        pytest.param("80${UNSET:-80}", ["80"], id="what stands before a default is lost"),
        pytest.param("a << b", ["a", "<< b"], id="here-document operator takes the space"),
    ],
)
def test_words_are_split_after_expansion(word: str, words: list[str]) -> None:
    assert expand_words(word, {"PORTS": "80 81/udp"}, location=AT) == words


@pytest.mark.parametrize(
    ("content", "expanded"),
    [
        pytest.param("a $NAME\n${UNSET}b\n", "a value\nb\n", id="variables"),
        pytest.param("'$NAME' \"$NAME\"\n", "'value' \"value\"\n", id="quotes stay and protect nothing"),
        pytest.param("it's\n", "it's\n", id="lone quote"),
        pytest.param("\\$NAME \\\\ \\n\n", "$NAME \\ n\n", id="backslashes go"),
        pytest.param("${UNSET:-d}\n", "d\n", id="defaults"),
        pytest.param("`$NAME\n", "`value\n", id="backtick is an ordinary character"),
        pytest.param("a\r\n", "a\r\n", id="line ends stay"),
    ],
)
def test_a_here_document_of_copy_expands_its_variables_only(content: str, expanded: str) -> None:
    assert expand_raw(content, SET, location=AT) == expanded


def test_a_malformed_here_document_is_an_error() -> None:
    with pytest.raises(ExpansionError) as caught:
        expand_raw("${", SET)

    assert str(caught.value) == "'${' cannot be expanded: bad substitution"


@pytest.mark.parametrize(
    ("word", "names"),
    [
        pytest.param("plain", set(), id="none"),
        pytest.param("$A${B}", {"A", "B"}, id="plain ones"),
        pytest.param("${A:-$B}${C:+${D}}${E:?$F}", set("ABCDEF"), id="nested"),
        pytest.param("${A/$B/$C}${D#$E}", set("ABCDE"), id="in patterns and replacements"),
        pytest.param("'$A'\\$B\"$C\"", {"C"}, id="quoted ones are none"),
        pytest.param("$A${", {"A"}, id="up to a fault"),
    ],
)
def test_the_variables_of_a_word_are_known_without_their_values(word: str, names: set[str]) -> None:
    assert variables_in(word) == names


def test_variables_are_found_behind_the_escape_of_the_directive() -> None:
    assert variables_in("`$A\\$B", escape="`") == {"B"}


@given(st.text(alphabet=st.characters(exclude_characters="$'\"\\\ufeff", exclude_categories=["Cs"])))
def test_a_word_without_dollars_quotes_and_escapes_expands_to_itself(word: str) -> None:
    assert expand(word, SET, location=AT) == word


@given(st.text())
def test_a_single_quoted_text_expands_to_itself(text: str) -> None:
    text = text.replace("'", "")

    assert expand(f"'{text}'", SET, location=AT) == text


@given(
    st.text(alphabet="${}:-+?#%/*'\"\\`<AB ab.", max_size=30),
    st.dictionaries(st.sampled_from("AB"), st.text()),
)
def test_any_word_expands_or_is_an_expansion_error(word: str, variables: dict[str, str]) -> None:
    for expansion in (expand, expand_words, expand_raw):
        with suppress(ExpansionError):
            expansion(word, variables, location=AT)
    variables_in(word)


@given(st.text(alphabet="${}:-+/A'\"\\ a", max_size=30))
def test_variables_that_a_word_does_not_ask_for_change_nothing(word: str) -> None:
    asked = variables_in(word)
    try:
        expected = expand(word, dict.fromkeys(asked, "x"), location=AT)
    except ExpansionError:
        return

    assert expand(word, {"OTHER": "y", **dict.fromkeys(asked, "x")}, location=AT) == expected


@given(st.text(alphabet="ab*?", max_size=6), st.text(alphabet="ab\n", max_size=8))
def test_patterns_match_as_a_plain_regular_expression_does(pattern: str, value: str) -> None:
    expression = pattern.replace("?", ".")
    greedy, lazy = (re_of(expression, star) for star in (".*", ".*?"))
    variables = {"P": pattern, "X": value}

    assert expand("${X##$P}", variables, location=AT) == longest(greedy, value)
    assert expand("${X#$P}", variables, location=AT) == longest(lazy, value)
    found = greedy.search(value)
    replaced = value if not found else value[: found.start()] + "r" + value[found.end() :]
    assert expand("${X/$P/r}", variables, location=AT) == replaced


def re_of(expression: str, star: str):
    return re.compile(expression.replace("*", star))


def longest(expression, value: str) -> str:
    found = expression.match(value)
    return value[found.end() :] if found else value


@pytest.mark.parametrize(
    ("word", "variables"),
    [
        pytest.param('"' + "$A" * 100 + '"', {"A": "x" * 100_000}, id="values that add up"),
        pytest.param("${A//x/$A}", {"A": "x" * 10_000}, id="replacement that multiplies"),
        pytest.param("${A#*x}", {"A": "y" * 20_000}, id="long value under a star"),
        pytest.param("${A:-" * 100 + "}" * 100, {}, id="deep nesting"),
        pytest.param("${A:-" * 20_000, {}, id="deep nesting without an end"),
    ],
)
def test_an_expansion_is_bounded(word: str, variables: dict[str, str]) -> None:
    with pytest.raises(ExpansionError) as caught:
        expand(word, variables, location=AT)

    assert len(caught.value.what) < 300


def test_many_stars_take_no_time() -> None:
    assert expand("${A#*a*a*a*a*a*a*a*a*b}", {"A": "a" * 8000}, location=AT) == "a" * 8000
