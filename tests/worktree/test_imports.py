"""Images listed in the files of other tools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hashtag.errors import HashtagError
from hashtag.images.model import Image
from hashtag.worktree import settings

BAKE: dict[str, Any] = {
    "variable": {"VERSION": {"default": "1"}, "OTHER": {}},
    "group": {"default": {"targets": ["more", "app"]}, "more": {"targets": ["docs", "more"]}},
    "target": {
        "_common": {"args": {"A": "1", "B": "2", "GONE": None}, "labels": {"l": "${VERSION}"}},
        "app": {
            "inherits": ["_common"],
            "context": "app",
            "dockerfile": "x.Dockerfile",
            "target": "run",
            "args": {"B": "3"},
            "platforms": ["linux/amd64", "linux/arm64"],
            "contexts": {"base": "target:base", "assets": "docs", "debian": "docker-image://debian:12"},
            "tags": ["${anything(1)}"],
        },
        "base": {"context": "docs", "dockerfile": "cwd://app/x.Dockerfile"},
        "docs": {"context": "docs"},
        "unused": {"dockerfile-inline": "FROM scratch"},
    },
}

COMPOSE = """\
x-args: &args
  A: "1"
services:
  db:
    image: postgres:16
  web:
    build:
      context: app
      dockerfile: x.Dockerfile
      target: run
      args:
        <<: *args
        N: 2
        YES: true
        FROM_ENV:
        VERSION: "${VERSION:-0}-$$x"
      labels: ["a=b=c"]
      additional_contexts:
        base: service:docs
        assets: ./docs
        debian: docker-image://debian:12
      platforms: [linux/arm64]
  docs:
    build: docs
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for path in ("app/x.Dockerfile", "docs/Dockerfile"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("FROM scratch\n")
    return tmp_path


def images(project: Path, name: str, text: str, **environ: str) -> dict[str, Image]:
    (project / "hashtag.toml").write_text(f'import = ["{name}"]')
    (project / name).write_text(text)
    return {image.name: image for image in settings.load(project, environ=environ).images}


def error(project: Path, name: str, text: str, **environ: str) -> HashtagError:
    with pytest.raises(HashtagError) as caught:
        images(project, name, text, **environ)
    return caught.value


# ── docker-bake.json ─────────────────────────────────────────────────────────────────────────────


def test_the_default_group_of_a_bake_file_lists_images(project: Path) -> None:
    found = images(project, "docker-bake.json", json.dumps(BAKE))

    assert list(found) == ["app", "docs", "base"]
    app = found["app"]
    assert (app.dockerfile, app.context, app.target) == ("app/x.Dockerfile", "app", "run")
    assert (app.arguments, app.labels) == ({"A": "1", "B": "3"}, {"l": "1"})
    assert [str(platform) for platform in app.platforms] == ["linux/amd64", "linux/arm64"]
    assert app.contexts == {"base": "target:base", "assets": "docs", "debian": "docker-image://debian:12"}
    assert (found["base"].dockerfile, found["base"].context) == ("app/x.Dockerfile", "docs")


def test_a_variable_of_the_environment_comes_before_the_files(project: Path) -> None:
    assert images(project, "docker-bake.json", json.dumps(BAKE), VERSION="9")["app"].labels == {"l": "9"}


def test_without_a_default_group_all_targets_are_images(project: Path) -> None:
    text = json.dumps({"target": {"docs": {"context": "docs"}, "_hidden": {}}})

    assert list(images(project, "docker-bake.json", text)) == ["docs"]


@pytest.mark.parametrize(
    ("target", "what"),
    [
        pytest.param(
            {"dockerfile-inline": "FROM x"}, "dockerfile-inline is not supported", id="an inline Dockerfile"
        ),
        pytest.param({"matrix": {"a": ["b"]}}, "matrix is not supported", id="a matrix"),
        pytest.param({"context": "https://example.com/x.git"}, "is not a folder", id="a remote context"),
        pytest.param({"context": 3}, "is not a folder", id="a context that is no text"),
        pytest.param({"context": "${X}"}, "'${X}' cannot be evaluated", id="a variable that is not there"),
        pytest.param({"context": "${upper(X)}"}, "cannot be evaluated", id="an expression"),
        pytest.param({"context": "%{if x}"}, "cannot be evaluated", id="a directive"),
        pytest.param(
            {"inherits": ["nothing"]}, "inherits from 'nothing', which is not there", id="no parent"
        ),
        pytest.param({"inherits": ["docs"]}, "inherits from itself", id="its own parent"),
        pytest.param({"inherits": "docs"}, "no list of names", id="a parent that is no list"),
        pytest.param({"contexts": ["x"]}, "has to be a table", id="contexts that are no table"),
        pytest.param({"contexts": {"a": 3}}, "is not a folder", id="a named context that is no text"),
        pytest.param({"platforms": "${OTHER}"}, "cannot be evaluated", id="a variable without a value"),
        pytest.param(
            {"args": {"A": [1]}}, "A has to be a text, not a list", id="an argument that is no text"
        ),
        pytest.param([], "has to be a table", id="a target that is no table"),
        pytest.param(
            {"context": "https://oauth2:hunter2@example.com"},
            "is not a folder",
            id="a context with a password",
        ),
    ],
)
def test_what_is_wrong_with_a_target_is_named(project: Path, target: Any, what: str) -> None:
    caught = error(
        project, "docker-bake.json", json.dumps({"variable": BAKE["variable"], "target": {"docs": target}})
    )

    assert caught.where.startswith("docker-bake.json: target docs")
    assert what in caught.what
    assert "hunter2" not in str(caught)


def test_targets_may_inherit_from_each_other_many_times_over(project: Path) -> None:
    targets: dict[str, Any] = {f"_{n}": {"inherits": [f"_{n - 1}"] * 9} for n in range(1, 40)}
    targets |= {"_0": {"context": "docs"}, "docs": {"inherits": ["_39"]}}

    assert images(project, "docker-bake.json", json.dumps({"target": targets}))["docs"].context == "docs"


def test_a_line_of_targets_without_end_is_refused(project: Path) -> None:
    targets: dict[str, Any] = {f"_{n}": {"inherits": [f"_{n + 1}"]} for n in range(5000)}
    text = json.dumps({"target": {**targets, "docs": {"inherits": ["_0"]}}})

    assert "inherits through more than" in error(project, "docker-bake.json", text).what


def test_a_value_nested_without_end_is_refused(project: Path) -> None:
    text = '{"target": {"docs": {"args": {"A": ' + "[" * 900 + "]" * 900 + "}}}}"

    assert error(project, "docker-bake.json", text).what == "A has to be a text, not a list"


def test_a_name_that_a_terminal_would_obey_is_escaped(project: Path) -> None:
    text = json.dumps({"target": {"\x1b[31m": {"context": "docs"}}})

    assert "\x1b" not in str(error(project, "docker-bake.json", text))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param("{", "not JSON", id="no JSON"),
        pytest.param("[" * 100_000, "not JSON", id="nested without end"),
        pytest.param("[]", "has to be a table", id="no table"),
        pytest.param(
            '{"group": {"default": {"targets": ["x"]}}}', "there is no target 'x'", id="a group of nothing"
        ),
        pytest.param('{"variable": {"A": 1}}', "has to be a table", id="a variable that is no table"),
    ],
)
def test_what_is_wrong_with_a_bake_file_is_named(project: Path, text: str, what: str) -> None:
    assert what in error(project, "docker-bake.json", text).what


