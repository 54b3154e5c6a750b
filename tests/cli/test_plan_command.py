"""hashtag plan and hashtag apply."""

from __future__ import annotations

import json
import shlex

import jsonschema
import pytest

from cli.conftest import DEBIAN, store
from hashtag.planning.plan import Plan
from hashtag.planning.schema import schema

KNOWN = ("--base", f"debian:12={DEBIAN}")


def planned(hashtag, *more):
    return hashtag("plan", *KNOWN, "-o", "json", *more).json()["images"]


def tags(hashtag, *more):
    return {image["name"]: image["cache_tag"] for image in planned(hashtag, *more)}


@pytest.fixture
def base_digest(hashtag, folder):
    """The digest of `base`, which is in the registry."""
    return store(planned(hashtag, "base")[0]["cache_reference"])


def test_a_plan_is_a_table_on_standard_output_and_nothing_else_there(hashtag, folder):
    ran = hashtag("plan", *KNOWN, "--pipeline-tag", "1742")

    lines = ran.out.splitlines()
    assert ran.status == 0
    assert ran.err == ""
    assert lines[0] == "2 images, oci-layout:store, pipeline tag 1742"
    assert lines[1].startswith("  + base  h1-")
    assert lines[2].endswith("build   parent is built: base")
    assert lines[3] == "Plan: 2 to build, 0 to alias."


def test_what_the_registry_holds_is_aliased(hashtag, folder, base_digest):
    base, web = planned(hashtag, "--pipeline-tag", "1742")

    assert (base["action"], base["digest"]) == ("alias", base_digest)
    assert (web["action"], web["reason"]) == ("build", "never built")


def test_the_json_of_a_plan_validates(hashtag, folder, base_digest):
    jsonschema.validate(hashtag("plan", *KNOWN, "-o", "json").json(), schema("plan"))


def test_an_image_is_planned_with_all_it_is_built_from(hashtag, folder):
    assert [image["name"] for image in planned(hashtag, "web")] == ["base", "web"]
    assert [image["name"] for image in planned(hashtag, "base")] == ["base"]


def test_one_run_writes_many_outputs(hashtag, folder):
    ran = hashtag("plan", *KNOWN, "-o", "json=plan.json", "-o", "mermaid=plan.mmd", "-o", "dotenv")

    assert ran.out.splitlines() == [
        "HASHTAG_BASE_IMAGE="
        + json.loads((folder / "plan.json").read_text())["images"][0]["cache_reference"],
        "HASHTAG_WEB_IMAGE=" + json.loads((folder / "plan.json").read_text())["images"][1]["cache_reference"],
    ]
    assert ran.err == "Plan: 2 to build, 0 to alias.\n"
    assert (folder / "plan.mmd").read_text().startswith("flowchart LR\n")


def test_a_dash_is_standard_output(hashtag, folder):
    assert hashtag("plan", *KNOWN, "-o", "json=-").json()["format_version"] == "1.0"


def test_an_output_that_cannot_be_written_is_an_error(hashtag, folder):
    ran = hashtag("plan", *KNOWN, "-o", "json=missing/plan.json")

    assert ran.status == 1
    assert ran.err.startswith("missing/plan.json: error[HT043]: cannot be written: No such file")


def test_an_output_inside_a_hashed_context_is_refused(hashtag, folder):
    ran = hashtag("plan", *KNOWN, "--save", "web/plan.json")

    assert (ran.status, ran.out) == (1, "")
    assert "error[HT034]" in ran.err
    assert "hint: add this line to web/.dockerignore: plan.json" in ran.err
    assert not (folder / "web/plan.json").exists()


def test_an_output_is_to_be_ignored_where_the_dockerfiles_own_file_holds(hashtag, folder):
    (folder / "web/Dockerfile.dockerignore").write_text("")

    ran = hashtag("plan", *KNOWN, "--save", "web/plan.json")

    assert "hint: add this line to web/Dockerfile.dockerignore: plan.json" in ran.err


