"""Anybody can recompute a fingerprint from the page that describes it."""

from __future__ import annotations

import re
from pathlib import Path

import hashtag

PAGE = Path(__file__).parents[2] / "docs" / "fingerprint.md"
BASE = hashtag.BaseImage(
    "sha256:" + "ab" * 32, {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Cmd": ["python3"]}
)


def _files(page: str) -> dict[str, str]:
    return dict(re.findall(r"^`([^`\n]+)`\n\n```\w+\n(.*?)```", page, re.DOTALL | re.MULTILINE))


def test_the_example_of_the_page_is_what_the_library_computes(tmp_path: Path) -> None:
    page = PAGE.read_text()
    for path, content in _files(page).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    by_hand: dict[str, object] = {}
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(code, by_hand)

    fingerprint = hashtag.fingerprint(tmp_path, bases={"python:3.12": BASE})

    assert fingerprint.record == by_hand["record"]
    assert fingerprint.tag == by_hand["tag"]
    assert f"`{fingerprint.tag}`" in page


def test_the_page_uses_nothing_but_hashlib_and_json() -> None:
    assert set(re.findall(r"^(?:import|from) (\w+)", PAGE.read_text(), re.MULTILINE)) == {"hashlib", "json"}