# ── docker-bake.hcl ──────────────────────────────────────────────────────────────────────────────


def _docker(folder: Path, script: str) -> str:
    """Put a `docker` on the path that does what the script says."""
    (folder / "bin").mkdir()
    (folder / "bin" / "docker").write_text(f"#!{sys.executable}\n{script}")
    (folder / "bin" / "docker").chmod(0o755)
    return f"{folder / 'bin'}{os.pathsep}/usr/bin"


def test_an_hcl_file_is_read_by_buildx(project: Path) -> None:
    answer = json.dumps({"target": {"docs": {"context": "docs", "args": {"A": "${kept}"}}}})
    arguments = ["buildx", "bake", "--print", "--file", "./docker-bake.hcl"]
    script = f"import sys\nassert sys.argv[1:] == {arguments}\nprint({answer!r})"

    found = images(project, "docker-bake.hcl", "", PATH=_docker(project, script))

    assert found["docs"].arguments == {"A": "${kept}"}


def test_what_buildx_says_against_an_hcl_file_is_said(project: Path) -> None:
    path = _docker(project, "import sys\nsys.exit('first\\nERROR: no such function')")

    assert (
        error(project, "docker-bake.hcl", "", PATH=path).what
        == "docker buildx cannot read it: ERROR: no such function"
    )


