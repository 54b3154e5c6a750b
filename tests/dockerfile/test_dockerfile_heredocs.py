"""Here-documents: where they start and end, and what is in them (BuildKit parser, heredocsFromLine)."""

from __future__ import annotations

import pytest

from hashtag.dockerfile.heredoc import heredoc_in
from hashtag.dockerfile.instruction import Copy, Heredoc, Onbuild, Run, ShellText, User
from hashtag.dockerfile.parser import parse
from hashtag.errors import DockerfileError


def instructions(text: str):
    (stage,) = parse("FROM scratch\n" + text, "Dockerfile").stages
    return stage.instructions


def command(text: str) -> ShellText:
    (run,) = instructions(text)
    assert isinstance(run, Run)
    assert isinstance(run.command, ShellText)
    return run.command


def copied(text: str) -> Copy:
    (copy,) = instructions(text)
    assert isinstance(copy, Copy)
    return copy


def arguments(shell_text: ShellText) -> str:
    """Return what BuildKit hands to the shell (dockerfile2llb, dispatchRun)."""
    if shell_text.heredocs and not shell_text.text:
        return shell_text.heredocs[0].content
    return shell_text.text + "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in shell_text.heredocs)


# ── words that start one ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("word", "heredoc"),
    [
        pytest.param("<<E", Heredoc("E", ""), id="plain"),
        pytest.param("3<<E", Heredoc("E", ""), id="file descriptor"),
        pytest.param("<<-E", Heredoc("E", "", chomp=True), id="tabs removed"),
        pytest.param("<< E", Heredoc("E", ""), id="space"),
        pytest.param("<<'E'", Heredoc("E", "", expand=False), id="single quotes"),
        pytest.param('<<"E"', Heredoc("E", "", expand=False), id="double quotes"),
        pytest.param("<<E'x'", Heredoc("Ex", "", expand=False), id="partly quoted"),
        pytest.param("<<\\E", Heredoc("E", ""), id="an escape does not quote"),
        pytest.param("<<'a b'", Heredoc("a b", "", expand=False), id="name with a space"),
        pytest.param("<<$E", Heredoc("$E", ""), id="variable stays"),
        pytest.param("<<${E}", Heredoc("${E}", ""), id="variable in braces stays"),
        pytest.param("<<E)", Heredoc("E)", ""), id="closing parenthesis is of the name"),
        pytest.param(
            "<<${E:-a}${F/b/c}", Heredoc("${F/b/c}", ""), id="what stands before an operator is lost"
        ),
        pytest.param("<<file.txt", Heredoc("file.txt", ""), id="file name"),
        pytest.param("<<", None, id="no name"),
        pytest.param("<<-", None, id="no name behind a dash"),
        pytest.param("<<<E", None, id="here-string"),
        pytest.param("<E", None, id="redirection"),
        pytest.param("x<<E", None, id="text before"),
        pytest.param("<<E x", None, id="two words"),
        pytest.param("<<'E", None, id="open quote"),
        pytest.param("<<''", None, id="empty name"),
        pytest.param("<<E<", None, id="redirection behind"),
        pytest.param("'<<E'", None, id="quoted as a whole"),
    ],
)
def test_a_word_that_starts_a_here_document(word: str, heredoc: Heredoc | None) -> None:
    assert heredoc_in(word) == heredoc


# ── RUN ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        pytest.param("RUN <<E\necho a\nE\n", "echo a\n", id="script"),
        pytest.param("RUN <<E\nE\n", "", id="empty script"),
        pytest.param("RUN <<'E'\n$a\nE\n", "$a\n", id="quoting does not matter to a script"),
        pytest.param("RUN 3<<E\na\nE\n", "a\n", id="nor does a file descriptor"),
        pytest.param("RUN << E\na\nE\n", "a\n", id="nor a space"),
        pytest.param("RUN --network=none <<E\na\nE\n", "a\n", id="nor flags"),
        pytest.param("RUN <<-E\n\t\ta\n\tb\n c\t\n\tE\n", "a\nb\n c\t\n", id="tabs before lines removed"),
        pytest.param("RUN <<E\n\ta\n\tE\nE\n", "\ta\n\tE\n", id="tabs stay without the dash"),
        pytest.param("RUN cat <<E\na\nE\n", "cat <<E\na\nE", id="command: the shell reads it"),
        pytest.param("RUN cat <<-E\n\ta\n\tE\n", "cat <<-E\n\ta\nE", id="command: tabs stay for the shell"),
        pytest.param("RUN <<E cat\na\nE\n", "<<E cat\na\nE", id="command behind it"),
        pytest.param("RUN cat <<'E'\n$a\nE\n", "cat <<'E'\n$a\nE", id="command: quoting stays"),
        pytest.param("RUN a <<X b <<Y\n1\nX\n2\nY\n", "a <<X b <<Y\n1\nX\n2\nY", id="two, in order"),
        pytest.param("RUN <<X <<Y\n1\nX\n2\nY\n", "<<X <<Y\n1\nX\n2\nY", id="two and nothing else"),
        pytest.param("RUN $(cat <<E)\na\nE)\n", "$(cat <<E)\na\nE)", id="name with a parenthesis"),
        pytest.param("RUN a \\\n  <<E \\\n  b\nx\nE\n", "a   <<E   b\nx\nE", id="on a continued line"),
        pytest.param(
            "RUN <<E\n# c\n\n a \\\n# escape=`\nFROM b\nENV q=1\nE \n#\nE\n",
            "# c\n\n a \\\n# escape=`\nFROM b\nENV q=1\nE \n#\n",
            id="a body is raw",
        ),
        pytest.param("RUN <<E\r\na\r\n\r\nE\r\n", "a\r\n\r\n", id="a carriage return is content"),
        pytest.param("RUN <<E\n#!/bin/sh\nE\n", "#!/bin/sh\n", id="script with an interpreter"),
        pytest.param("RUN <<E\na\nE", "a\n", id="no line end at the end of the file"),
        pytest.param('RUN "<<E"\n', '"<<E"', id="quoted: none"),
        pytest.param("RUN a<<E\n", "a<<E", id="within a word: none"),
        pytest.param("RUN echo 'it <<E\n", "echo 'it <<E", id="open quote: none"),
        pytest.param("RUN cat <<<E\n", "cat <<<E", id="here-string: none"),
        pytest.param("RUN a << b c\nb\n", "a << b c\nb", id="shift with spaces is one"),
        pytest.param("RUN cat <<\\\nE\na\nE\n", "cat <<E\na\nE", id="name on the next line"),
    ],
)
def test_the_text_of_a_run_with_here_documents(text: str, passed: str) -> None:
    assert arguments(command(text)) == passed