def test_a_missing_source_is_pointed_at_and_its_hint_can_be_pasted(hashtag, folder):
    (folder / "web/Dockerfile").write_text("FROM base\nCOPY --chmod=755 index.html \\\n  access&log /srv/\n")

    ran = hashtag("plan", *KNOWN)

    assert "web/Dockerfile:3:3: error[HT031]: 'access&log' is not in the build context" in ran.err
    (line,) = [line for line in ran.err.splitlines() if "hashtag context why" in line]
    command = shlex.split(line.partition(": hashtag ")[2])
    assert command == ["context", "why", "access&log", "web"]


def test_the_hint_of_a_missing_source_names_the_folder_where_there_is_no_project(hashtag, tmp_path):
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b/Dockerfile").write_text("FROM scratch\nCOPY x /\n")
    (tmp_path / "a b/.dockerignore").write_text("x\n")

    ran = hashtag("hash", tmp_path / "a b")

    (line,) = [line for line in ran.err.splitlines() if "hashtag context why" in line]
    assert ":2:6: error[HT031]" in ran.err
    why = hashtag(*shlex.split(line.partition(": hashtag ")[2]))
    assert why.out.startswith("x: ignored by ")


def test_a_malformed_wildcard_is_pointed_at(hashtag, folder):
    (folder / "web/Dockerfile").write_text("FROM base\nCOPY index.html [a- /srv/\n")

    ran = hashtag("plan", *KNOWN)

    assert "web/Dockerfile:2:17: error[HT010]: '[a-' has a malformed character class\n  2 | COPY" in ran.err


@pytest.mark.parametrize(
    ("images", "status"),
    [pytest.param(["web"], 10, id="something to build"), pytest.param(["base"], 0, id="all exist")],
)
def test_the_exit_code_tells_whether_there_is_something_to_build(
    hashtag, folder, base_digest, images, status
):
    assert hashtag("plan", *KNOWN, "--exit-code", *images).status == status


def test_a_plan_goes_on_where_one_image_cannot_be_planned(hashtag, folder):
    (folder / "web/Dockerfile").write_text("FROM base\nCOPPY . /srv\n")

    ran = hashtag("plan", *KNOWN, "--keep-going", "-o", "json")

    assert ran.status == 1
    assert {image["name"]: image["action"] for image in ran.json()["images"]} == {
        "base": "build",
        "web": "failed",
    }


def test_without_a_repository_the_error_says_how_to_name_one(hashtag, folder):
    (folder / "hashtag.toml").write_text('[[image]]\ndockerfile = "base/Dockerfile"\n')

    ran = hashtag("plan", *KNOWN)

    assert ran.status == 2
    assert "--repository" in ran.err


# ── what changes a plan ──────────────────────────────────────────────────────────────────────────


def test_warnings_come_before_the_error_that_they_may_explain(hashtag, folder, monkeypatch):
    (folder / "hashtag.toml").unlink()
    monkeypatch.setenv("HASHTAG_REPOSTORY", "oci-layout:store")

    ran = hashtag("plan")

    assert ran.status == 2
    first, second, *_ = ran.err.splitlines()
    assert first == (
        "warning: HASHTAG_REPOSTORY is set, but nothing reads it; did you mean 'HASHTAG_REPOSITORY'?"
    )
    assert "error[HT040]" in second


def test_warnings_come_before_the_errors_of_a_broken_file(hashtag, folder, monkeypatch):
    (folder / "hashtag.toml").write_text("zzz = 1\n")
    monkeypatch.setenv("HASHTAG_REPOSTORY", "oci-layout:store")

    ran = hashtag("list")

    assert ran.status == 2
    assert ran.err.startswith("warning: HASHTAG_REPOSTORY is set")


def test_what_is_skipped_is_said_before_what_fails(hashtag, folder):
    (folder / "hashtag.toml").write_text('repository = "oci-layout:store"\n')
    (folder / "template").mkdir()
    (folder / "template/Dockerfile").write_text("FROM $BASE\n")
    (folder / "web/Dockerfile").write_text("FROM scratch\nCOPY nothing /\n")

    ran = hashtag("plan", "--base", f"debian:12={DEBIAN}")

    assert ran.status == 1
    warning, error, *_ = ran.err.splitlines()
    assert warning.startswith("warning: template/Dockerfile:1:6: FROM $BASE names no image")
    assert warning.endswith("(image template is skipped)")
    assert error.startswith("web/Dockerfile:2:")