def test_a_silent_failure_of_buildx_is_said(project: Path) -> None:
    path = _docker(project, "raise SystemExit(3)")

    assert error(project, "docker-bake.hcl", "", PATH=path).what.endswith("status 3")


def test_a_docker_that_cannot_be_started_is_said(project: Path) -> None:
    path = _docker(project, "")
    (project / "bin" / "docker").write_text("#!/nonexistent/interpreter\n")

    assert "cannot be started" in error(project, "docker-bake.hcl", "", PATH=path).what


def test_without_docker_an_hcl_file_cannot_be_read(project: Path) -> None:
    caught = error(project, "docker-bake.hcl", "", PATH="/nonexistent")

    assert "needs docker buildx" in caught.what
    assert "--print > docker-bake.json" in caught.hint


# ── compose.yaml ─────────────────────────────────────────────────────────────────────────────────


def test_the_services_of_a_compose_file_that_are_built_are_images(project: Path) -> None:
    found = images(project, "compose.yaml", COMPOSE, FROM_ENV="e")

    assert list(found) == ["web", "docs"]
    web = found["web"]
    assert (web.dockerfile, web.context, web.target) == ("app/x.Dockerfile", "app", "run")
    assert web.arguments == {"A": "1", "N": "2", "YES": "true", "FROM_ENV": "e", "VERSION": "0-$x"}
    assert web.labels == {"a": "b=c"}
    assert web.contexts == {"base": "target:docs", "assets": "docs", "debian": "docker-image://debian:12"}
    assert [str(platform) for platform in web.platforms] == ["linux/arm64"]


def test_an_argument_that_the_environment_does_not_have_is_not_set(project: Path) -> None:
    assert "FROM_ENV" not in images(project, "compose.yaml", COMPOSE)["web"].arguments


@pytest.mark.parametrize(
    ("scalar", "result"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("1:30", "1:30"),
        ("1.2.3", "1.2.3"),
        ("'1.10'", "1.10"),
        ("0", "0"),
        ("-7", "-7"),
        ("False", "false"),
        ("v1.2", "v1.2"),
        ("=", "="),
    ],
)
def test_scalars_of_a_compose_file_are_what_compose_takes_them_for(
    project: Path, scalar: str, result: str
) -> None:
    yaml = f"services: {{docs: {{build: {{context: docs, args: {{A: {scalar}}}}}}}}}"

    assert images(project, "compose.yml", yaml)["docs"].arguments == {"A": result}


