"""Directives, lines, continuations and comments: BuildKit frontend/dockerfile/parser."""

from __future__ import annotations

import pytest

from hashtag.dockerfile.instruction import Run, ShellText
from hashtag.dockerfile.parser import parse
from hashtag.errors import DockerfileError, HashtagError, SeveralErrors, UnsupportedConstruct

FROM = "FROM scratch\n"


def texts(text: str | bytes) -> list[str]:
    (stage,) = parse(text, "Dockerfile").stages
    return [instruction.text for instruction in stage.instructions]


def only_command(text: str) -> str:
    (stage,) = parse(FROM + text, "Dockerfile").stages
    (run,) = stage.instructions
    assert isinstance(run, Run)
    assert isinstance(run.command, ShellText)
    return run.command.text


# ── directives ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("top", "escape"),
    [
        pytest.param("", "\\", id="none"),
        pytest.param("# escape=`\n", "`", id="plain"),
        pytest.param("# escape=\\\n", "\\", id="backslash"),
        pytest.param("#ESCAPE  =\t` \n", "`", id="case and spaces"),
        pytest.param("  # escape=`\n", "`", id="indented"),
        pytest.param("\ufeff# escape=`\n", "`", id="behind a byte order mark"),
        pytest.param("# escape=`\r\n", "`", id="CRLF"),
        pytest.param("# syntax=x\n# check=skip=all\n# escape=`\n", "`", id="behind other directives"),
        pytest.param("\n# escape=`\n", "\\", id="behind a blank line"),
        pytest.param("# comment\n# escape=`\n", "\\", id="behind a comment"),
        pytest.param("# unknown=x\n# escape=`\n", "\\", id="behind an unknown directive"),
        pytest.param("#!/bin/sh\n# escape=`\n", "\\", id="behind a shebang"),
        pytest.param("ARG A\n# escape=`\n", "\\", id="behind an instruction"),
    ],
)
def test_directives_stand_at_the_very_top(top: str, escape: str) -> None:
    assert parse(top + FROM, "Dockerfile").escape == escape


@pytest.mark.parametrize(
    ("top", "line", "message"),
    [
        pytest.param("# escape=x\n", 1, "escape character", id="unknown escape character"),
        pytest.param("# syntax=a\n# Syntax=b\n", 2, "only one syntax", id="repeated"),
        pytest.param(
            "# check=a\n# check=b\n# syntax=c\n", 2, "only one check", id="repeated, before another"
        ),
        pytest.param("# escape=``\n", 1, "escape character", id="two escape characters"),
    ],
)
def test_a_bad_directive_is_refused(top: str, line: int, message: str) -> None:
    with pytest.raises(DockerfileError, match=message) as caught:
        parse(top + FROM, "Dockerfile")

    assert caught.value.location is not None
    assert caught.value.location.line == line


@pytest.mark.parametrize(
    ("top", "image"),
    [
        pytest.param("", None, id="none"),
        pytest.param("# syntax=docker/dockerfile:1\n", "docker/dockerfile:1", id="plain"),
        pytest.param("# SYNTAX = img \n", "img", id="case and spaces"),
        pytest.param("# syntax=img arg\n", "img", id="only the first word"),
        pytest.param("\ufeff# syntax=img\n", "img", id="behind a byte order mark"),
        pytest.param("#!/x\n# syntax=img\n", "img", id="behind a shebang"),
        pytest.param("# escape=`\n# syntax=img\n", "img", id="behind another directive"),
        pytest.param("# syntax=img\r\n", "img", id="CRLF"),
        pytest.param(" # syntax=img\n", None, id="indented"),
        pytest.param("# c\n# syntax=img\n", None, id="behind a comment"),
        pytest.param("# syntax=\n", None, id="empty"),
        pytest.param("# syntax=  \n", "", id="only spaces"),
    ],
)
def test_the_frontend_image_is_told(top: str, image: str | None) -> None:
    assert parse(top + FROM, "Dockerfile").syntax == image


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("// syntax=img\nx {}\n", id="slashes"),
        pytest.param("#!/x\n// syntax=img\n", id="slashes behind a shebang"),
        pytest.param('{"syntax": "img", "other": [1]}', id="JSON"),
    ],
)
def test_a_file_in_another_language_is_not_guessed_at(text: str) -> None:
    with pytest.raises(UnsupportedConstruct, match="language of img"):
        parse(text, "Dockerfile")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"syntax": 1}', id="no text"),
        pytest.param('{"other": "x"}', id="no syntax"),
        pytest.param('{"syntax": "x"', id="no JSON"),
        pytest.param('{"a":' + "[" * 5000, id="deep JSON"),
    ],
)
def test_other_json_is_just_no_dockerfile(text: str) -> None:
    with pytest.raises(DockerfileError, match="unknown instruction"):
        parse(text, "Dockerfile")


