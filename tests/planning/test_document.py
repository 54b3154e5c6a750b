"""Plans as JSON."""

from __future__ import annotations

import json
from contextlib import suppress

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.errors import InvalidDocument, UsageError
from hashtag.planning.decide import decide
from hashtag.planning.document import from_json, to_json
from hashtag.planning.plan import Failed
from hashtag.planning.schema import SCHEMAS, schema
from planning.plan_strategies import debian, found, json_values, plan_of, plans, target, with_spec

base = target("base", bases=(debian(),), salt="2024-05", records={"linux/amd64": {"recipe": 1}})
web = with_spec(target("web", parents=("base",)), arguments={"TOKEN": "s3cret"}, secrets=("npm",))
LOST = Failed("lost", "Dockerfile:1: no such base", "HT021")
PLAN = plan_of(
    *decide([base, web], found(base), failed=[LOST]),
    ref="main",
    commit="0" * 40,
    commit_time="2024-05-01T11:00:00Z",
)
VALIDATOR = jsonschema.Draft202012Validator(schema("plan"))


def saved():
    return json.loads(to_json(PLAN, saved=True))


# ── what scripts rely on ─────────────────────────────────────────────────────────────────────────


def test_a_plan_says_what_it_was_made_for():
    document = json.loads(to_json(PLAN))

    assert {
        name: document[name] for name in ("format_version", "repository", "pipeline_tag", "at", "ref")
    } == {
        "format_version": "1.0",
        "repository": "registry.example.com/group/project",
        "pipeline_tag": "1742",
        "at": "2024-05-01T12:00:00Z",
        "ref": "main",
    }


def test_an_image_to_alias_has_a_digest_and_no_build():
    image = json.loads(to_json(PLAN))["images"][1]

    assert image["name"] == "base"
    assert (image["action"], image["reason"]) == ("alias", "hit")
    assert image["digest"] == str(PLAN.aliases[0].digest)
    assert image["build"] is None
    assert image["cache_tag"] == f"h1-{image['fingerprint']}"
    assert image["cache_reference"] == f"registry.example.com/group/project/base:{image['cache_tag']}"
    assert image["pipeline_reference"] == "registry.example.com/group/project/base:1742"
    assert image["bases"] == [
        {
            "reference": "docker.io/library/debian:12",
            "digest": str(debian().digest),
            "platforms": {"linux/amd64": str(debian().platforms["linux/amd64"])},
        }
    ]


def test_an_image_to_build_says_how_without_the_arguments_values():
    image = json.loads(to_json(PLAN))["images"][2]

    assert (image["action"], image["digest"], image["parents"]) == ("build", None, ["base"])
    assert image["build"]["dockerfile"] == "web/Dockerfile"
    assert image["build"]["arguments"] == ["TOKEN"]
    assert image["build"]["secrets"] == ["npm"]
    assert "s3cret" not in to_json(PLAN) + to_json(PLAN, saved=True)


def test_an_image_that_failed_says_why():
    image = json.loads(to_json(PLAN))["images"][0]

    assert (image["action"], image["error"], image["code"]) == (
        "failed",
        "Dockerfile:1: no such base",
        "HT021",
    )
    assert image["fingerprint"] is None


def test_records_and_configs_stand_in_saved_plans_alone():
    assert "records" not in json.loads(to_json(PLAN))["images"][1]
    assert saved()["images"][1]["records"] == {"linux/amd64": {"recipe": 1}}
    assert saved()["images"][1]["bases"][0]["configs"] == {
        "linux/amd64": {"Env": ["PATH=/bin"], "OnBuild": None}
    }
    assert saved()["images"][1]["salt"] == "2024-05"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one(name):
    jsonschema.Draft202012Validator.check_schema(schema(name))


def test_an_unknown_schema_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError) as caught:
        schema("plans")

    assert caught.value.hint == "did you mean 'plan'?"


def test_the_schema_refuses_an_alias_without_a_digest():
    document = saved()
    document["images"][1]["digest"] = None

    assert not VALIDATOR.is_valid(document)


@given(plans())
def test_every_document_validates_and_is_plain_ascii(plan):
    for text in (to_json(plan), to_json(plan, saved=True)):
        VALIDATOR.validate(json.loads(text))
        assert all(character == "\n" or " " <= character <= "~" for character in text)


# ── the way back ─────────────────────────────────────────────────────────────────────────────────


