"""Whatever a file holds, parsing ends with a Dockerfile or with an error of ours."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashtag.dockerfile.expansion import variables_in
from hashtag.dockerfile.instruction import Onbuild
from hashtag.dockerfile.parser import parse, parse_trigger
from hashtag.errors import DockerfileError, HashtagError, Location, SeveralErrors

WORDS = st.sampled_from(
    [
        "FROM",
        "RUN",
        "COPY",
        "ADD",
        "ENV",
        "LABEL",
        "ARG",
        "CMD",
        "ENTRYPOINT",
        "EXPOSE",
        "USER",
        "WORKDIR",
        "VOLUME",
        "SHELL",
        "HEALTHCHECK",
        "ONBUILD",
        "STOPSIGNAL",
        "MAINTAINER",
        "a",
        "b=c",
        "--from=a",
        "--mount=type=cache",
        "--mount=",
        "--link",
        "--interval=1s",
        "--retries=2",
        "--",
        "<<E",
        "<<-E",
        "E",
        "AS",
        "as",
        "NONE",
        "CMD",
        "[",
        "]",
        '["a"]',
        "[1]",
        "'",
        '"',
        "\\",
        "`",
        "$",
        "${",
        "${a:-b}",
        "}",
        "#",
        "#",
        "escape=`",
        "#",
        "syntax=x",
        "é",
    ]
)
SPACES = st.sampled_from([" ", " ", "\n", "\n", "\\\n", "\t", "\r\n", "", "\n\n"])
SOUP = st.lists(st.tuples(WORDS, SPACES), max_size=30).map(lambda pairs: "".join(w + s for w, s in pairs))


def attempt(text: str | bytes) -> None:
    try:
        dockerfile = parse(text, "Dockerfile")
    except HashtagError as error:
        errors = error.errors if isinstance(error, SeveralErrors) else (error,)
        assert all(isinstance(each, DockerfileError) for each in errors)
        return
    assert dockerfile.stages
    for stage in dockerfile.stages:
        for instruction in stage.instructions:
            assert instruction.location.line >= 1
            if isinstance(instruction, Onbuild):
                with suppress(HashtagError):
                    parse_trigger(instruction.trigger, instruction.location)


@given(SOUP)
@settings(deadline=None, max_examples=500)
def test_words_in_any_order(text: str) -> None:
    attempt("FROM scratch\n" + text)


@given(st.text())
def test_any_text(text: str) -> None:
    attempt(text)
    attempt("FROM scratch\nRUN " + text)


@given(st.binary())
def test_any_bytes(content: bytes) -> None:
    attempt(content)
    attempt(b"FROM scratch\nCOPY " + content)


@given(st.text())
def test_any_trigger(trigger: str) -> None:
    at = Location("Dockerfile", 3)
    with suppress(HashtagError):
        assert parse_trigger(trigger, at).location == at


@given(st.text(alphabet="a${}:-", max_size=20))
def test_variables_of_any_word(word: str) -> None:
    assert all(name in word for name in variables_in(word))


@given(SOUP)
@settings(deadline=None)
def test_comments_between_lines_change_nothing(text: str) -> None:
    text = "FROM scratch\n" + text.replace("<<", "")
    try:
        plain = parse(text, "f")
    except HashtagError:
        return
    if plain.escape == "\\":
        assert parse(text.replace("\n", "\n \t# c\n\n"), "f") == plain


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("FROM a\nRUN " + "<" * 60_000, id="less-than signs"),
        pytest.param("FROM a\nRUN " + "$" * 60_000, id="dollars"),
        pytest.param("FROM a\nRUN <<" + "${a:-" * 10_000, id="deep nesting"),
        pytest.param("FROM a\nENV a=" + "'" * 60_001, id="quotes"),
        pytest.param('FROM a\nENV a="' + "\\" * 60_001, id="escapes"),
        pytest.param("FROM a\nCOPY --a=" + "\"'" * 30_000 + " b c", id="quotes in a flag"),
        pytest.param("FROM a\nCMD " + "[" * 60_000, id="open brackets"),
        pytest.param("FROM a\nCMD [" + "9" * 60_000 + "]", id="long number"),
        pytest.param("# syntax=" + " " * 60_000 + "x\nFROM a", id="spaces in a directive"),
        pytest.param("FROM a\nRUN a " + "\\ " * 30_000 + "x", id="escape characters within a line"),
        pytest.param("FROM a\nRUN a \\\n" + "\n" * 100_000, id="blank lines in a continuation"),
        pytest.param("FROM a\nRUN <<E\n" + "x\n" * 100_000 + "E\n", id="long here-document"),
        pytest.param("FROM a\n" + "# c\n" * 100_000, id="comments"),
        pytest.param("FROM a\nHEALTHCHECK --interval=" + "1" * 60_000 + "s CMD a", id="long duration"),
        pytest.param("FROM a\nRUN --mount='" + '""' * 30_000 + "' x", id="quotes in a mount"),
    ],
)
def test_hostile_text_takes_no_time(text: str) -> None:
    attempt(text)
