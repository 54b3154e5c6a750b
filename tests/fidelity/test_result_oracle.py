"""
Random small projects and random edits: what a Docker engine builds differs only where fingerprints do.

Debian's engine is of 2020: here-documents, links, parents and excludes of COPY are not in it. Its answer is
one-sided: a result that it takes from its cache although a folder's mode changed says nothing.
"""

from __future__ import annotations

import json
import stat
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import hashtag
from fidelity.oracle_projects import Project, edited, plant, projects
from servers.docker_engine import Engine

_Tree: TypeAlias = Mapping[str, tuple[Any, ...]]
_REFUSED = "refused"

_PAIRS = projects().flatmap(lambda project: st.tuples(st.just(project), edited(project)))


@pytest.mark.integration
@settings(
    max_examples=35,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # each try takes a second
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(pair=_PAIRS)
def test_one_fingerprint_is_one_result(engine: Engine, pair: tuple[Project, Project]) -> None:
    before, after = pair

    with tempfile.TemporaryDirectory() as folder:
        prints = [_fingerprint(each, Path(folder, name)) for name, each in (("one", before), ("two", after))]
        results = [
            _result(engine, each, Path(folder, name)) for name, each in (("one", before), ("two", after))
        ]

    if prints[0] == prints[1] != _REFUSED:
        assert results[0] == results[1]
    for found, built in zip(prints, results, strict=True):
        assert found != _REFUSED or built is None


def _fingerprint(project: Project, context: Path) -> str:
    context.mkdir()
    plant(context, project)
    try:
        return hashtag.fingerprint(context, build_args=project.arguments, modes="full").text
    except hashtag.HashtagError:
        return _REFUSED


def _result(engine: Engine, project: Project, context: Path) -> tuple[_Tree, Any] | None:
    """Return the tree and the config that the engine builds, None where it refuses."""
    arguments = [f"--build-arg={name}={value}" for name, value in project.arguments.items()]
    answer = engine.docker("build", "--quiet", "--tag=oracle", *arguments, context)
    if answer.returncode != 0:
        return None
    inspected = engine.docker("image", "inspect", "oracle")
    assert inspected.returncode == 0, inspected.stderr
    (image,) = json.loads(inspected.stdout)
    tree = _tree(engine, context.with_suffix(".tar")) if image["RootFS"].get("Layers") else {}
    return tree, (image["Config"], image["Author"])


def _tree(engine: Engine, archive: Path) -> _Tree:
    saved = engine.docker("save", f"--output={archive}", "oracle")
    assert saved.returncode == 0, saved.stderr
    tree: dict[str, tuple[Any, ...]] = {}
    with tarfile.open(archive) as image:
        (manifest,) = json.load(_member(image, "manifest.json"))
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=_member(image, layer)) as tar:
                tree |= {member.name.rstrip("/"): _entry(tar, member) for member in tar}
    return tree


def _member(image: tarfile.TarFile, name: str) -> Any:
    file = image.extractfile(name)
    assert file is not None
    return file


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[Any, ...]:
    content = _member(tar, member.name).read() if member.isreg() else member.linkname
    return member.type, stat.S_IMODE(member.mode), member.uid, member.gid, content
