"""The examples of the library's page run."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import hashtag
from servers.docker_registry import RunningRegistry

PAGE = Path(__file__).parents[2] / "docs" / "library.md"
SECTIONS = {section.splitlines()[0]: section for section in PAGE.read_text().split("\n## ")[1:]}
EXAMPLES = [
    pytest.param(code, id=title)
    for title, section in SECTIONS.items()
    for code in re.findall(r"```python\n(.*?)```", section, re.DOTALL)
]


@pytest.mark.integration
@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_runs(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docker_registry: RunningRegistry
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    builder = tmp_path / "bin" / "docker"
    builder.parent.mkdir()
    builder.write_text("#!/bin/sh\nexit 0\n")
    builder.chmod(0o755)
    monkeypatch.setenv("PATH", f"{builder.parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)

    exec(code.replace("registry.example.com", docker_registry.host), {})


def test_every_public_name_is_on_the_page() -> None:
    page = PAGE.read_text()

    assert [name for name in hashtag.__all__ if name not in page and not name.startswith("__")] == []
