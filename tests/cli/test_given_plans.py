"""Plans in files: what a crafted one would move, and that it does not."""

from __future__ import annotations

import json

import pytest

from cli.conftest import DEBIAN, store

KNOWN = ("--base", f"debian:12={DEBIAN}")
EVIL = "sha256:" + "e" * 64
SPECS = {"apply": ("apply", "plan.json"), "build": ("build", "--plan", "plan.json", "--print")}
SPECS["promote"] = ("promote", "--plan", "plan.json", "latest")


@pytest.fixture
def saved(hashtag, folder):
    """Save the plan of pipeline 1742, whose images exist; return a function that changes the file."""
    for image in hashtag("plan", *KNOWN, "-o", "json").json()["images"]:
        store(image["cache_reference"])
    assert hashtag("plan", *KNOWN, "--pipeline-tag", "1742", "--save", "plan.json").status == 0

    def change(edit):
        path = folder / "plan.json"
        plan = json.loads(path.read_text())
        edit(plan, plan["images"][0])
        path.write_text(json.dumps(plan))

    return change


def tags(folder):
    names = (m["annotations"] for m in json.loads((folder / "store/index.json").read_text())["manifests"])
    return sorted(name["org.opencontainers.image.ref.name"] for name in names)


def of_zone(plan, image):
    image["cache_tag"] = f"h1.topic-{image['fingerprint']}"
    image["cache_reference"] = f"oci-layout:store:base:{image['cache_tag']}"


def of_another_content(plan, image):
    image["fingerprint"] = "0" * 64


def of_no_fingerprint(plan, image):
    image["fingerprint"] = "x"
    image["cache_tag"] = "h1-x"
    image["cache_reference"] = "oci-layout:store:base:h1-x"


def moving_latest(plan, image):
    image["pipeline_reference"] = "oci-layout:store:base:latest"


def moving_another_image(plan, image):
    image["pipeline_reference"] = "oci-layout:store:web:1742"


def moving_a_cache_tag(plan, image):
    plan["pipeline_tag"] = f"h1-{'0' * 64}"
    for each in plan["images"]:
        each["pipeline_reference"] = f"oci-layout:store:{each['name']}:{plan['pipeline_tag']}"


def in_another_repository(plan, image):
    image["cache_reference"] = f"oci-layout:other:base:{image['cache_tag']}"
    image["pipeline_reference"] = "oci-layout:other:base:1742"


def without_a_pipeline(plan, image):
    plan["pipeline_tag"] = None


CRAFTED = [
    of_zone,
    of_another_content,
    of_no_fingerprint,
    moving_latest,
    moving_another_image,
    moving_a_cache_tag,
    in_another_repository,
]


@pytest.mark.parametrize("verb", SPECS)
@pytest.mark.parametrize("edit", CRAFTED, ids=lambda edit: edit.__name__.replace("_", " "))
def test_a_plan_that_is_none_of_this_projects_is_refused(hashtag, folder, saved, verb, edit):
    before = tags(folder)
    saved(edit)

    ran = hashtag(*SPECS[verb])

    assert (ran.status, ran.out) == (5, "")
    assert ran.err.startswith("plan.json: error[HT064]: ")
    assert tags(folder) == before


def test_the_plan_as_it_was_saved_is_carried_out(hashtag, folder, saved):
    assert [hashtag(*words).status for words in SPECS.values()] == [0, 0, 0]


def test_a_plan_without_a_pipeline_moves_no_tag_of_one(hashtag, folder, saved):
    before = tags(folder)
    saved(without_a_pipeline)

    assert hashtag("apply", "plan.json").status == 5
    assert tags(folder) == before


def test_a_published_tag_is_no_pipelines_though_no_image_there_has_it_yet(hashtag, folder, saved):
    assert hashtag("promote", "--plan", "plan.json", "tested").status == 0

    ran = hashtag("plan", *KNOWN, "--pipeline-tag", "tested", "--apply")

    assert ran.status == 5
    assert "oci-layout:store:tested: error[HT061]: is a published tag, which promote alone moves" in ran.err


# ── with zones ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def protected(monkeypatch, saved):
    monkeypatch.setenv("HASHTAG_TRUST", "protected")
    monkeypatch.setenv("HASHTAG_TRUSTED", "true")
    return saved


def copied_from_anywhere(plan, image):
    image |= {"reason": "hit upstream", "upstream": "evil.example/app/base", "digest": EVIL}


def for_another_project(plan, image):
    plan["repository"] = "oci-layout:other"
    for each in plan["images"]:
        for key in ("cache_reference", "pipeline_reference"):
            each[key] = each[key].replace("store", "other")


@pytest.mark.parametrize("verb", SPECS)
@pytest.mark.parametrize(
    ("edit", "message"),
    [
        pytest.param(copied_from_anywhere, "evil.example/app/base is not in look-in", id="from anywhere"),
        pytest.param(for_another_project, "it is for oci-layout:other", id="for another project"),
    ],
)
def test_a_protected_pipeline_takes_no_images_from_where_a_file_says(
    hashtag, folder, protected, verb, edit, message
):
    before = tags(folder)
    protected(edit)

    ran = hashtag(*SPECS[verb])

    assert (ran.status, ran.out) == (5, "")
    assert message in ran.err
    assert tags(folder) == before


@pytest.mark.parametrize("verb", SPECS)
def test_a_protected_pipeline_carries_out_no_plan_of_another_branch(
    hashtag, folder, protected, verb, monkeypatch
):
    monkeypatch.setenv("CI_COMMIT_BRANCH", "main")
    before = tags(folder)
    protected(lambda plan, image: plan.update(ref="topic"))

    ran = hashtag(*SPECS[verb])

    assert (ran.status, ran.out) == (5, "")
    assert "it is of topic, and this pipeline of main" in ran.err
    assert tags(folder) == before


def test_a_protected_pipeline_copies_from_where_the_settings_say(hashtag, folder, protected, monkeypatch):
    def copied(plan, image):
        image |= {"reason": "hit upstream", "upstream": "oci-layout:upstream:base", "digest": EVIL}

    protected(copied)
    monkeypatch.setenv("HASHTAG_LOOK_IN", "oci-layout:upstream")

    ran = hashtag("apply", "plan.json")

    assert "look-in" not in ran.err
    assert "error[HT060]" in ran.err  # there is no such image


def test_an_untrusted_pipeline_carries_out_its_own_plan(hashtag, folder, saved, monkeypatch):
    monkeypatch.setenv("HASHTAG_TRUST", "protected")
    monkeypatch.setenv("CI_COMMIT_BRANCH", "topic")

    def built(plan, image):
        of_zone(plan, image)
        plan["ref"] = "topic"
        image["digest"] = store(image["cache_reference"])

    saved(built)

    assert hashtag("apply", "plan.json").status == 0
    monkeypatch.setenv("CI_COMMIT_BRANCH", "another")
    assert hashtag("apply", "plan.json").status == 5
