"""The documentation says what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from hashtag import errors
from hashtag.errors import HashtagError
from hashtag.worktree import settings
from hashtag.worktree.image_tables import IMAGE_KEYS
from hashtag.worktree.keys import FOREIGN_VARIABLES, PROJECT_KEYS, variable

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")],
    key=lambda page: page.as_posix(),
)


def _errors(base: type[HashtagError] = HashtagError) -> dict[str, str]:
    """Return every error's code by its name."""
    found = {}
    for error in base.__subclasses__():
        if error.__module__ == errors.__name__ and "code" in vars(error):
            found[error.__name__] = error.code
        found |= _errors(error)
    return found


def test_each_error_has_its_section() -> None:
    sections = re.findall(r"^### (HT\d{3}): (\w+)$", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)

    assert {name: code for code, name in sections} == _errors()
    assert [code for code, _ in sections] == sorted(_errors().values())


def test_each_code_is_one_errors() -> None:
    assert len(set(_errors().values())) == len(_errors())


@pytest.mark.parametrize("key", [*PROJECT_KEYS, *IMAGE_KEYS])
def test_each_key_is_documented(key: str) -> None:
    text = (ROOT / "docs/configuration.md").read_text()

    assert re.search(rf"^\| `\[?{key}\]?` \|", text, re.MULTILINE)


@pytest.mark.parametrize("name", [*map(variable, PROJECT_KEYS), *FOREIGN_VARIABLES])
def test_each_variable_is_documented(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs/configuration.md").read_text()


def test_no_variable_is_documented_that_nothing_reads() -> None:
    named = set(re.findall(r"`(HASHTAG_[A-Z_]+)`", (ROOT / "docs/configuration.md").read_text())) - {
        "HASHTAG_"
    }

    assert named <= {*map(variable, PROJECT_KEYS), *FOREIGN_VARIABLES}


def test_the_example_of_a_configuration_is_one(tmp_path: Path) -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    for path in ("tests/docker/dockerfiles/debian.docker", "docker/web.Dockerfile"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("FROM scratch\n")
    (tmp_path / "hashtag.toml").write_text(example)

    assert tomllib.loads(example)
    assert [image.name for image in settings.load(tmp_path, environ={}).images] == ["debian", "web"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())

    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_ci_runs_the_line_of_the_readme() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()

    assert lines[0] == "#!/bin/bash"
    assert lines[1:] == [line for line in lines[1:] if line in (ROOT / "README.md").read_text().splitlines()]
