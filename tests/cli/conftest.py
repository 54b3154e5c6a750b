"""A project in a folder, with an image layout as its registry, and the command run in it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

import pytest

from hashtag.cli.main import main
from hashtag.oci.manifest import OCI_MANIFEST, Manifest
from hashtag.oci.reference import Reference
from hashtag.registry import Registry

DEBIAN = "sha256:" + "d" * 64
_CHANGING = ("CI", "GITLAB_CI", "GITHUB_ACTIONS", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")


class Ran(NamedTuple):
    status: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)


class Command:
    """`hashtag`, in this process."""

    def __init__(self, capsys):
        self._capsys = capsys

    def __call__(self, *argv):
        status = main([str(argument) for argument in argv])
        captured = self._capsys.readouterr()
        return Ran(status, captured.out, captured.err)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in [*os.environ]:
        if name in _CHANGING or name.startswith(("CI_", "HASHTAG_", "GIT_")):
            monkeypatch.delenv(name)


@pytest.fixture
def hashtag(capsys):
    return Command(capsys)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two images, `web` built from `base`, `base` from Debian."""
    files = {
        "hashtag.toml": (
            'repository = "oci-layout:store"\n'
            '[[image]]\nname = "base"\ndockerfile = "base/Dockerfile"\nknown-as = ["base"]\n'
            '[[image]]\nname = "web"\ndockerfile = "web/Dockerfile"\n'
        ),
        "base/Dockerfile": "FROM debian:12\nCOPY tool /usr/bin/\n",
        "base/tool": "1",
        "web/Dockerfile": "FROM base\nCOPY . /srv\n",
        "web/.dockerignore": "# not these\n*.log\n",
        "web/index.html": "hello",
        "web/access.log": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def store(reference: str) -> str:
    """Put an image into the layout; return its digest."""
    registry = Registry.from_environment("oci-layout:store", environ={}, layout_root=Path())
    target = Reference.parse(reference)
    config = registry.put_blob(target.repository, b'{"architecture": "amd64", "os": "linux"}')
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": str(config),
            "size": 40,
        },
        "layers": [],
        "annotations": {"for": reference},
    }
    return str(registry.put_manifest(Manifest(OCI_MANIFEST, json.dumps(document).encode()), target))