@pytest.mark.parametrize(
    ("text", "environ", "result"),
    [
        pytest.param("$V", {"V": "x"}, "x", id="without braces"),
        pytest.param("${V}", {"V": ""}, "", id="set and empty"),
        pytest.param("${V-d}", {"V": ""}, "", id="a default for what is not set, when it is empty"),
        pytest.param("${V:-d}", {"V": ""}, "d", id="a default for what is empty"),
        pytest.param("${V-d}", {}, "d", id="a default for what is not set"),
        pytest.param("${V:?no}", {"V": "x"}, "x", id="required and there"),
    ],
)
def test_variables_of_a_compose_file_are_filled_in(
    project: Path, text: str, environ: dict[str, str], result: str
) -> None:
    yaml = f"services: {{docs: {{build: {{context: docs, args: ['A={text}']}}}}}}"

    assert images(project, "compose.yml", yaml, **environ)["docs"].arguments == {"A": result}


@pytest.mark.parametrize(
    ("build", "what"),
    [
        pytest.param("{context: $NONE}", "variable NONE is not set", id="a variable that is not set"),
        pytest.param(
            "{context: '${NONE:?please}'}", "variable NONE is not set", id="a variable that is required"
        ),
        pytest.param(
            "{context: $IN_FILE}", "IN_FILE is set in .env, which is not read", id="a variable of .env"
        ),
        pytest.param(
            "{dockerfile_inline: FROM x}", "dockerfile_inline is not supported", id="an inline Dockerfile"
        ),
        pytest.param("https://example.com/x.git", "is not a folder", id="a remote context"),
        pytest.param("{context: [docs]}", "a value is no text", id="a context that is no text"),
        pytest.param("[docs]", "a folder or a table", id="a list"),
        pytest.param("{context: docs, args: x}", "a list of texts is none", id="arguments that are a text"),
        pytest.param(
            "{context: docs, args: {A: [x]}}", "a value is no text", id="an argument that is a list"
        ),
    ],
)
def test_what_is_wrong_with_a_service_is_named(project: Path, build: str, what: str) -> None:
    (project / ".env").write_text("# a comment\nexport IN_FILE=1\n")
    caught = error(project, "compose.yaml", f"services:\n  docs:\n    build: {build}\n")

    assert caught.where == "compose.yaml: service docs"
    assert what in caught.what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param("a: [", "not YAML", id="no YAML"),
        pytest.param("a: !!python/name:os.system x", "not YAML", id="a tag that would be code"),
        pytest.param(f"a: {'9' * 5000}", "not YAML that can be read", id="a number of too many digits"),
        pytest.param("a: \x01", "not YAML", id="a control character"),
        pytest.param("[" * 20_000, "not YAML", id="nested without end"),
        pytest.param("3", "has no services", id="no table"),
        pytest.param(
            "a0: &a0 {x: 1, y: 2}\n"
            + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)),
            "not YAML that can be read",
            id="tables merged into each other",
        ),
        pytest.param("services: 3", "has no services", id="services that are no table"),
        pytest.param(
            "services: {a: {extends: b}}", "extends is not supported", id="a service that extends another"
        ),
    ],
)
def test_what_is_wrong_with_a_compose_file_is_named(project: Path, text: str, what: str) -> None:
    assert what in error(project, "compose.yaml", text).what


def test_without_pyyaml_the_extra_to_install_is_named(project: Path) -> None:
    (project / "compose.yaml").write_text(COMPOSE)
    (project / "hashtag.toml").write_text('import = ["compose.yaml"]')
    # A module of None is one that cannot be imported; in a process of its own.
    script = (
        "import sys; sys.modules['yaml'] = None\n"
        "from pathlib import Path\n"
        "from hashtag.errors import ConfigError\n"
        "from hashtag.worktree import settings\n"
        "try: settings.load(Path('.'), environ={})\n"
        "except ConfigError as error: print(error.hint)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=project, capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "pip install 'hashtag-images[yaml]'"


def test_imported_and_listed_images_are_one_list(project: Path) -> None:
    (project / "hashtag.toml").write_text(
        'import = ["compose.yaml"]\n[[image]]\nname = "web"\ncontext = "docs"\n'
    )
    (project / "compose.yaml").write_text(COMPOSE)

    with pytest.raises(HashtagError, match=r"'web' .* is listed already at hashtag.toml:3"):
        settings.load(project, environ={})