@given(plans())
def test_a_saved_plan_reads_back_as_itself(plan):
    assert from_json(to_json(plan, saved=True)) == plan


def test_unknown_fields_are_ignored():
    document = saved() | {"later": 1, "format_version": "1.7"}
    document["images"][2]["later"] = {"x": []}

    assert len(from_json(json.dumps(document))) == 3


def test_another_major_version_is_refused():
    with pytest.raises(InvalidDocument, match=r"format '2\.0'"):
        from_json(json.dumps(saved() | {"format_version": "2.0"}))


def test_what_was_not_saved_in_full_is_refused_with_the_way_to_save_it():
    with pytest.raises(InvalidDocument, match=r"\$\.images\[1\]: the spec is missing") as caught:
        from_json(to_json(PLAN))

    assert "--save" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "not valid JSON", id="nothing"),
        pytest.param("{", "not valid JSON", id="half an object"),
        pytest.param("[" * 200_000, "not valid JSON", id="nested without end"),
        pytest.param('{"a": 1, "a": 2}', "a key stands twice", id="a key twice"),
        pytest.param('{"at": NaN}', "NaN is not JSON", id="NaN"),
        pytest.param('{"at": -Infinity}', "-Infinity is not JSON", id="infinity"),
        pytest.param('{"at": ' + "1" * 10_000 + "}", "not valid JSON", id="a number without end"),
        pytest.param("[]", "no format_version", id="a list"),
        pytest.param("{}", "no format_version", id="an empty object"),
        pytest.param('{"format_version": 1}', "no format_version", id="the version as a number"),
    ],
)
def test_a_text_that_is_no_plan_is_refused(text, message):
    with pytest.raises(InvalidDocument, match=message):
        from_json(text)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        pytest.param(["at"], 3, "a text is expected @ $.at", id="a number for a text"),
        pytest.param(["at"], "now", "not a time: 'now'", id="a time in words"),
        pytest.param(["at"], "2024-13-01T00:00:00Z", "not a time: '2024-13", id="a 13th month"),
        pytest.param(["images"], {}, "a list is expected @ $.images", id="an object for a list"),
        pytest.param(["images"], "abc", "a list is expected @ $.images", id="a text for a list"),
        pytest.param(["images", 0], 3, "an object is expected @ $.images[0]", id="a number for an image"),
        pytest.param(["images", 1, "digest"], "sha256:1", "'sha256:1' @ $.images[1].digest", id="digest"),
        pytest.param(["images", 1, "digest"], None, "$.images[1]: the digest is missing", id="no digest"),
        pytest.param(["images", 1, "bases", 0, "platforms"], [], "[1].bases[0].platforms", id="a list"),
        pytest.param(["images", 2, "action"], "buidl", "$.images[2].action: 'buidl' is not", id="action"),
        pytest.param(["images", 2, "reason"], "why", "$.images[2].reason", id="reason"),
        pytest.param(["images", 2, "build"], None, "$.images[2]: the build is missing", id="no build"),
        pytest.param(["images", 2, "cache_tag"], "h1-0", "not the tag that cache_tag", id="two cache tags"),
        pytest.param(
            ["images", 2, "cache_reference"], None, "cache_reference are missing", id="no reference"
        ),
        pytest.param(["images", 2, "name"], "base", "image 'base' stands twice", id="a name twice"),
        pytest.param(["images", 1, "parents"], ["web"], "stands before its parent", id="a child too early"),
        pytest.param(["repository"], "UPPER/CASE", "$.repository", id="repository"),
    ],
)
def test_a_bad_value_is_named_with_its_path(path, value, message):
    document = saved()
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value

    with pytest.raises(InvalidDocument) as caught:
        from_json(json.dumps(document))

    assert message in str(caught.value)


def test_a_missing_field_is_named():
    document = saved()
    del document["at"]

    with pytest.raises(InvalidDocument, match="'at' is missing"):
        from_json(json.dumps(document))


@given(st.data())
def test_a_document_with_any_value_anywhere_is_read_or_refused(data):
    document = saved()
    place, steps = document, data.draw(st.integers(1, 6))
    for _ in range(steps):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key]:
            break
        place = place[key]
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    place[data.draw(st.sampled_from(keys))] = data.draw(json_values)

    with suppress(InvalidDocument):
        from_json(json.dumps(document))