def test_a_script_keeps_its_name() -> None:
    assert command("RUN <<-'E'\n\ta\nE\n") == ShellText("", (Heredoc("E", "a\n", expand=False, chomp=True),))


def test_the_escape_directive_does_not_reach_here_documents() -> None:
    dockerfile = parse("# escape=`\nFROM a\nRUN <<E\na `\nE\nUSER b\n", "f")
    run, user = dockerfile.stages[0].instructions

    assert run.command == ShellText("", (Heredoc("E", "a `\n"),))
    assert user == User(location=user.location, user="b")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('RUN ["a", "<<E"]\nUSER b\n', id="exec form"),
        pytest.param("USER <<E\nUSER b\n", id="user"),
        pytest.param("CMD cat <<E\nUSER b\n", id="command"),
        pytest.param("ENV a=<<E\nUSER b\n", id="variable"),
        pytest.param("ONBUILD CMD cat <<E\nUSER b\n", id="command on build"),
        pytest.param('ONBUILD RUN ["a", "<<E"]\nUSER b\n', id="exec form on build"),
    ],
)
def test_only_run_copy_and_add_have_here_documents(text: str) -> None:
    assert isinstance(instructions(text)[-1], User)


# ── COPY and ADD ─────────────────────────────────────────────────────────────────────────────────


def test_copied_here_documents_are_apart_from_the_paths() -> None:
    copy = copied("COPY <<A p <<-'B' q /d/\n$a\nA\n\tb\n\tB\n")

    assert copy.sources == ("p", "q")
    assert copy.destination == "/d/"
    assert copy.heredocs == (Heredoc("A", "$a\n"), Heredoc("B", "b\n", expand=False, chomp=True))


def test_add_has_them_too() -> None:
    copy = copied("ADD <<A /d\nx\nA\n")

    assert (copy.is_add, copy.sources, copy.heredocs) == (True, (), (Heredoc("A", "x\n"),))


def test_names_may_cross() -> None:
    assert copied("COPY <<X <<Y /d/\nY\nX\nX\nY\n").heredocs == (Heredoc("X", "Y\n"), Heredoc("Y", "X\n"))


def test_of_two_with_one_name_both_are_the_last() -> None:
    assert copied("COPY <<X <<X /d/\n1\nX\n2\nX\n").heredocs == (Heredoc("X", "2\n"), Heredoc("X", "2\n"))


def test_one_in_the_json_form_is_empty() -> None:
    assert copied('COPY ["<<E", "/d"]\n').heredocs == (Heredoc("E", ""),)


@pytest.mark.parametrize("text", ["COPY a <<E\nE\n", "ADD <<A <<E\nA\nE\n", 'COPY ["a", "<<E"]\n'])
def test_a_destination_is_no_here_document(text: str) -> None:
    with pytest.raises(DockerfileError, match="cannot be a here-document"):
        instructions(text)


# ── the end ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("RUN <<E\na\n", id="no end"),
        pytest.param("RUN <<E\nE \n", id="space behind the name"),
        pytest.param("RUN <<E\n E\n", id="space before the name"),
        pytest.param("RUN <<E\n\tE\n", id="tab before the name"),
        pytest.param("RUN <<-E\n E\n", id="space before the name, tabs removed"),
        pytest.param("RUN <<E\nEE\n", id="longer name"),
        pytest.param("COPY <<A <<B /d/\nA\n", id="second has no end"),
        pytest.param("ONBUILD RUN <<E\na\n", id="on build"),
        pytest.param("RUN a << b\n", id="shift"),
    ],
)
def test_a_here_document_without_its_end_is_refused(text: str) -> None:
    with pytest.raises(DockerfileError, match="has no end") as caught:
        instructions(text)

    assert caught.value.location is not None
    assert caught.value.location.line == 2


def test_onbuild_keeps_its_here_documents_as_written() -> None:
    (onbuild,) = instructions("ONBUILD COPY <<-A <<'B' /d/\n\ta\n\tA\nb\nB\n")

    assert onbuild == Onbuild(location=onbuild.location, trigger="COPY <<-A <<'B' /d/\n\ta\nA\nb\nB")
