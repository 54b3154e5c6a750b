"""Plans and graphs as text for one kind of reader each."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.errors import ConfigError, HashtagError, UnsupportedBuild, UsageError
from hashtag.images.model import Graph, Image, Node
from hashtag.oci.reference import Repository
from hashtag.planning.decide import decide
from hashtag.planning.document import to_json
from hashtag.planning.plan import Build, Failed, Reason
from hashtag.rendering import KINDS, PICTURES, render, render_graph
from hashtag.rendering.dotenv import render as dotenv
from hashtag.rendering.dotenv import variable
from hashtag.rendering.escape import visible
from planning.plan_strategies import (
    AMD64,
    REPOSITORY,
    debian,
    digest_of,
    found,
    plan_of,
    plans,
    target,
    with_spec,
    words,
)

base, web = target("base", bases=(debian(),)), target("web", parents=("base",))
api = target("api", parents=("web",))
PLAN = plan_of(*decide([base, web, api], found(base), failed=[Failed("lost", "a: no such base", "HT021")]))
BASE_DIGEST = digest_of(base.fingerprint)
GRAPH = Graph(
    (
        Node(
            Image(name="base", dockerfile="base/Dockerfile", context="base"),
            (),
            ("docker.io/library/debian:12",),
        ),
        Node(Image(name="web", dockerfile="web/Dockerfile", context="web"), ("base",), ()),
    )
)
HOSTILE = '"]; <b>&x|`$(rm)\x1b[31m\u202e\n-->'


def only(*images, **more):
    return plan_of(*(Build(image, Reason.NEVER_BUILT) for image in images), **more)


def test_an_unknown_kind_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError) as caught:
        render(PLAN, "jsno")

    assert caught.value.hint == "did you mean 'json'?"


def test_a_graph_has_pictures_alone():
    with pytest.raises(UsageError) as caught:
        render_graph(GRAPH, "table")

    assert caught.value.hint == "one of mermaid, dot, svg"


@given(plans(), st.sampled_from(KINDS))
def test_every_plan_renders_as_every_kind_or_says_why_not(plan, kind):
    try:
        text = render(plan, kind)
    except HashtagError as error:
        text = f"{visible(error.what)}\n"

    assert not text or text.endswith("\n")
    assert not re.search(
        r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_plan_renders(kind):
    assert render(plan_of(), kind).strip() or kind == "dotenv"


# ── table ────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_says_what_happens_to_each_image_and_why():
    tags = {image.name: f"{image.cache_tag[:15]}…" for image in (base, web, api)}

    assert render(PLAN, "table") == (
        "4 images, registry.example.com/group/project, pipeline tag 1742\n"
        "  ! lost                    failed  error[HT021]: a: no such base\n"
        f"  = base  {tags['base']}  alias   hit\n"
        f"  + web   {tags['web']}  build   never built\n"
        f"  + api   {tags['api']}  build   parent is built: web\n"
        "Plan: 2 to build, 1 to alias, 1 failed.\n"
    )


def test_a_name_with_control_characters_is_shown_escaped():
    assert r"\x1b[31m\u202e\n" in render(only(target(HOSTILE)), "table")


@given(st.text())
def test_a_visible_text_stays_on_its_line_and_commands_nothing(text):
    assert visible(text).isprintable() or not text.isascii()
    assert len(visible(text).splitlines()) <= 1


def test_what_a_terminal_shows_is_left_alone():
    assert visible("images/wëb-日本 1") == "images/wëb-日本 1"


# ── json, dotenv ─────────────────────────────────────────────────────────────────────────────────


def test_json_is_the_plan_document():
    assert render(PLAN, "json") == to_json(PLAN)


def test_dotenv_gives_each_image_a_variable():
    assert render(PLAN, "dotenv") == (
        f"HASHTAG_BASE_IMAGE=registry.example.com/group/project/base@{BASE_DIGEST}\n"
        "HASHTAG_WEB_IMAGE=registry.example.com/group/project/web:1742\n"
        "HASHTAG_API_IMAGE=registry.example.com/group/project/api:1742\n"
    )


@pytest.mark.parametrize(
    ("image", "name"),
    [
        pytest.param("web", "HASHTAG_WEB_IMAGE", id="a word"),
        pytest.param("tools/gcc-12.2", "HASHTAG_TOOLS_GCC_12_2_IMAGE", id="signs become _"),
        pytest.param("", "HASHTAG_IMAGE", id="the image at the repository itself"),
        pytest.param("日本", "HASHTAG_IMAGE", id="nothing that can stand in a variable"),
    ],
)
def test_a_variable_is_named_after_its_image(image, name):
    assert variable(image) == name


def test_two_images_with_one_variable_are_refused():
    with pytest.raises(ConfigError, match=r"images 'a\.b' and 'a-b' have one variable: HASHTAG_A_B_IMAGE"):
        render(only(target("a.b"), target("a-b")), "dotenv")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        pytest.param({"variable_limit": 2}, "3 variables are more than the 2 allowed", id="variables"),
        pytest.param({"byte_limit": 100}, "bytes are more than the 100 allowed", id="bytes"),
    ],
)
def test_lines_beyond_a_limit_are_refused(limits, message):
    with pytest.raises(UsageError, match=message):
        dotenv(PLAN, **limits)


def test_lines_within_the_limits_are_written():
    assert dotenv(PLAN, variable_limit=3, byte_limit=5120) == render(PLAN, "dotenv")


def test_a_value_that_would_need_quoting_is_refused():
    image = target("web", repository=Repository.parse("oci-layout:my images"))

    with pytest.raises(UsageError, match="needs quoting"):
        render(only(image), "dotenv")


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────


def test_mermaid_draws_images_by_what_happens_to_them():
    assert render(PLAN, "mermaid") == (
        "flowchart LR\n"
        '  n0(["debian:12"]):::base\n'
        '  n1["lost"]:::failed\n'
        '  n2["base"]:::alias\n'
        '  n3["web"]:::build\n'
        '  n4["api"]:::build\n'
        "  n0 --> n2\n"
        "  n2 --> n3\n"
        "  n3 --> n4\n"
        "  classDef build fill:#fde68a,stroke:#b45309,color:#000\n"
        "  classDef alias fill:#bbf7d0,stroke:#15803d,color:#000\n"
        "  classDef failed fill:#fecaca,stroke:#b91c1c,color:#000\n"
        "  classDef base fill:#e5e7eb,stroke:#6b7280,color:#000\n"
    )


def test_graphviz_draws_the_same():
    text = render(PLAN, "dot")

    assert text.startswith("digraph hashtag {\n")
    assert '  n3 [label="web", fillcolor="#fde68a", color="#b45309"];\n' in text
    assert "  n2 -> n3;\n" in text


def svg_of(text):
    return ET.fromstring(text)


def test_svg_is_well_formed_and_shows_every_image():
    root = svg_of(render(PLAN, "svg"))

    labels = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert labels == ["debian:12", "lost", "base", "web", "api"]
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) == 3


def test_svg_puts_each_image_right_of_what_it_is_built_from():
    boxes = list(svg_of(render(PLAN, "svg")).iter("{http://www.w3.org/2000/svg}g"))
    left = {box[0].text.split(":")[0]: float(box[1].get("x")) for box in boxes}

    assert left["debian"] == left["lost"] < left["base"] < left["web"] < left["api"]


@given(plans())
def test_boxes_of_a_picture_never_overlap(plan):
    boxes = [
        tuple(float(box[1].get(side)) for side in ("x", "y", "width", "height"))
        for box in svg_of(render(plan, "svg")).iter("{http://www.w3.org/2000/svg}g")
    ]
    for i, (x, y, width, height) in enumerate(boxes):
        for x2, y2, width2, height2 in boxes[i + 1 :]:
            assert x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y


def test_a_long_label_is_cut_and_stands_whole_in_the_title():
    name = "x" * 60
    (box,) = svg_of(render(only(target(name)), "svg")).iter("{http://www.w3.org/2000/svg}g")

    assert box[0].text == f"{name}: build"
    assert box[2].text == "x" * 39 + "…"


@pytest.mark.parametrize(
    ("kind", "escaped"),
    [
        pytest.param("mermaid", "#34;#93;#59; #60;b#62;#38;x#124;", id="mermaid"),
        pytest.param("dot", r"\"]; <b>&x|`$(rm)\\x1b[31m\\u202e\\n-->", id="dot"),
        pytest.param("svg", "&quot;]; &lt;b&gt;&amp;x|", id="svg"),
        pytest.param("markdown", "&#34;&#93;&#59; &#60;b&#62;&#38;x&#124;&#96;", id="markdown"),
    ],
)
def test_a_hostile_name_is_text_and_nothing_else(kind, escaped):
    assert escaped in render(only(target(HOSTILE)), kind)


@pytest.mark.parametrize("kind", PICTURES)
def test_a_graph_is_drawn_as_a_plan_is(kind):
    text = render_graph(GRAPH, kind)

    assert all(label in text for label in ("debian:12", "base", "web"))


@pytest.mark.parametrize("kind", PICTURES)
def test_a_parent_outside_the_plan_is_not_drawn(kind):
    assert "base" not in render(only(web), kind)


def test_markdown_is_a_table():
    lines = render(PLAN, "markdown").splitlines()

    assert lines[2:4] == ["| image | action | why | cache tag |", "| --- | --- | --- | --- |"]
    assert lines[5].startswith("| base | alias | hit | h1-")
    assert lines[-1] == "Plan: 2 to build, 1 to alias, 1 failed."
    assert all(line.count("|") == 5 for line in lines[2:8])


# ── bake ─────────────────────────────────────────────────────────────────────────────────────────


def baked(plan):
    return json.loads(render(plan, "bake"))


def test_bake_has_a_target_for_each_build_and_links_those_that_need_each_other():
    document = baked(PLAN)

    assert document["group"] == {"default": {"targets": ["web", "api"]}}
    assert document["target"]["web"] == {
        "context": "web",
        "dockerfile": "Dockerfile",
        "contexts": {"qemu/base": f"docker-image://{REPOSITORY}/base@{BASE_DIGEST}"},
        "tags": [f"{REPOSITORY}/web:1742"],
        "no-cache": True,
        "output": ["type=registry"],
    }
    assert document["target"]["api"]["contexts"] == {"qemu/web": "target:web"}


def test_bake_holds_every_input_of_a_build():
    image = with_spec(
        target("web", bases=(debian(),)),
        target="runtime",
        arguments={"A": "1"},
        labels={"l": "2"},
        platforms=(AMD64,),
        contexts={"lib": "../lib"},
    )

    assert (
        baked(only(image))["target"]["web"]
        | {
            "target": "runtime",
            "args": {"A": "1"},
            "labels": {"l": "2"},
            "platforms": ["linux/amd64"],
            "contexts": {
                "debian:12": f"docker-image://docker.io/library/debian:12@{debian().digest}",
                "lib": "../lib",
            },
        }
        == baked(only(image))["target"]["web"]
    )


@pytest.mark.parametrize(
    ("dockerfile", "context", "expected"),
    [
        pytest.param("Dockerfile", ".", "Dockerfile", id="in the project's folder"),
        pytest.param("docker/web.Dockerfile", ".", "docker/web.Dockerfile", id="below the context"),
        pytest.param(
            "docker/web.Dockerfile", "src/web", "../../docker/web.Dockerfile", id="beside the context"
        ),
        pytest.param("./src/Dockerfile", "src/./web", "../Dockerfile", id="above the context"),
        pytest.param("/etc/Dockerfile", "src", "/etc/Dockerfile", id="anywhere"),
    ],
)
def test_bake_reads_the_dockerfiles_path_from_the_context(dockerfile, context, expected):
    image = with_spec(target("web"), dockerfile=dockerfile, context=context)

    assert baked(only(image))["target"]["web"]["dockerfile"] == expected


@pytest.mark.parametrize("context", ["../elsewhere", "/elsewhere"])
def test_a_dockerfile_that_bake_could_not_find_is_refused(context):
    with pytest.raises(UnsupportedBuild, match="from outside the project"):
        render(only(with_spec(target("web"), context=context)), "bake")


def test_templates_of_hcl_are_off_in_values_and_keys():
    image = with_spec(target("web"), arguments={"${A}": "${BASH} %{if}"})

    assert baked(only(image))["target"]["web"]["args"] == {"$${A}": "$${BASH} %%{if}"}


def test_a_value_that_is_not_known_is_refused():
    with pytest.raises(UnsupportedBuild, match="the value of argument A is not known"):
        render(only(with_spec(target("web"), arguments={"A": None})), "bake")


def test_two_images_with_one_bake_target_are_refused():
    with pytest.raises(ConfigError, match=r"images 'a\.b' and 'a_b' have one bake target: a_b"):
        render(only(target("a.b"), target("a_b")), "bake")


def test_bake_does_not_push_into_a_layout():
    image = target("web", repository=Repository.parse("oci-layout:store").child("web"))

    with pytest.raises(UnsupportedBuild, match="into a layout"):
        render(only(image), "bake")


@given(words, words)
def test_any_two_images_keep_their_names_apart(first, second):
    try:
        text = render(only(*(target(name) for name in {first, second})), "dotenv")
    except ConfigError as error:
        assert error.hint == "rename one of them"  # noqa: PT017  # both ways are right
    else:
        assert len(text.splitlines()) == len({first, second})
