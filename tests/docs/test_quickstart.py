"""The example of the README shows what it says."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hashtag

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "quickstart"


@pytest.fixture
def plan() -> hashtag.Plan:
    registry = hashtag.Registry.from_environment("oci-layout:registry", environ={}, layout_root=EXAMPLE)
    return hashtag.Project.open(EXAMPLE, environ={}).plan(registry)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_some_images_exist_and_some_are_built(plan: hashtag.Plan) -> None:
    assert [alias.name for alias in plan.aliases] == ["base", "docs"]
    assert [build.name for build in plan.builds] == ["tools", "web"]
    assert plan.warnings == ()


def test_a_parent_is_an_image_of_the_example_and_a_base_lies_in_its_registry(plan: hashtag.Plan) -> None:
    targets = {action.name: action.target for action in (*plan.aliases, *plan.builds)}

    assert targets["web"].parents == ("tools", "base")
    assert [base.reference for base in targets["base"].bases] == ["registry.example/tiny:1"]


def test_the_readme_shows_the_plan(plan: hashtag.Plan) -> None:
    assert f"```text\n{hashtag.render(plan, 'table')}```" in (ROOT / "README.md").read_text()


def test_the_command_prints_what_the_readme_shows() -> None:
    command = [sys.executable, "-m", "hashtag", "-C", "examples/quickstart", "plan"]
    answer = subprocess.run(
        command, cwd=ROOT, env={"NO_COLOR": "1"}, capture_output=True, text=True, check=True
    )

    assert f"```text\n{answer.stdout}```" in (ROOT / "README.md").read_text()


def test_the_registry_is_the_one_that_the_script_makes(tmp_path: Path) -> None:
    """If this fails the recipe has changed: python examples/quickstart/make_registry.py."""
    shutil.copytree(EXAMPLE, tmp_path / "quickstart")
    script = runpy.run_path(str(tmp_path / "quickstart" / "make_registry.py"))

    script["make"](tmp_path / "quickstart")

    assert _files(tmp_path / "quickstart" / "registry") == _files(EXAMPLE / "registry")
