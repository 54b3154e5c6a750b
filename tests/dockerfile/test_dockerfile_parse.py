"""What dockerfile-parse 2.0.1 reads otherwise than BuildKit, and we do not."""

from __future__ import annotations

import io

import pytest
from dockerfile_parse import DockerfileParser

from hashtag.dockerfile.expansion import expand
from hashtag.dockerfile.instruction import Arg, Copy, Env, Exec, Onbuild, Run, ShellText
from hashtag.dockerfile.parser import parse
from hashtag.errors import DockerfileError, Location

AT = Location("Dockerfile", 1)


def their_instructions(text: str) -> list[str]:
    parser = DockerfileParser(fileobj=io.BytesIO(text.encode()), env_replace=False)
    return [entry["instruction"] for entry in parser.structure if entry["instruction"] != "COMMENT"]


def our_instructions(text: str) -> list[str]:
    (stage,) = parse(text, "Dockerfile").stages
    return ["FROM", *(instruction.text.split()[0].upper() for instruction in stage.instructions)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("FROM a\nRUN <<E\nFROM fake\nE\n", ["FROM", "RUN"], id="FROM in the body of a RUN"),
        pytest.param("FROM a\nCOPY <<E /d\nENV q=1\nE\n", ["FROM", "COPY"], id="ENV in the body of a COPY"),
        pytest.param("FROM a\nRUN a \\\n\n c d\n", ["FROM", "RUN"], id="blank line in a continuation"),
        pytest.param(
            "FROM a\nRUN echo \\\\\nUSER b\n", ["FROM", "RUN", "USER"], id="doubled escape character"
        ),
        pytest.param("\ufeffFROM a\n", ["FROM"], id="byte order mark"),
        pytest.param("FROM a\nRUN\nUSER b\n", ["FROM", "RUN", "USER"], id="instruction without arguments"),
        pytest.param(
            "# c\n# escape=`\nFROM a\nRUN a `\nUSER b\n",
            ["FROM", "RUN", "USER"],
            id="late directive",
            marks=(),
        ),
    ],
)
def test_what_it_splits_wrongly_alone_comes_out_right(text: str, names: list[str]) -> None:
    assert our_instructions(text) == names


def test_it_still_needs_the_normaliser() -> None:
    assert their_instructions("FROM a\nRUN <<E\nFROM fake\nE x\nE\n") != ["FROM", "RUN"]
    assert their_instructions("FROM a\nRUN a \\\n\n c d\n") == ["FROM", "RUN", "C"]
    assert their_instructions("FROM a\nRUN echo \\\\\nUSER b\n") == ["FROM", "RUN"]


def test_a_comment_within_a_continuation_is_not_of_the_command() -> None:
    (stage,) = parse("FROM a\nRUN a \\\n  # c\n  b\n", "f").stages

    assert stage.instructions[0].text == "RUN a   b"


@pytest.mark.parametrize(
    ("word", "expanded"),
    [
        pytest.param("img:${V:-latest}", "img:1.2.3", id="default"),
        pytest.param("img${V:+-alt}", "img-alt", id="alternative"),
        pytest.param("img:${V%.*}", "img:1.2", id="suffix"),
        pytest.param("img:${V#*.}", "img:2.3", id="prefix"),
        pytest.param("img:${V//./-}", "img:1-2-3", id="replacement"),
    ],
)
def test_all_forms_of_expansion_are_understood(word: str, expanded: str) -> None:
    assert expand(word, {"V": "1.2.3"}, location=AT) == expanded


def test_order_of_arg_and_env_is_kept_for_who_decides_which_wins() -> None:
    (stage,) = parse("FROM a\nENV X=e\nARG X=d\n", "f").stages

    assert [type(instruction) for instruction in stage.instructions] == [Env, Arg]


def test_flags_json_and_words_are_taken_apart() -> None:
    (stage,) = parse(
        'FROM --platform=p a   AS   b\nCOPY --from=x c d\nRUN --mount=target=/m ["e"]\n', "f"
    ).stages
    copy, run = stage.instructions

    assert (stage.base.platform, stage.base.image, stage.base.name) == ("p", "a", "b")
    assert isinstance(copy, Copy)
    assert (copy.source, copy.sources, copy.destination) == ("x", ("c",), "d")
    assert isinstance(run, Run)
    assert (run.command, len(run.mounts)) == (Exec(("e",)), 1)