# ── lines ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "command"),
    [
        pytest.param("RUN a", "a", id="no line end at the end"),
        pytest.param("RUN   a  b  \n", "a  b", id="ends trimmed, inner spaces kept"),
        pytest.param("  RUN a\n", "a", id="indented"),
        pytest.param("run a\n", "a", id="lower case"),
        pytest.param("RUN\ta\n", "a", id="tab behind the name"),
        pytest.param("RUN a \\\n  b\n", "a   b", id="indentation of a continued line stays"),
        pytest.param("RUN a\\\nb\n", "ab", id="nothing comes between joined lines"),
        pytest.param("RUN a \\ \t\n b\n", "a  b", id="blanks behind the escape character"),
        pytest.param("RUN a \\\r\n b\r\n", "a  b", id="CRLF"),
        pytest.param("RUN a \\\n\n  \n b\n", "a  b", id="blank lines in a continuation"),
        pytest.param("RUN a \\\n# c\n   # c \\\n b\n", "a  b", id="comments in a continuation"),
        pytest.param("RUN a # b\n", "a # b", id="a comment is a whole line"),
        pytest.param("RUN a \\\n b # c\n", "a  b # c", id="not behind text"),
        pytest.param("RUN \\\n a\n", "a", id="nothing on the first line"),
        pytest.param("\\\nRUN a\n", "a", id="escape character alone on a line"),
        pytest.param("RU\\\nN a\n", "a", id="within the name"),
        pytest.param("RUN a \\\n", "a", id="continued at the end of the file"),
        pytest.param("RUN a\\\\\n", "a\\\\", id="doubled escape character"),
        pytest.param("RUN a\\\\\\\n", "a\\\\\\", id="tripled, too"),
        pytest.param("RUN a\vb\f\n", "a\vb", id="other white space"),
        pytest.param("RUN\n", "", id="no argument"),
    ],
)
def test_lines_are_joined_as_buildkit_joins_them(text: str, command: str) -> None:
    assert only_command(text) == command


def test_a_doubled_escape_character_does_not_swallow_the_next_instruction() -> None:
    assert texts(FROM + "RUN echo \\\\\nUSER a\n") == ["RUN echo \\\\", "USER a"]


def test_the_other_escape_character_continues_lines() -> None:
    assert texts("# escape=`\n" + FROM + "RUN a `\n b\nRUN c:\\\nUSER d``\n") == [
        "RUN a  b",
        "RUN c:\\",
        "USER d``",
    ]


def test_comments_and_blank_lines_are_nothing() -> None:
    assert texts("\n# a\n" + FROM + "  # b\n\t\n\u00a0\nUSER a\n#\n") == ["USER a"]


def test_a_byte_order_mark_is_nothing() -> None:
    assert texts(b"\xef\xbb\xbfFROM scratch\nUSER a\n") == ["USER a"]


def test_a_no_break_space_is_no_blank() -> None:
    with pytest.raises(DockerfileError, match="unknown instruction 'RUN\\\\xa0x'"):
        parse(FROM + "RUN\u00a0x\n", "Dockerfile")


def test_bytes_that_are_no_utf8_count() -> None:
    one, other = (texts(b"FROM scratch\nUSER " + byte) for byte in (b"\xfe", b"\xff"))

    assert one != other


def test_crlf_is_lf() -> None:
    text = "FROM a AS b\nARG x=1 \\\n  y\nENV a=b \\\n # c\n c=d\nCOPY a b\n"

    assert parse(text, "f") == parse(text.replace("\n", "\r\n"), "f")


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────


