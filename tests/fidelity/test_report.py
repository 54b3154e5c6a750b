"""The suite can be used by anybody: its vectors have a schema, its report judges any tool."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import jsonschema
import pytest

from fidelity import example_tool
from fidelity.buildkit_cases import VECTORS, Build, Edit, edits
from fidelity.report import builds_table, ignore_table, main
from fidelity.tools import ask, hash_command, hashtag_ignore, hashtag_in_process
from fidelity.verdicts import FALSE_MISSES, Judgement, Outcome, Printed, Refused, judge
from fidelity.web import WebServer

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "fidelity.md"
EXAMPLE = f"{shlex.quote(sys.executable)} {shlex.quote(str(Path(__file__).with_name('example_tool.py')))}"
ONE, OTHER, NONE = Printed("1"), Printed("2"), Refused("no")


@pytest.mark.parametrize("name", ["buildkit", "dockerignore"])
def test_the_vectors_have_the_documented_schema(name: str) -> None:
    schema = json.loads(VECTORS.with_name(f"{name}.schema.json").read_text(encoding="utf-8"))
    vectors = json.loads(VECTORS.with_name(f"{name}.json").read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(vectors)


def test_every_edit_has_a_name_of_its_own() -> None:
    ids = [edit.id for edit in edits()]

    assert len(set(ids)) == len(ids) == 408


def test_the_page_shows_what_the_report_prints(capsys: pytest.CaptureFixture[str]) -> None:
    status = main([])

    printed = capsys.readouterr().out
    assert status == 0
    assert printed.strip() in PAGE.read_text(encoding="utf-8"), "paste what nox -s fidelity prints"


@pytest.mark.parametrize("edit", FALSE_MISSES)
def test_each_false_miss_is_explained_on_the_page(edit: str) -> None:
    assert f"`{edit}`" in PAGE.read_text(encoding="utf-8").partition("### Builds and their edits")[0]


@pytest.mark.parametrize(
    ("expect", "before", "after", "judgement"),
    [
        pytest.param("must_change", ONE, OTHER, "right", id="it had to change and did"),
        pytest.param("must_change", ONE, ONE, "false hit", id="it had to change and did not"),
        pytest.param("must_change", ONE, NONE, "error", id="what BuildKit builds was refused"),
        pytest.param("must_not_change", ONE, ONE, "right", id="it had to stay and did"),
        pytest.param("must_not_change", ONE, OTHER, "false miss", id="it had to stay and did not"),
        pytest.param("must_not_change", ONE, NONE, "error", id="what BuildKit has cached was refused"),
        pytest.param("either", ONE, OTHER, "right", id="it may change"),
        pytest.param("either", ONE, ONE, "right", id="it may stay"),
        pytest.param("either", ONE, NONE, "error", id="but it builds"),
        pytest.param("change_or_error", ONE, NONE, "right", id="what BuildKit refuses was refused"),
        pytest.param(
            "change_or_error", ONE, OTHER, "right", id="what BuildKit refuses has another fingerprint"
        ),
        pytest.param("change_or_error", ONE, ONE, "false hit", id="what BuildKit refuses counts as built"),
        pytest.param("must_not_change", NONE, NONE, "error", id="the build before the edit was refused"),
    ],
)
def test_an_answer_is_judged(expect: str, before: Outcome, after: Outcome, judgement: str) -> None:
    edit = Edit("case", "topic", "edit", Build({}), Build({}), expect)

    assert judge(edit, before, after) is Judgement(judgement)


def test_a_verdict_that_nobody_knows_is_no_right_one() -> None:
    with pytest.raises(ValueError, match="case/edit: there is no verdict 'maybe'"):
        judge(Edit("case", "topic", "edit", Build({}), Build({}), "maybe"), ONE, ONE)


def test_the_page_says_how_a_usual_script_does() -> None:
    table = builds_table(lambda build: Printed(example_tool.fingerprint(build)))

    total = sum(table.rows.values(), Counter())
    assert f"{total['false hits']} false hits and {total['false misses']} false misses" in PAGE.read_text(
        "utf-8"
    )


# ── other tools ──────────────────────────────────────────────────────────────────────────────────


def test_a_tool_that_never_changes_is_caught_serving_stale_images() -> None:
    table = builds_table(lambda build: ONE, topics=["add-tar"])

    assert table.rows["add-tar"]["false hits"] == table.rows["add-tar"]["must change"] > 0
    assert table.rows["add-tar"]["false misses"] == 0
    assert table.findings[0] == "false hit `add-more/nested-tar`"


def test_a_tool_that_always_changes_is_caught_building_for_nothing() -> None:
    numbers = iter(range(1000))

    table = builds_table(lambda build: Printed(str(next(numbers))), topics=["add-tar"])

    assert table.rows["add-tar"]["false misses"] == table.rows["add-tar"]["must not change"] > 0
    assert table.rows["add-tar"]["false hits"] == 0


def test_a_tool_that_refuses_is_told_from_one_that_is_wrong() -> None:
    table = builds_table(lambda build: NONE, topics=["add-tar"])

    assert table.rows["add-tar"]["errors"] == table.rows["add-tar"]["edits"] == 6
    assert table.findings[0] == "error `add-more/nested-tar`: no"


def test_any_command_can_be_the_tool(capsys: pytest.CaptureFixture[str]) -> None:
    """The example hashes all files of the context: an unused one is a false miss, a mode a false hit."""
    status = main(
        ["--tool", EXAMPLE, "--topic", "copy-json", "--topic", "run-mount-bind", "--topic", "copy-basic"]
    )

    printed = capsys.readouterr().out
    assert status == 1
    assert "- false miss `copy-json/c`\n" in printed
    assert "- false hit `mnt-same-src/mode`\n" in printed
    assert "Ignore files" not in printed


def test_a_false_miss_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    missed = ["copy-json/c", "copy-json/spaces", "copy-json/shellform", "copy-overlap/c"]
    named = [word for edit in missed for word in ("--named", edit)]

    assert main(["--tool", EXAMPLE, "--topic", "copy-basic", *named]) == 0
    assert "false miss `copy-json/c`, named: on the command line" in capsys.readouterr().out


def test_hashtags_own_command_gives_the_same_answers(tmp_path: Path) -> None:
    script = tmp_path / "tool.py"
    script.write_text(
        "import json, sys\n"
        "from fidelity.tools import hashtag_in_process\n"
        "print(hashtag_in_process(json.load(sys.stdin)).fingerprint)\n"
    )
    edit = next(edit for edit in edits() if edit.case == "conf-inherit")
    words = [sys.executable, str(script)]

    with WebServer() as web:
        outside = ask(
            hash_command(["env", f"PYTHONPATH={ROOT / 'tests'}", *words]), edit.before, tmp_path / "1", web
        )
        inside = ask(hashtag_in_process, edit.before, tmp_path / "2", web)

    assert isinstance(inside, Printed)
    assert outside == inside


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        pytest.param(["sh", "-c", "echo sorry >&2; exit 3"], "sorry", id="a status that is not 0"),
        pytest.param(["sh", "-c", "exit 3"], "status 3", id="and nothing to say"),
        pytest.param(["true"], "nothing was printed", id="no fingerprint"),
        pytest.param(["/no/such/tool"], "[Errno 2]", id="no such command"),
    ],
)
def test_a_command_that_fails_has_refused(words: list[str], reason: str) -> None:
    outcome = hash_command(words)({})

    assert isinstance(outcome, Refused)
    assert reason in outcome.reason


def test_any_command_can_judge_ignore_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "nothing.py"
    script.write_text("import json, sys\njson.load(sys.stdin)\nprint([])\n")

    status = main(["--ignore-tool", shlex.join([sys.executable, str(script)]), "--topic", "escape"])

    printed = capsys.readouterr().out
    assert status == 1
    assert "is excluded, not seen" in printed
    assert "is refused, not seen" in printed
    assert "Builds" not in printed


def test_no_path_of_an_ignore_file_is_judged_wrongly() -> None:
    table = ignore_table(hashtag_ignore, VECTORS.with_name("dockerignore.json"))

    assert table.findings == ()
    assert sum(counts["paths"] for counts in table.rows.values()) == 1225


def test_the_report_is_a_command() -> None:
    environ: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    command = [sys.executable, "-m", "fidelity.report", "--topic", "expansion"]
    answer = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)

    assert "| expansion |" in answer.stdout


# ── the web server of ADD ────────────────────────────────────────────────────────────────────────


def test_the_server_has_what_a_build_downloads_and_nothing_else() -> None:
    with WebServer() as web:
        web.serve({"/f.txt": "A"})
        with urlopen(f"{web.address}/f.txt") as answer:
            assert answer.read() == b"A"
        web.serve({})
        with pytest.raises(HTTPError, match="404") as caught:
            urlopen(f"{web.address}/f.txt")
        caught.value.close()