def test_a_warning_is_said_once(hashtag, folder, monkeypatch):
    monkeypatch.setenv("HASHTAG_REPOSTORY", "oci-layout:store")

    ran = hashtag("plan", "--base", f"debian:12={DEBIAN}")

    assert ran.status == 0
    assert ran.err.count("HASHTAG_REPOSTORY") == 1


@pytest.mark.parametrize(
    ("reference", "near"),
    [("debian:21", "; did you mean 'debian:12'?"), ("fedora:38", "")],
    ids=["a typo", "something else"],
)
@pytest.mark.parametrize("command", [("plan",), ("hash", "base")], ids=["plan", "hash"])
def test_a_base_that_nothing_is_built_from_is_a_warning(hashtag, folder, command, reference, near):
    ran = hashtag(*command, *KNOWN, "--base", f"{reference}={DEBIAN}")

    assert ran.status == 0, ran.err
    assert f"warning: --base {reference}: nothing is built from it{near}\n" in ran.err


def test_a_mistyped_base_is_named_where_the_right_one_is_missing(hashtag, folder):
    ran = hashtag("hash", "base", "--base", f"debain:12={DEBIAN}", "--repository", "oci-layout:store")

    assert ran.err.startswith(
        "warning: --base debain:12: nothing is built from it; did you mean 'debian:12'?\n"
    )


@pytest.mark.parametrize(
    "name", ["debian:12", "docker.io/library/debian:12", "index.docker.io/library/debian:12"]
)
def test_a_base_that_is_used_is_no_warning(hashtag, folder, name):
    ran = hashtag("plan", "web", "--base", f"{name}={DEBIAN}")

    assert (ran.status, "nothing is built from" in ran.err) == (0, False)


def test_a_file_of_bases_may_hold_more_than_is_used(hashtag, folder):
    (folder / "bases.json").write_text(
        json.dumps({name: {"digest": DEBIAN} for name in ("debian:12", "fedora:38")})
    )

    ran = hashtag("plan", "--bases", "bases.json")

    assert (ran.status, "fedora" in ran.err) == (0, False)


def test_a_what_if_about_nothing_is_an_error(hashtag, folder):
    ran = hashtag("plan", *KNOWN, "--what-if", f"debain:12={DEBIAN}")

    assert (ran.status, ran.out) == (2, "")
    assert "error[HT041]: what if debain:12 moved? Nothing is built from it" in ran.err
    assert "hint: did you mean 'debian:12'?" in ran.err


@pytest.mark.parametrize("option", [("--rebuild", "web"), ("--salt", "web:x")], ids=["rebuild", "salt"])
def test_an_image_that_is_not_planned_is_neither_rebuilt_nor_salted(hashtag, folder, option):
    ran = hashtag("plan", "base", *KNOWN, *option)

    assert ran.status == 0
    assert f"warning: {option[0]} web: that image is not in this plan" in ran.err


def test_an_image_asked_for_is_rebuilt(hashtag, folder, base_digest):
    assert [image["reason"] for image in planned(hashtag, "--rebuild", "base")] == ["rebuild asked"] * 2


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(("--salt", "base:2024-05"), id="a salt"),
        pytest.param(("--what-if", "debian:12=sha256:" + "e" * 64), id="a supposed base"),
    ],
)
def test_a_change_of_an_image_changes_its_children_too(hashtag, folder, change):
    before, after = tags(hashtag), tags(hashtag, *change)

    assert before["base"] != after["base"]
    assert before["web"] != after["web"]


def test_a_mode_counts_where_all_modes_count(hashtag, folder):
    before, before_full = tags(hashtag), tags(hashtag, "--modes", "full")
    (folder / "base/tool").chmod(0o600)

    assert tags(hashtag) == before
    assert tags(hashtag, "--modes", "full") != before_full


