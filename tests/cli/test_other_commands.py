"""hash, list, graph, context, config, schema."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from cli.conftest import DEBIAN
from hashtag.cli.hash import build_arguments
from hashtag.errors import UsageError
from hashtag.planning.schema import schema

KNOWN = ("--base", f"debian:12={DEBIAN}")


# ── hash ─────────────────────────────────────────────────────────────────────────────────────────


def test_hash_prints_the_cache_tag_that_a_plan_has(hashtag, folder):
    ran = hashtag("hash", "base", *KNOWN)

    assert ran.status == 0
    assert ran.out.strip() == hashtag("plan", *KNOWN, "-o", "json").json()["images"][0]["cache_tag"]
    assert ran.err == ""


def test_hash_as_json_adds_the_record_and_validates(hashtag, folder):
    document = hashtag("hash", "base", *KNOWN, "-o", "json").json()

    jsonschema.validate(document, schema("hash"))
    assert document["cache_tag"] == f"h1-{document['fingerprint']}"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--build-arg", "TOOL=other"), id="an argument"),
        pytest.param(("--target", "first"), id="another stage"),
        pytest.param(("--platform", "linux/arm64"), id="another platform"),
        pytest.param(("--label", "a=b"), id="a label"),
        pytest.param(("-f", "base/other"), id="another Dockerfile"),
        pytest.param(("--build-context", "lib=web"), id="another named context"),
    ],
)
def test_what_an_option_changes_is_in_the_hash(hashtag, folder, options):
    (folder / "base/other").write_text("FROM debian:12\n")
    (folder / "base/lib").mkdir()
    (folder / "base/Dockerfile").write_text(
        "FROM debian:12 AS first\nFROM first\nARG TOOL=tool\nENV TOOL=$TOOL\nCOPY --from=lib . /lib\n"
    )
    base = ("hash", "base", *KNOWN, "--build-context", "lib=base/lib")

    before, after = hashtag(*base), hashtag(*base, *options)

    assert before.status == after.status == 0, before.err + after.err
    assert before.out != after.out


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(["A=1"], {"A": "1"}, id="a value"),
        pytest.param(["A="], {"A": ""}, id="an empty value"),
        pytest.param(["A=1=2"], {"A": "1=2"}, id="a value with ="),
        pytest.param(["HOME_PAGE"], {"HOME_PAGE": "x"}, id="from the environment"),
        pytest.param(["UNSET"], {}, id="not set anywhere"),
    ],
)
def test_build_arguments_are_read_as_docker_reads_them(texts, expected):
    assert build_arguments(texts, {"HOME_PAGE": "x"}) == expected


def test_a_build_argument_without_a_name_is_refused():
    with pytest.raises(UsageError, match="has no name"):
        build_arguments(["=1"], {})


# ── list, graph, config, schema ──────────────────────────────────────────────────────────────────


def test_list_prints_names_parents_first(hashtag, folder):
    assert hashtag("list") == (0, "base\nweb\n", "")


def test_list_as_json_validates(hashtag, folder):
    document = hashtag("list", "-o", "json").json()

    jsonschema.validate(document, schema("list"))
    assert document[1] == {
        "name": "web",
        "dockerfile": "web/Dockerfile",
        "context": "web",
        "target": None,
        "parents": ["base"],
        "bases": [],
    }


def test_an_unknown_image_is_an_error_with_the_nearest_name(hashtag, folder):
    assert hashtag("list", "wep") == (
        2,
        "",
        "error[HT022]: there is no image 'wep'\nhint: did you mean 'web'?\n",
    )


def test_graph_draws_without_asking_a_registry(hashtag, folder):
    ran = hashtag("graph", "-o", "dot", "-o", "svg=graph.svg")

    assert ran.out.startswith("digraph hashtag {")
    assert (folder / "graph.svg").read_text().startswith("<svg ")


def test_config_prints_each_setting_with_its_origin(hashtag, folder, monkeypatch):
    monkeypatch.setenv("HASHTAG_MODES", "full")

    lines = hashtag("config", "--pipeline-tag", "1742").out.splitlines()

    assert "repository      = oci-layout:store  (hashtag.toml:1)" in lines
    assert "pipeline-tag    = 1742  (command line)" in lines
    assert "modes           = full  (HASHTAG_MODES)" in lines


def test_config_as_json_is_by_name(hashtag, folder):
    document = hashtag("config", "-o", "json").json()

    assert document["repository"] == {"value": "oci-layout:store", "origin": "hashtag.toml:1"}


def test_schema_prints_a_schema(hashtag):
    assert hashtag("schema", "list").json() == schema("list")


# ── context ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("of", [pytest.param("web", id="a folder"), pytest.param("w3", id="an image")])
def test_context_ls_prints_what_a_build_sees(hashtag, folder, of):
    settings = (folder / "hashtag.toml").read_text()
    (folder / "hashtag.toml").write_text(settings.replace('"web"', '"w3"'))

    assert hashtag("context", "ls", of).out.splitlines() == [".dockerignore", "Dockerfile", "index.html"]


def test_context_ls_can_end_each_path_with_nul_byte_for_byte(folder, capfdbinary):
    from hashtag.cli.main import main

    (folder / os.fsdecode(b"web/\xff\n")).write_text("")

    assert main(["context", "ls", "web", "-0"]) == 0
    assert capfdbinary.readouterr().out == b".dockerignore\0Dockerfile\0index.html\0\xff\n\0"


def test_context_ls_escapes_what_a_terminal_would_obey(hashtag, folder):
    (folder / "web/\x1b[31mred").write_text("")

    assert "\\x1b[31mred" in hashtag("context", "ls", "web").out


@pytest.mark.parametrize(
    ("path", "out"),
    [
        pytest.param("access.log", "access.log: ignored by web/.dockerignore:2: *.log\n", id="ignored"),
        pytest.param("index.html", "index.html: seen\n", id="seen"),
        pytest.param("./x/../index.html", "index.html: seen\n", id="written in a roundabout way"),
        pytest.param(
            "gone.log", "gone.log: ignored by web/.dockerignore:2: *.log\n", id="not there but ignored"
        ),
    ],
)
def test_context_why_names_the_line_that_hides_a_path(hashtag, folder, path, out):
    assert hashtag("context", "why", path, "web") == (0, out, "")


def test_context_why_takes_an_image_before_a_folder_of_its_name(hashtag, folder):
    (folder / "hashtag.toml").write_text(
        'repository = "oci-layout:store"\n'
        '[[image]]\nname = "web"\ndockerfile = "web/Dockerfile"\ncontext = "."\n'
    )
    (folder / ".dockerignore").write_text("web/access.log\n")

    assert hashtag("context", "why", "web/access.log", "web").out.startswith("web/access.log: ignored by ")
    assert hashtag("context", "why", "access.log", "./web").out.startswith("access.log: ignored by web/")


def test_context_why_takes_a_path_from_anywhere(hashtag, folder):
    assert hashtag("context", "why", folder / "web/index.html", "web").out == "index.html: seen\n"


def test_context_why_of_a_context_without_rules(hashtag, folder):
    assert hashtag("context", "why", "tool", "base").out == "tool: seen\n"


def test_context_why_uses_the_ignore_file_of_the_dockerfile(hashtag, folder):
    (folder / "web/other.dockerignore").write_text("index.*\n")

    assert hashtag("context", "why", "index.html", "web", "-f", "web/other").out == (
        "index.html: ignored by web/other.dockerignore:1: index.*\n"
    )


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        pytest.param(["why", "nothing", "web"], 1, "it is not there", id="a path that is not there"),
        pytest.param(["why", "../base/tool", "web"], 2, "is outside the context", id="a path outside"),
        pytest.param(["ls", "wep"], 2, "did you mean 'web'?", id="neither image nor folder"),
        pytest.param(["wy"], 2, "did you mean 'why'?", id="neither ls nor why"),
        pytest.param([], 2, "required: ls|why", id="nothing"),
    ],
)
def test_context_refuses_what_it_cannot_answer(hashtag, folder, argv, status, message):
    ran = hashtag("context", *argv)

    assert (ran.status, ran.out) == (status, "")
    assert message in ran.err


def test_a_full_disk_is_an_error_and_no_bug(folder):
    command = [sys.executable, "-m", "hashtag", "schema", "plan"]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert ran.returncode == 1
    assert "standard output: error[HT043]" in ran.stderr
    assert "Traceback" not in ran.stderr
