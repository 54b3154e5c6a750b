"""The plan of a project: build what is new, alias what exists."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

import hashtag
from hashtag.errors import (
    AccessDenied,
    ConfigError,
    Cycle,
    DockerfileError,
    InvalidReference,
    MissingSource,
    OutputInContext,
    RegistryUnreachable,
    SeveralErrors,
    UnknownBase,
    UnknownImage,
    UnsetBase,
)
from hashtag.testing import MemoryRegistry
from project.projects import BASE, REPOSITORY, fill, open_project, registry_with_base, three_images, write

DIGEST = "sha256:" + "5" * 64


def actions(plan: hashtag.Plan) -> dict[str, str]:
    return {action.name: getattr(action, "reason", hashtag.Reason.FAILED).value for action in plan}


def tags(folder: Path, registry: MemoryRegistry | None = None, **arguments: object) -> dict[str, str]:
    plan = open_project(folder).plan(registry or registry_with_base(), **arguments)
    return {action.name: action.target.cache_tag for action in plan}


def test_an_empty_registry_means_that_all_is_built_parents_first(tmp_path: Path) -> None:
    plan = open_project(three_images(tmp_path)).plan(registry_with_base(), pipeline_tag="1742")

    assert actions(plan) == {"base": "never built", "docs": "never built", "web": "parent is built"}
    assert [action.name for action in plan].index("base") < [action.name for action in plan].index("web")
    assert plan.changes == ()
    web = next(build for build in plan.builds if build.name == "web")
    assert str(web.target.pipeline_reference) == f"{REPOSITORY}/web:1742"
    assert str(web.target.cache_reference) == f"{REPOSITORY}/web:{web.target.cache_tag}"
    assert web.target.parents == ("base",)


@pytest.mark.parametrize(
    ("written", "is_by_digest"), [("", False), (f"@{DIGEST}", True)], ids=["by tag", "by digest"]
)
def test_a_plan_knows_whether_the_dockerfile_writes_the_digest(
    tmp_path: Path, written: str, is_by_digest: bool
) -> None:
    write(tmp_path, {"Dockerfile": f"FROM docker.io/acme/base:1{written}\nLABEL a=b\n"})
    bases = {f"docker.io/acme/base:1{written}": hashtag.BaseImage(DIGEST)}

    plan = open_project(tmp_path).plan(registry_with_base(), bases=bases)
    plan.save(tmp_path / "plan.json")

    for each in (plan, hashtag.Plan.load(tmp_path / "plan.json")):
        assert [base.is_written_by_digest for base in each.builds[0].target.bases] == [is_by_digest]


@pytest.mark.parametrize(
    ("tag", "what"),
    [
        pytest.param("h1-foo", "'h1-foo' is a tag that hashtag itself writes", id="a cache tag"),
        pytest.param("h1.zone-foo", "'h1.zone-foo' is a tag that hashtag itself writes", id="of a zone"),
        pytest.param("a/b", "'a/b' is not a tag: '/' cannot stand in one", id="no tag"),
    ],
)
def test_a_pipeline_tag_that_no_pipeline_may_have_is_refused(tmp_path: Path, tag: str, what: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        open_project(three_images(tmp_path)).plan(registry_with_base(), pipeline_tag=tag)

    assert caught.value.what == what
    assert caught.value.hint


def test_a_second_plan_aliases_everything(tmp_path: Path) -> None:
    registry = registry_with_base()
    project = open_project(three_images(tmp_path))
    fill(registry, project.plan(registry))

    plan = project.plan(registry, pipeline_tag="1743")

    assert set(actions(plan).values()) == {"hit"}
    assert sorted(str(change.target) for change in plan.changes) == [
        f"{REPOSITORY}/{name}:1743" for name in ("base", "docs", "web")
    ]


def test_a_changed_file_builds_its_image_and_the_descendants(tmp_path: Path) -> None:
    registry = registry_with_base()
    project = open_project(three_images(tmp_path))
    fill(registry, project.plan(registry))
    (tmp_path / "base/etc/motd").write_text("changed\n")

    assert actions(project.plan(registry)) == {
        "base": "never built",
        "docs": "hit",
        "web": "parent is built",
    }


def test_a_hit_is_a_hit_where_its_parents_image_is_gone(tmp_path: Path) -> None:
    registry = registry_with_base()
    project = open_project(three_images(tmp_path))
    plan = project.plan(registry)
    (web,) = (build for build in plan.builds if build.name == "web")
    registry.add_image(str(web.target.cache_reference))

    assert actions(project.plan(registry)) == {"base": "never built", "docs": "never built", "web": "hit"}


def test_a_selected_image_is_planned_with_what_it_is_built_from(tmp_path: Path) -> None:
    plan = open_project(three_images(tmp_path)).plan(registry_with_base(), images=["web"])

    assert [action.name for action in plan] == ["base", "web"]


def test_a_moved_base_builds_what_is_from_it_and_nothing_else(tmp_path: Path) -> None:
    registry = registry_with_base()
    project = open_project(three_images(tmp_path))
    fill(registry, project.plan(registry))
    registry.add_image(BASE, config={"Env": ["PATH=/bin", "NEW=1"]})

    assert actions(project.plan(registry)) == {
        "base": "never built",
        "docs": "hit",
        "web": "parent is built",
    }


def test_what_if_a_base_moved_is_answered_without_moving_it(tmp_path: Path) -> None:
    registry = registry_with_base()
    project = open_project(three_images(tmp_path))
    fill(registry, project.plan(registry))

    assert actions(project.plan(registry, what_if={BASE: DIGEST}))["base"] == "never built"
    assert actions(project.plan(registry))["base"] == "hit"


def test_nothing_is_written_by_a_plan(tmp_path: Path) -> None:
    registry = registry_with_base()

    open_project(three_images(tmp_path)).plan(registry, pipeline_tag="1")

    assert {method for method, _ in registry.requests} <= {"HEAD", "GET"}


def test_each_cache_tag_is_asked_for_once(tmp_path: Path) -> None:
    registry = registry_with_base()

    open_project(three_images(tmp_path)).plan(registry)

    heads = [reference for method, reference in registry.requests if method == "HEAD" and ":h1-" in reference]
    assert len(heads) == len(set(heads)) == 3


@pytest.mark.parametrize(
    "error",
    [RegistryUnreachable("gone", where="registry.example"), AccessDenied("no", where="registry.example")],
    ids=["unreachable", "denied"],
)
def test_09_a_registry_that_does_not_answer_is_never_a_miss(
    tmp_path: Path, error: hashtag.HashtagError
) -> None:
    registry = registry_with_base()
    registry.fail("resolve", error)

    with pytest.raises(type(error)):
        open_project(three_images(tmp_path)).plan(registry)


def test_a_salt_changes_its_image_and_the_descendants(tmp_path: Path) -> None:
    plain = tags(three_images(tmp_path))
    salted = tags(tmp_path, salts={"base": "x"})

    assert {name for name in plain if plain[name] != salted[name]} == {"base", "web"}


def test_a_rebuild_is_asked_for_an_image_and_its_descendants(tmp_path: Path) -> None:
    registry = registry_with_base()
    project = open_project(three_images(tmp_path))
    fill(registry, project.plan(registry))

    assert actions(project.plan(registry, rebuild=["base"])) == {
        "base": "rebuild asked",
        "docs": "hit",
        "web": "rebuild asked",
    }


@pytest.mark.parametrize("argument", ["images", "rebuild"])
def test_an_unknown_image_suggests_the_nearest(tmp_path: Path, argument: str) -> None:
    with pytest.raises(UnknownImage) as caught:
        open_project(three_images(tmp_path)).plan(registry_with_base(), **{argument: ["wbe"]})

    assert caught.value.hint == "did you mean 'web'?"


def test_the_registrys_repository_is_where_the_images_live(tmp_path: Path) -> None:
    registry = MemoryRegistry("other.example/group")
    registry.add_image(BASE)
    registry.add_image(f"{REPOSITORY}/base")

    plan = hashtag.Project.open(three_images(tmp_path), environ={}).plan(registry)

    assert {str(action.target.repository) for action in plan} == {
        f"other.example/group/{name}" for name in ("base", "docs", "web")
    }


def test_fingerprints_do_not_depend_on_the_registry(tmp_path: Path) -> None:
    folder = write(
        tmp_path, {"base/Dockerfile": "FROM scratch\n", "web/Dockerfile": "FROM app/base\nENV A=1\n"}
    )
    (folder / "hashtag.toml").write_text(
        '[[image]]\ndockerfiles = "*/Dockerfile"\nknown-as = ["app/{name}"]\n'
    )

    assert tags(folder, MemoryRegistry("a.example/x")) == tags(folder, MemoryRegistry("b.example/y/z"))


def test_the_time_changes_only_what_is_refreshed(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a/Dockerfile": "FROM scratch\n", "b/Dockerfile": "FROM scratch\n"})
    (folder / "hashtag.toml").write_text(
        '[[image]]\nname = "a"\ndockerfile = "a/Dockerfile"\nrefresh = "7d"\n'
        '[[image]]\nname = "b"\ndockerfile = "b/Dockerfile"\n'
    )
    first = tags(folder, at=datetime(2026, 1, 1, tzinfo=UTC))
    later = tags(folder, at=datetime(2026, 1, 9, tzinfo=UTC))
    soon = tags(folder, at=datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC))

    assert first["b"] == later["b"]
    assert first["a"] != later["a"]
    assert first == soon


def test_an_image_for_several_platforms_has_a_tag_over_them(tmp_path: Path) -> None:
    registry = MemoryRegistry(REPOSITORY)
    registry.add_image(BASE, platforms=("linux/amd64", "linux/arm64"))
    folder = write(tmp_path, {"a/Dockerfile": f"FROM {BASE}\n"})
    platforms = 'platforms = ["linux/amd64", "linux/arm64"]\n'
    (folder / "hashtag.toml").write_text(f'[[image]]\nname = "a"\ndockerfile = "a/Dockerfile"\n{platforms}')

    (build,) = open_project(folder).plan(registry).builds

    assert set(build.target.fingerprints) == {"linux/amd64", "linux/arm64"}
    assert build.target.fingerprint not in build.target.fingerprints.values()
    (base,) = build.target.bases
    assert set(base.platforms) == {"linux/amd64", "linux/arm64"}


# ── bad input ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("files", "error"),
    [
        pytest.param({"Dockerfile": "FORM scratch\n"}, DockerfileError, id="a malformed Dockerfile"),
        pytest.param({"Dockerfile": "FROM scratch\nCOPY a /\n"}, MissingSource, id="a missing source"),
        pytest.param(
            {"Dockerfile": "FROM registry.example/none:1\n"}, UnknownBase, id="a base that is not there"
        ),
    ],
)
def test_an_image_that_was_asked_for_and_cannot_be_planned_is_an_error(
    tmp_path: Path, files: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        open_project(write(tmp_path, files)).plan(registry_with_base(), images=["image"])


@pytest.mark.parametrize(
    "base", ["${BASE}", "${REGISTRY}/debian:12", "debian:$TAG"], ids=["all of it", "its registry", "its tag"]
)
def test_a_discovered_image_whose_base_is_not_set_is_skipped_with_a_warning(
    tmp_path: Path, base: str
) -> None:
    folder = write(three_images(tmp_path), {"bad/Dockerfile": f"FROM {base}\n"})

    plan = open_project(folder).plan(registry_with_base())

    assert set(actions(plan)) == {"base", "docs", "web"}
    assert any("bad/Dockerfile:1:6" in warning and "skipped" in warning for warning in plan.warnings)
    with pytest.raises(UnsetBase):
        open_project(folder).plan(registry_with_base(), images=["bad"])


@pytest.mark.parametrize(
    ("files", "error"),
    [
        pytest.param({"bad/Dockerfile": "FORM scratch\n"}, DockerfileError, id="malformed"),
        pytest.param({"bad/Dockerfile": "FROM scratch\nCOPY a /\n"}, MissingSource, id="without a source"),
        pytest.param(
            {"bad/Dockerfile": "FROM registry.example/none:1\n"}, UnknownBase, id="without its base"
        ),
    ],
)
def test_a_discovered_image_that_is_broken_is_an_error(
    tmp_path: Path, files: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        open_project(write(three_images(tmp_path), files)).plan(registry_with_base())


def test_a_missing_base_that_resembles_an_image_of_ours_says_how_to_link_it(tmp_path: Path) -> None:
    write(three_images(tmp_path), {"web/Dockerfile": "FROM other.example/base:1\n"})

    with pytest.raises(UnknownBase) as caught:
        open_project(tmp_path).plan(registry_with_base(), images=["web"])

    assert 'known-as = ["other.example/base"]' in caught.value.hint


@pytest.mark.parametrize(
    ("error", "what"),
    [
        pytest.param(
            RegistryUnreachable("no usable answer", where="other.example"),
            "base other.example/tool:1: other.example: no usable answer",
            id="unreachable",
        ),
        pytest.param(
            AccessDenied("no permission", where="other.example/tool"),
            "base other.example/tool:1: other.example/tool: no permission",
            id="denied",
        ),
        pytest.param(None, "base other.example/tool:1 is not in its registry", id="missing"),
    ],
)
@pytest.mark.parametrize(
    ("dockerfile", "place"),
    [
        pytest.param("FROM scratch\nFROM --platform=linux/amd64 other.example/tool:1\n", "2:29", id="FROM"),
        pytest.param("FROM scratch\nCOPY --from=other.example/tool:1 a /\n", "2:6", id="COPY --from"),
        pytest.param(
            "FROM scratch\nRUN --mount=from=other.example/tool:1,target=/x true\n", "2:5", id="mount from"
        ),
    ],
)
def test_a_base_that_cannot_be_had_is_named_with_its_place(
    tmp_path: Path, dockerfile: str, place: str, error: hashtag.HashtagError | None, what: str
) -> None:
    registry = registry_with_base()
    if error:
        registry.fail("manifest", error)

    with pytest.raises(type(error) if error else UnknownBase) as caught:
        open_project(write(tmp_path, {"web/Dockerfile": dockerfile})).plan(registry)

    assert str(caught.value) == f"web/Dockerfile:{place}: {what}"
    assert caught.value.location is not None
    assert caught.value.location.source == dockerfile.splitlines()[1]


@pytest.mark.parametrize(
    "error", [None, AccessDenied("no permission", where="docker.io/library/biuld")], ids=["missing", "denied"]
)
@pytest.mark.parametrize(
    "line",
    ["COPY --from=biuld /a /", "FROM biuld", "RUN --mount=from=biuld,target=/x true"],
    ids=["COPY --from", "FROM", "mount from"],
)
def test_a_base_that_resembles_a_stage_says_which(
    tmp_path: Path, line: str, error: hashtag.HashtagError | None
) -> None:
    registry = registry_with_base()
    if error:
        registry.fail("manifest", error)
    folder = write(tmp_path, {"web/Dockerfile": f"FROM scratch AS build\nFROM scratch\n{line}\n"})

    with pytest.raises(hashtag.HashtagError) as caught:
        open_project(folder).plan(registry)

    assert caught.value.hint.splitlines()[0] == "did you mean the stage 'build'?"


def test_images_that_are_built_from_each_other_are_an_error_that_names_them(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {"a/Dockerfile": f"FROM {REPOSITORY}/b\n", "b/Dockerfile": f"FROM {REPOSITORY}/a\n"},
    )

    with pytest.raises(Cycle, match=r"[ab]/Dockerfile:1:6: .*(a → b → a|b → a → b)"):
        open_project(folder).plan(registry_with_base())


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    folder = write(
        three_images(tmp_path),
        {
            "docs/Dockerfile": "FROM scratch\nCOPY none /\n",
            "base/Dockerfile": "FROM scratch\nCOPY nothing /\n",
            "hashtag.toml": '[[image]]\ndockerfiles = "*/Dockerfile"\n',
        },
    )

    with pytest.raises(SeveralErrors) as caught:
        open_project(folder).plan(registry_with_base())

    assert [error.where.split(":")[0] for error in caught.value.errors] == [
        "base/Dockerfile",
        "docs/Dockerfile",
    ], "web fails as well, but only because base does"


def test_the_others_are_planned_where_asked_to_keep_going(tmp_path: Path) -> None:
    folder = write(three_images(tmp_path), {"base/Dockerfile": "FROM registry.example/none:1\n"})

    plan = open_project(folder).plan(registry_with_base(), keep_going=True)

    assert actions(plan) == {"base": "failed", "web": "failed", "docs": "never built"}
    assert {failed.code for failed in plan.failed} == {"HT021", "HT024"}


def test_a_project_without_a_repository_cannot_be_planned(tmp_path: Path) -> None:
    project = hashtag.Project.open(three_images(tmp_path), environ={})

    assert [node.image.name for node in project.graph().nodes] == ["base", "docs", "web"]
    with pytest.raises(ConfigError, match="repository"):
        hashtag.Registry.from_environment(environ={})


def test_what_is_built_from_a_template_is_skipped_with_it(tmp_path: Path) -> None:
    bad = {"bad/Dockerfile": "FROM ${BASE}\n", "child/Dockerfile": f"FROM {REPOSITORY}/bad\n"}

    plan = open_project(write(three_images(tmp_path), bad)).plan(registry_with_base())

    assert set(actions(plan)) == {"base", "docs", "web"}
    assert sum("skipped" in warning for warning in plan.warnings) == 2


def test_nothing_but_templates_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnsetBase):
        open_project(write(tmp_path, {"Dockerfile": "FROM ${BASE}\n"})).plan(registry_with_base())


def test_a_folder_without_a_dockerfile_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no image"):
        open_project(tmp_path).plan(registry_with_base())


def test_a_base_that_resembles_an_image_of_ours_is_a_warning_with_both_remedies(tmp_path: Path) -> None:
    registry = registry_with_base()
    registry.add_image("other.example/base:1")
    folder = write(three_images(tmp_path), {"web/Dockerfile": "FROM other.example/base:1\n"})

    (warning,) = open_project(folder).plan(registry).warnings

    assert warning.startswith("web/Dockerfile:1:6: if other.example/base:1 means the image base")
    assert 'known-as = ["other.example/base"]' in warning
    assert 'external = ["other.example/base"]' in warning
    assert open_project(folder, external=["other.example/*"]).plan(registry).warnings == ()


# ── outputs, .git ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("dockerfile", "ignore", "is_refused"),
    [
        pytest.param("COPY . /", "", True, id="all of the context"),
        pytest.param("COPY . /", "*.json\n", False, id="all of the context, and it is ignored"),
        pytest.param("COPY src /", "", False, id="another folder"),
        pytest.param("COPY plan.json /", "", True, id="that very file"),
        pytest.param("RUN true", "", False, id="nothing of the context"),
    ],
)
def test_an_output_in_a_used_context_is_refused(
    tmp_path: Path, dockerfile: str, ignore: str, is_refused: bool
) -> None:
    write(tmp_path, {"Dockerfile": f"FROM scratch\n{dockerfile}\n", "src/a": "1", ".dockerignore": ignore})
    if "plan.json" in dockerfile:
        write(tmp_path, {"plan.json": "{}"})
    project = open_project(tmp_path)

    if is_refused:
        with pytest.raises(OutputInContext) as caught:
            project.plan(registry_with_base(), outputs=[tmp_path / "plan.json"])
        assert caught.value.hint.endswith(": plan.json")
    else:
        project.plan(registry_with_base(), outputs=[tmp_path / "plan.json"])


def test_a_used_git_folder_is_a_warning(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM scratch\nCOPY . /\n", ".git/HEAD": "ref: refs/heads/main\n"})

    (warning,) = open_project(tmp_path).plan(registry_with_base()).warnings

    assert ".git" in warning


# ── missing sources, the whole context ───────────────────────────────────────────────────────────


def test_a_missing_source_can_be_a_warning(tmp_path: Path) -> None:
    folder = write(tmp_path, {"Dockerfile": "FROM scratch\nADD plugins-archive /\n"})
    project = open_project(folder, **{"missing-sources": "warn"})

    plan = project.plan(registry_with_base())
    (folder / "plugins-archive").write_text("now")

    assert "plugins-archive" in plan.warnings[0]
    assert project.plan(registry_with_base()).builds[0].target.cache_tag != plan.builds[0].target.cache_tag


def test_all_of_a_context_can_count(tmp_path: Path) -> None:
    folder = write(tmp_path, {"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "1", "b": "1"})
    used, whole = open_project(folder), open_project(folder, **{"context-files": "all"})
    before = [project.plan(registry_with_base()).builds[0].target.cache_tag for project in (used, whole)]
    (folder / "b").write_text("2")
    after = [project.plan(registry_with_base()).builds[0].target.cache_tag for project in (used, whole)]

    assert before[0] == after[0]
    assert before[1] != after[1]


# ── what a checkout cannot change ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077])
def test_a_fingerprint_does_not_depend_on_umask_time_or_place(tmp_path: Path, umask: int) -> None:
    plain = tags(three_images(tmp_path / "plain"))
    old = os.umask(umask)
    try:
        other = three_images(tmp_path / "other place" / f"{umask:o}")
    finally:
        os.umask(old)
    for path in other.rglob("*"):
        os.utime(path, (1, 1))

    assert tags(other) == plain


def test_the_owners_x_bit_counts(tmp_path: Path) -> None:
    plain = tags(three_images(tmp_path))
    (tmp_path / "docs/index.html").chmod(0o755)

    changed = tags(tmp_path)

    assert {name for name in plain if plain[name] != changed[name]} == {"docs"}


def test_the_commit_of_the_checkout_is_in_the_plan(tmp_path: Path) -> None:
    folder = three_images(tmp_path)
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *command], check=True)

    plan = hashtag.Project.open(folder, environ={"PATH": os.environ["PATH"]}).plan(registry_with_base())

    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    assert plan.commit == head.stdout.strip()
    assert plan.ref == "main"