def test_directives_are_told() -> None:
    dockerfile = parse("# syntax=s\n# escape=`\nFROM a\n", "f")

    assert (dockerfile.syntax, dockerfile.escape) == ("s", "`")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("FROM a\nFOO b\n", id="unknown instruction"),
        pytest.param("FROM a\nCOPY --foo b c\n", id="unknown flag"),
        pytest.param("FROM a AS 1\n", id="name of a stage"),
        pytest.param("FROM a\nENV\n", id="no argument"),
        pytest.param("FROM a\nRUN\u00a0x\n", id="no-break space"),
        pytest.param("USER a\n", id="no stage"),
    ],
)
def test_what_it_lets_pass_is_refused(text: str) -> None:
    with pytest.raises(DockerfileError):
        parse(text, "f")


def test_a_trigger_is_text_and_a_base_that_is_a_stage_is_a_name() -> None:
    one, two = parse("FROM a AS one\nONBUILD RUN b\nFROM one\n", "f").stages

    assert one.instructions == (Onbuild(location=AT, trigger="RUN b"),)
    assert two.base.image == "one"


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        pytest.param("ENV k v w", (("k", "v w"),), id="legacy form"),
        pytest.param("ENV a=\\$b c='$d'", (("a", "\\$b"), ("c", "'$d'")), id="quotes and escapes"),
        pytest.param("ENV A=2 B=$A", (("A", "2"), ("B", "$A")), id="two on a line"),
    ],
)
def test_what_it_gets_right_we_do_too(text: str, pairs: tuple[tuple[str, str], ...]) -> None:
    (stage,) = parse(f"FROM a\n{text}\n", "f").stages

    assert stage.instructions == (Env(location=AT, pairs=pairs),)


# ── what it must not do ──────────────────────────────────────────────────────────────────────────


def test_nothing_is_read_or_written_beside_the_text(tmp_path, monkeypatch) -> None:
    (tmp_path / "Dockerfile").write_text("FROM other\n")
    (tmp_path / "Dockerfile").chmod(0o444)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("V", "from the environment")

    (stage,) = parse("FROM $V\nENV V=1\nRUN echo $V\n", str(tmp_path / "Dockerfile")).stages

    assert stage.base.image == "$V"
    assert stage.instructions[1] == Run(location=AT, command=ShellText("echo $V"))
    assert [path.name for path in tmp_path.iterdir()] == ["Dockerfile"]
    assert (tmp_path / "Dockerfile").read_text() == "FROM other\n"


@pytest.mark.parametrize("end", ["|", "||", "\\", "`", "|\\", " |", "\x1c", "\x85", "\u2028", "\x00"])
@pytest.mark.parametrize("start", ["|", "", "\x1c", "#", "# escape=`", "=", "\x1e"])
def test_the_fence_around_arguments_is_never_seen(start: str, end: str) -> None:
    text = f"{start}a{end}" if start else f"a{end}"
    trimmed = (
        text.removesuffix("\\").rstrip("\x85\u2028 ") if text.endswith("\\") else text.strip("\x85\u2028")
    )
    (stage,) = parse(f"FROM a\nRUN {text}\n", "f").stages

    assert stage.instructions[0] == Run(location=AT, command=ShellText(trimmed))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x7fELF\x02\x01\x01\0\0\0 x\n\x03y\n", id="a program"),
        pytest.param("кот и собака\n".encode("koi8-r") * 3, id="bytes of another encoding"),
    ],
)
def test_a_binary_file_is_one_error_and_shows_nothing_of_it(content: bytes) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse(content, "Dockerfile")

    assert str(caught.value) == "Dockerfile: the file is no text, and so no Dockerfile"


def test_a_few_odd_bytes_make_no_text_binary() -> None:
    with pytest.raises(DockerfileError, match="unknown instruction 'RNU'"):
        parse("FROM x\n# größer\nRNU y\n".encode("latin-1"), "Dockerfile")


@pytest.mark.parametrize("content", ["", "\n \n"], ids=["no byte", "blank lines"])
def test_an_empty_file_is_called_so(content: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse(content, "Dockerfile")

    assert (caught.value.what, caught.value.hint) == (
        "the file is empty: it has no FROM",
        "begin it with FROM image, or FROM scratch",
    )
