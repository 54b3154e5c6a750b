"""Generated Dockerfiles, read by us and by BuildKit's own Go parser (`dockerfile` 3.4.0, BuildKit v0.12.5).

Compared: instructions, the lines they start on, flags, arguments as words, JSON forms, here-documents with
their content, and whether the text is refused. That parser stops before flags and words are understood,
so nothing after that is compared. It is also older: it takes `["a"] rest` for JSON, unescapes
flags with a backslash whatever the directive says, and knows no `<< E`: such texts are left out.
"""

from __future__ import annotations

import re

from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

import dockerfile
from hashtag.dockerfile.characters import SPACES
from hashtag.dockerfile.commands import split_healthcheck
from hashtag.dockerfile.configuration import check_pairs
from hashtag.dockerfile.instruction import Exec
from hashtag.dockerfile.lines import Reader
from hashtag.dockerfile.script import script
from hashtag.dockerfile.statement import Statement, nested, statement
from hashtag.dockerfile.words import blank_separated, first_and_rest, json_texts, quoted_words
from hashtag.errors import DockerfileError

REFUSED = "refused"


def as_buildkit_reads(text: str):
    try:
        commands = dockerfile.parse_string(text)
    except dockerfile.GoParseError:
        return REFUSED
    except UnicodeDecodeError:  # BuildKit cuts through a character, and its words are no text any more
        reject()
    return [
        (
            (command.cmd or "").lower(),
            command.start_line,
            command.flags,
            command.value if command.sub_cmd is None else (command.sub_cmd.lower(), *command.value),
            command.json,
            tuple((heredoc.name, heredoc.content) for heredoc in command.heredocs),
        )
        for command in commands
    ]


def as_we_read(text: str):
    reader = Reader(script(text, "Dockerfile"))
    reader.read()
    if reader.faults or not reader.lines:
        return REFUSED
    try:
        return [seen(each) for line in reader.lines for each in [split(line, reader.escape)]]
    except (DockerfileError, ValueError):
        return REFUSED


def split(line, escape: str) -> Statement:
    name, rest, _ = first_and_rest(line.text.strip(SPACES))
    return statement(line, name, rest, escape)


def seen(each: Statement):
    if each.escape == "`" and "--" in each.text:
        reject()
    value, is_json = words(each)
    # Of an ONBUILD it skips the here-documents without telling them.
    shown = () if each.name == "onbuild" else each.heredocs
    heredocs = tuple((heredoc.name, heredoc.content) for heredoc in shown)
    return (each.name, each.location.line, tuple(f.text for f in each.flags), value, is_json, heredocs)


def words(each: Statement) -> tuple[tuple[str, ...], bool]:
    match each.name:
        case "run" | "cmd" | "entrypoint" | "shell":
            texts = json_texts(each.arguments)
            return ((each.arguments,) if each.arguments else (), False) if texts is None else (texts, True)
        case "copy" | "add" | "volume":
            texts = json_texts(each.arguments)
            return (blank_separated(each.arguments), False) if texts is None else (texts, True)
        case "env" | "label":
            check_pairs(each)
            return pairs(each), False
        case "arg":
            return tuple(word.text for word in quoted_words(each.arguments, each.escape)), False
        case "expose" | "from":
            return blank_separated(each.arguments), False
        case "user" | "workdir" | "stopsignal" | "maintainer":
            return (each.arguments,) if each.arguments else (), False
        case "healthcheck" if each.arguments:
            kind, command = split_healthcheck(each)
            if isinstance(command, Exec):
                return (kind, *command.arguments), True
            return (kind, command.text) if command.text else (kind,), False
        case "onbuild" if each.arguments:
            inner = nested(each)
            if inner.name == "onbuild":  # its answer leaves a word out
                reject()
            value, is_json = words(inner)
            return (inner.name, *value), is_json
        case "healthcheck" | "onbuild":
            return (), False
        case _:
            return ("",), False


def pairs(each: Statement) -> tuple[str, ...]:
    found = quoted_words(each.arguments, each.escape)
    if found and "=" not in found[0].text:
        return first_and_rest(each.arguments)[:2]
    return tuple(part for word in found for part in word.text.partition("=")[::2])


NAMES = st.sampled_from(
    [
        "FROM", "RUN", "COPY", "ADD", "ENV", "LABEL", "ARG", "CMD", "ENTRYPOINT", "EXPOSE", "USER", "WORKDIR",
        "VOLUME", "SHELL", "HEALTHCHECK", "ONBUILD", "STOPSIGNAL", "MAINTAINER", "run", "Copy", "FOO",
    ]
)  # fmt: skip
PIECES = st.sampled_from(
    [
        " ", "  ", "\t", "a", "b=c", "=", "x y", '"', "'", '"q r"', "'s t'", "\\", "`", "\\ ", "\\\\", "$V",
        "${V:-<<E}", "<<E", "<<-E", "<<'E'", "<<", "--f=x", "--", "--g", "-", "[", "]", '["a", "b"]',
        '["a", 1]', "[]", "#", "é", "\u00a0", "\v", "\f", "\r", "\x1c", "NONE", "CMD", "RUN ", "ENV ",
        "COPY ", 'RUN ["a"]', "RUN <<E",
    ]
)  # fmt: skip
BODIES = st.sampled_from(["E", "\tE", "E ", "x", "# c", "", "FROM y", "\\", "E\r", "  "])
ENDS = st.sampled_from(
    ["\n", "\n", "\n", "\\\n", " \\ \n", "`\n", "\r\n", "\n\n", "\n# c\n", "\\\n# c\n", "\\\n\n"]
)
TOPS = st.sampled_from(
    [
        "", "# escape=`\n", "# ESCAPE = `\n", "#escape=\\\n", "# syntax=x\n# escape=`\n", "\n# escape=`\n",
        "# c\n# escape=`\n", "# escape=x\n", "# escape=`\n# escape=`\n", "\ufeff# escape=`\n", "\ufeff",
        "  # escape=`\n", "#!/x\n# escape=`\n",
    ]
)  # fmt: skip
INSTRUCTIONS = st.builds(
    lambda name, space, pieces, end: name + space + "".join(pieces) + end,
    NAMES,
    st.sampled_from([" ", " ", " ", "  ", "\t", "", " \\\n"]),
    st.lists(PIECES, max_size=6),
    ENDS,
)
LINES = st.one_of(
    INSTRUCTIONS, INSTRUCTIONS, BODIES.map(lambda line: line + "\n"), INSTRUCTIONS.map(lambda i: "  " + i)
)
DOCKERFILES = st.builds(
    lambda top, lines: top + "".join(lines), TOPS, st.lists(LINES, min_size=1, max_size=6)
)


@given(DOCKERFILES)
@settings(deadline=None, max_examples=400)
def test_a_dockerfile_is_split_as_buildkit_splits_it(text: str) -> None:
    # Its JSON ends where the array does, whatever follows, an information separator too.
    assume(not re.search(r"<<-?[\s\\`]|(?a:\][^\S\n]*\S)", text))

    assert as_we_read(text) == as_buildkit_reads(text)
