"""Builders that only write down how they are called."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from attrs import frozen

_SCRIPT = """\
#!{python}
import hashlib, json, os, sys, time
words = sys.argv[1:]
with open({record!r}, "a") as file:
    file.write(json.dumps([os.path.basename(sys.argv[0]), *words]) + "\\n")
{body}
"""
# A build that fails where its Dockerfile says so; an image that is another one each time.
BUILDAH = """
def write(path, content):
    with open(path, "wb") as file:
        file.write(content)

def described(folder, content, kind):
    digest = hashlib.sha256(content).hexdigest()
    write(os.path.join(folder, digest), content)
    return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(content)}

if words[0] == "build":
    text = open(words[words.index("--file") + 1]).read()
    with open(%(texts)r, "a") as file:
        file.write(json.dumps(text) + "\\n")
    for edit in os.environ.get("EDITS", "").split(";"):
        if edit:
            write(edit, b"edited while it was built")
    sys.exit(2 if "BROKEN" in text else 0)
if words[0] == "push":
    folder = words[-1].removeprefix("dir:")
    os.makedirs(folder)
    config = {"architecture": "amd64", "os": "linux", "created": str(time.time_ns()), "config": {}}
    document = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described(folder, json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [described(folder, b"a layer", "application/vnd.oci.image.layer.v1.tar")],
    }
    write(os.path.join(folder, "manifest.json"), json.dumps(document).encode())
if words[0] == "pull":
    print("f" * 64)
"""


@frozen
class Fake:
    """
    A folder of programs, for a PATH.

    Attributes:
        folder: Holds the programs, and what they wrote down.
    """

    folder: Path

    def program(self, name: str, body: str = "") -> Path:
        """Make a program that writes down its arguments and then runs `body`."""
        path = self.folder / name
        record = str(self.folder / "record")
        path.write_text(_SCRIPT.format(python=sys.executable, record=record, body=body))
        path.chmod(0o755)
        return path

    def buildah(self) -> Path:
        """Make a `buildah` that makes images of nothing."""
        return self.program("buildah", BUILDAH % {"texts": str(self.folder / "texts")})

    @property
    def environ(self) -> dict[str, str]:
        """An environment in which nothing else is installed."""
        return {"PATH": str(self.folder), "HOME": str(self.folder)}

    @property
    def calls(self) -> list[list[str]]:
        """The command lines so far, the programs by their names."""
        return self._lines("record")

    @property
    def dockerfiles(self) -> list[str]:
        """The Dockerfiles that were built so far."""
        return self._lines("texts")

    def _lines(self, name: str) -> list:
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def fake(folder: Path) -> Fake:
    """Return a folder without any program."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o755)  # noqa: PTH101
    return Fake(folder)
