"""Small projects for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import hashtag
from hashtag.testing import MemoryRegistry

REPOSITORY = "registry.example/app"
BASE = "registry.example/tiny:1"


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write the files; return the folder."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return folder


def registry_with_base() -> MemoryRegistry:
    """Return a registry that holds the base and no image of ours."""
    registry = MemoryRegistry(REPOSITORY)
    registry.add_image(BASE, config={"Env": ["PATH=/bin"], "WorkingDir": "/srv"})
    return registry


def three_images(folder: Path) -> Path:
    """Write a base, an image built from it, and one that is not."""
    return write(
        folder,
        {
            "base/Dockerfile": f"FROM {BASE}\nCOPY etc /etc\n",
            "base/etc/motd": "hello\n",
            "web/Dockerfile": f"FROM {REPOSITORY}/base\nCOPY --chmod=755 run.sh /\n",
            "web/run.sh": "exec true\n",
            "docs/Dockerfile": "FROM scratch\nCOPY index.html /\n",
            "docs/index.html": "<p>hello\n",
        },
    )


def open_project(folder: Path, **overrides: object) -> hashtag.Project:
    """Open the project without any variable of this process."""
    return hashtag.Project.open(folder, environ={}, overrides={"repository": REPOSITORY, **overrides})


def fill(registry: MemoryRegistry, plan: hashtag.Plan) -> None:
    """Put an image under each cache tag that the plan wants to build."""
    for build in plan.builds:
        registry.add_image(str(build.target.cache_reference), layers=[build.name.encode()])