def test_the_longest_line_is_one_byte_short_of_64_kib() -> None:
    longest = "USER " + "é" * ((65535 - 5) // 2)

    assert texts(FROM + longest + "\n") == [longest]
    with pytest.raises(DockerfileError, match="longer than 65535 bytes") as caught:
        parse(FROM + longest + "é\n", "Dockerfile")
    assert caught.value.location is not None
    assert caught.value.location[:3] == ("Dockerfile", 2, 1)
    assert len(caught.value.location.source) < 100


@pytest.mark.parametrize(
    "text",
    [pytest.param("#" * (16 << 20) + "#", id="text"), pytest.param(b"#" * ((16 << 20) + 1), id="bytes")],
)
def test_a_file_over_16_mib_is_refused(text: str | bytes) -> None:
    with pytest.raises(DockerfileError, match="larger than 16 MiB"):
        parse(text, "Dockerfile")


def test_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(DockerfileError, match="no Unicode"):
        parse("FROM a\ud800", "Dockerfile")


@pytest.mark.parametrize("line", ["FOO", "COPY"])
def test_of_very_many_faults_the_first_are_told(line: str) -> None:
    with pytest.raises(SeveralErrors) as caught:
        parse("FROM a\n" + f"{line}\n" * 1000, "Dockerfile")

    assert [error.location.line for error in caught.value.errors if error.location] == list(range(2, 52))


# ── places ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "line", "column", "source"),
    [
        pytest.param("FROM a\n\nFOO b\n", 3, 1, "FOO b", id="name"),
        pytest.param("FROM a\n  FOO b\n", 2, 3, "  FOO b", id="indented name"),
        pytest.param("\ufeffFOO\nFROM a\n", 1, 1, "FOO", id="behind a byte order mark"),
        pytest.param("FROM a\r\nFOO\r\n", 2, 1, "FOO", id="CRLF"),
        pytest.param("FROM a\n# c\n\nCOPY --frm=x a b\n", 4, 6, "COPY --frm=x a b", id="flag"),
        pytest.param("FROM a\nCOPY --link --frm=x a b\n", 2, 13, "COPY --link --frm=x a b", id="second flag"),
        pytest.param(
            "FROM a\nCOPY \\\n  # c\n\n  --frm=x \\\n a b\n",
            5,
            3,
            "  --frm=x \\",
            id="flag on a continued line",
        ),
        pytest.param("FROM a AS 1x\n", 1, 11, "FROM a AS 1x", id="name of a stage"),
        pytest.param("FROM 1x AS 1x\n", 1, 12, "FROM 1x AS 1x", id="name of a stage, not the image"),
        pytest.param("FROM a\nENV a=b \\\n  c\n", 3, 3, "  c", id="pair on a continued line"),
        pytest.param("FROM a\nARG a =b\n", 2, 7, "ARG a =b", id="name of an argument"),
        pytest.param("FROM a\nRUN --network=x a\n", 2, 5, "RUN --network=x a", id="value of a flag"),
        pytest.param("FROM a\nRUN cat <<E\nx\n", 2, 9, "RUN cat <<E", id="here-document"),
        pytest.param("FROM a\nRUN [1]\n", 2, 5, "RUN [1]", id="arguments"),
        pytest.param("FROM a\nCOPY é --x\nUSER\n", 3, 1, "USER", id="beyond ASCII"),
    ],
)
def test_an_error_points_at_the_word(text: str, line: int, column: int, source: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse(text, "path/Dockerfile")

    assert caught.value.location == ("path/Dockerfile", line, column, source)


def test_an_instruction_knows_where_it_starts() -> None:
    (stage,) = parse("# c\nFROM a\n\n \\\n RUN <<E\nx\nE\n  USER \\\n a\n", "f").stages

    assert [(i.location.line, i.location.column) for i in (stage.base, *stage.instructions)] == [
        (2, 1),
        (4, 2),
        (8, 3),
    ]


def test_all_bad_instructions_are_told_together_in_order() -> None:
    with pytest.raises(SeveralErrors) as caught:
        parse("FRM x\nFROM a\nCOPY a\nENV x\nFOO\nRUN <<E\n", "f")

    assert [error.location.line for error in caught.value.errors if error.location] == [1, 3, 4, 5, 6]


def test_a_bad_from_is_one_error() -> None:
    with pytest.raises(DockerfileError, match="no name of a stage"):
        parse("FROM a AS 1x\nUSER b\n", "f")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "no FROM", id="empty"),
        pytest.param("# c\n", "no FROM", id="only comments"),
        pytest.param("ARG a\n", "no FROM", id="only global arguments"),
        pytest.param("USER a\nFROM b\n", "only ARG may stand before", id="instruction before FROM"),
        pytest.param(
            "FROM a\nFOO\nFROM b\n", "unknown instruction 'FOO'", id="unknown instruction in an unused stage"
        ),
        pytest.param(
            "FROM a\nCOPY --FROM=b c d\nFROM b\n",
            "no flag --FROM",
            id="flag in upper case in an unused stage",
        ),
        pytest.param("FROM a\n\\\n", "unknown instruction ''", id="only an escape character"),
        pytest.param("FROM a\n\x1cUSER b\n", "unknown instruction", id="control character before a name"),
        pytest.param("FROM a\n-- USER b\n", "unknown instruction", id="dashes before a name"),
    ],
)
def test_a_file_that_buildkit_refuses_is_refused(text: str, message: str) -> None:
    with pytest.raises(HashtagError, match=message):
        parse(text, "Dockerfile")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param("FROM a\nCOPPY b c\n", "did you mean 'COPY'?", id="instruction"),
        pytest.param("FROM a\nCOPY --form=b c d\n", "did you mean '--from'?", id="flag"),
        pytest.param("FROM a\nHEALTHCHECK CMT a\n", "did you mean 'CMD'?", id="kind of health check"),
    ],
)
def test_a_misspelt_name_gets_a_suggestion(text: str, hint: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse(text, "Dockerfile")

    assert caught.value.hint == hint