def test_a_missing_source_can_be_a_warning(hashtag, folder):
    (folder / "base/tool").unlink()

    assert hashtag("plan", *KNOWN).status == 1
    assert hashtag("plan", *KNOWN, "--missing-sources", "warn").status == 0


def test_a_plan_has_the_time_it_is_given(hashtag, folder):
    assert hashtag("plan", *KNOWN, "--at", "2024-05-01", "-o", "json").json()["at"] == "2024-05-01T00:00:00Z"


def test_bases_can_come_from_a_file(hashtag, folder):
    bases = {"docker.io/library/debian:12": {"digest": DEBIAN, "config": {"Env": ["A=b"]}}}
    (folder / "bases.json").write_text(json.dumps(bases))

    ran = hashtag("plan", "--bases", "bases.json", "-o", "json")

    assert ran.status == 0
    assert ran.json()["images"][0]["bases"][0]["digest"] == DEBIAN
    assert ran.json()["images"][0]["fingerprint"] != planned(hashtag)[0]["fingerprint"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", "not valid JSON", id="half an object"),
        pytest.param("[]", "an object is expected @ $", id="a list"),
        pytest.param('{"a": 1, "a": 2}', "a key stands twice", id="a key twice"),
        pytest.param('{"debian:12": "sha256:0"}', "a digest is expected", id="a text for an object"),
        pytest.param('{"debian:12": {}}', "a digest is expected", id="no digest"),
        pytest.param(
            '{"debian:12": {"digest": "x"}}', "not a digest: 'x' @ $['debian:12']", id="no digest but x"
        ),
        pytest.param(
            '{"d": {"digest": "x", "config": []}}', "an object is expected @ $['d'].config", id="config"
        ),
        pytest.param('{"d": {"digest": "x", "index": 3}}', "a digest is expected @ $['d'].index", id="index"),
    ],
)
def test_a_file_of_bases_that_is_off_is_an_error_with_the_path_to_the_bad_value(
    hashtag, folder, text, message
):
    (folder / "bases.json").write_text(text)

    ran = hashtag("plan", "--bases", "bases.json")

    assert ran.status == 1
    assert ran.err.startswith("bases.json: error[HT042]: ")
    assert message in ran.err


def test_gitlabs_limits_are_a_warning_before_gitlab_refuses(hashtag, folder, monkeypatch):
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("NO_COLOR", "1")
    dockerfiles = folder / "many"
    dockerfiles.mkdir()
    for number in range(151):
        (dockerfiles / f"i{number}.docker").write_text("FROM scratch\nLABEL a=b\n")
    (folder / "hashtag.toml").write_text('[[image]]\ndockerfiles = "many/*.docker"\n')

    ran = hashtag("plan", "--repository", "oci-layout:store", "-o", "dotenv=all.env")

    assert ran.status == 0
    assert (
        "warning: GitLab refuses this dotenv report: 151 variables are more than the 150 allowed" in ran.err
    )


def test_within_gitlabs_limits_there_is_no_warning(hashtag, folder, monkeypatch):
    monkeypatch.setenv("GITLAB_CI", "true")

    assert "warning" not in hashtag("plan", *KNOWN, "-o", "dotenv=all.env").err


# ── saved plans ──────────────────────────────────────────────────────────────────────────────────


def test_a_saved_plan_is_applied(hashtag, folder, base_digest):
    hashtag("plan", *KNOWN, "--pipeline-tag", "1742", "--save", "plan.json")

    ran = hashtag("apply", "plan.json")

    assert ran == (0, "oci-layout:store:base:1742\n", "Tags: 1 moved, 0 right already.\n")
    assert hashtag("apply", "plan.json").err == "Tags: 0 moved, 1 right already.\n"


def test_planning_and_applying_can_be_one_command(hashtag, folder, base_digest):
    ran = hashtag("plan", *KNOWN, "--pipeline-tag", "1742", "--apply")

    assert ran.status == 0
    assert ran.err == "Tags: 1 moved, 0 right already.\n"


def test_without_a_pipelines_tag_there_is_nothing_to_apply(hashtag, folder, base_digest):
    before = (folder / "store/index.json").read_text()

    ran = hashtag("plan", *KNOWN, "--apply", "--save", "plan.json")

    assert (ran.status, ran.out) == (2, "")
    assert "there is no pipeline tag to give" in ran.err
    assert "hint: give --pipeline-tag TAG, or set CI_PIPELINE_IID" in ran.err
    assert (folder / "store/index.json").read_text() == before
    assert not (folder / "plan.json").exists()


def test_a_saved_plan_without_a_pipelines_tag_is_not_applied(hashtag, folder, base_digest):
    hashtag("plan", *KNOWN, "--save", "plan.json")
    before = (folder / "store/index.json").read_text()

    ran = hashtag("apply", "plan.json")

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("plan.json: error[")
    assert "there is no pipeline tag to give" in ran.err
    assert "hint: plan with --pipeline-tag TAG, or with CI_PIPELINE_IID set" in ran.err
    assert (folder / "store/index.json").read_text() == before


def test_planning_alone_writes_nothing_into_the_registry(hashtag, folder, base_digest):
    before = (folder / "store/index.json").read_text()

    hashtag("plan", *KNOWN, "--pipeline-tag", "1742", "--save", "plan.json")

    assert (folder / "store/index.json").read_text() == before


def test_a_plan_whose_image_was_replaced_is_refused(hashtag, folder, base_digest):
    hashtag("plan", *KNOWN, "--pipeline-tag", "1742", "--save", "plan.json")
    (alias,) = Plan.load(folder / "plan.json").aliases
    index = json.loads((folder / "store/index.json").read_text())
    (folder / "store/index.json").write_text(json.dumps(index | {"manifests": []}))

    ran = hashtag("apply", "plan.json")

    assert ran.status == 5
    assert ran.err == (
        f"{alias.target.cache_reference}: error[HT060]: planned as {alias.digest}, it is gone\n"
        "hint: plan again: hashtag plan\n"
    )


def test_a_plan_that_is_not_there_is_an_error(hashtag, folder):
    ran = hashtag("apply", "plan.json")

    assert ran == (1, "", "plan.json: error[HT032]: the plan cannot be read: No such file or directory\n")


def test_colours_are_for_those_who_want_them(hashtag, folder, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")

    ran = hashtag("plan", *KNOWN)

    assert "\x1b[33m  +\x1b[0m" in ran.out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in hashtag("plan", *KNOWN).out


@pytest.mark.parametrize("option", [["--apply"], ["--save", "plan.json"]], ids=["applied", "saved"])
def test_what_would_be_is_neither_applied_nor_saved(hashtag, folder, option):
    ran = hashtag("plan", "--what-if", "debian:12=sha256:" + "0" * 64, *option)

    assert (ran.status, ran.out) == (2, "")
    assert "--what-if only asks" in ran.err


@pytest.mark.parametrize("verb", ["build", "run"])
def test_nothing_is_built_from_what_would_be(hashtag, folder, verb):
    assert hashtag(verb, "--what-if", "debian:12=sha256:" + "0" * 64).status == 2


def test_deep_builds_again_what_lacks_a_part_and_says_so(hashtag, folder):
    image = planned(hashtag)[0]
    store(image["cache_reference"])
    assert hashtag("plan", *KNOWN, "--deep", "base").status == 0
    assert planned(hashtag, "--deep")[0]["action"] == "alias"
    for blob in (folder / "store/blobs/sha256").iterdir():
        if blob.read_bytes().startswith(b'{"arch'):
            blob.unlink()

    ran = hashtag("plan", *KNOWN, "--deep")

    assert f"BROKEN IMAGE: {image['cache_reference']} holds" in ran.err
    assert [line.split()[-3:] for line in ran.out.splitlines() if " base " in line] == [
        ["cache", "is", "broken"]
    ]
    assert planned(hashtag)[0]["action"] == "alias"
