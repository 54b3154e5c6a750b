"""Copies of large images by the command, in a terminal: what is shown, and what an interrupt leaves."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hashtag.oci.reference import Reference, Repository
from hashtag.registry import Registry
from registry.trees import put_image
from servers.proxy import proxied

pytestmark = pytest.mark.integration
_SIZE = 4_000_000
_SHOWN = re.compile(r"\rcopying \d\.\d MB of 4\.0 MB, \d+\.\d MB/s *(?=\r)")


class Terminal:
    """The command with a terminal as its standard error."""

    def __init__(self, folder: Path, *argv: str) -> None:
        self._end, end = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hashtag", *argv],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HASHTAG_BUILDER": "none"},
            stdout=subprocess.DEVNULL,
            stderr=end,
        )
        os.close(end)
        self.text = ""

    def read(self, until: str = "") -> str:
        """Return what it showed, up to a text, or all of it."""
        while not until or until not in self.text:
            try:
                piece = os.read(self._end, 65536)
            except OSError:  # Linux: nobody has the other end open any more
                break
            self.text += piece.decode()
        return self.text

    def end(self) -> int:
        """Read what is left; return the exit status."""
        self.read()
        os.close(self._end)
        return self.process.wait(timeout=30)


def planned(docker_registry, folder: Path) -> tuple[Path, list[str], Reference]:
    """Return a project of one image, the options that name its repository, and its cache tag there."""
    project = folder / "project"
    project.mkdir()
    (project / "Dockerfile").write_text("FROM scratch\nCOPY file /\n")
    (project / "file").write_text("content")
    where = ["--repository", f"{docker_registry.host}/ours/{folder.name}", "--pipeline-tag", "1"]
    line = [sys.executable, "-m", "hashtag", "plan", "-o", "json", *where]
    ran = subprocess.run(line, cwd=project, env={"PATH": os.environ["PATH"]}, stdout=-1, check=True)
    (image,) = json.loads(ran.stdout)["images"]
    return project, where, Reference.parse(image["cache_reference"])


@pytest.fixture
def upstream(docker_registry, tmp_path):
    """Return a project, its options, and its cache tag; a slow registry holds the image, and it is large."""
    project, where, cache = planned(docker_registry, tmp_path)
    with Registry.from_environment(str(cache.repository), environ={}) as registry:
        there = Repository(cache.repository.registry, f"upstream/{tmp_path.name}")
        manifest = put_image(registry, there, os.urandom(_SIZE))
        registry.put_manifest(manifest, there.tagged(str(cache.tag)))
    with proxied(docker_registry.host, bytes_per_second=2_000_000) as proxy:
        yield project, [*where, "--look-in", f"{proxy.host}/{there.name}"], cache


def held(reference: Reference) -> str | None:
    with Registry.from_environment(str(reference.repository), environ={}) as registry:
        found = registry.resolve(reference)
        return str(found.digest) if found else None


@pytest.mark.parametrize("line", [["plan", "--apply"], ["run"]], ids=" ".join)
def test_a_copy_that_takes_long_is_shown_while_it_lasts(upstream, line):
    project, options, cache = upstream
    terminal = Terminal(project, *line, *options)

    assert terminal.end() == 0, terminal.text
    assert len(_SHOWN.findall(terminal.text)) >= 3
    # What stays when all that was drawn over is gone.
    lines = [shown.rpartition("\r")[2] for shown in terminal.text.replace("\r\n", "\n").split("\n")]
    assert not [each for each in lines if "copying" in each]
    assert held(cache) == held(cache.repository.tagged("1"))


def test_promote_shows_it_too(upstream):
    project, options, cache = upstream
    saved = ["plan", *options, "--save", "../plan.json"]
    environ = {"PATH": os.environ["PATH"], "HASHTAG_ON_UPSTREAM_HIT": "use"}
    line = [sys.executable, "-m", "hashtag", *saved]
    subprocess.run(line, cwd=project, env=environ, capture_output=True, check=True)
    terminal = Terminal(project, "promote", "--plan", "../plan.json", "latest")

    assert terminal.end() == 0, terminal.text
    assert _SHOWN.search(terminal.text)
    assert held(cache.repository.tagged("latest")) is not None


def test_an_interrupt_ends_a_copy_soon_and_leaves_neither_a_tag_nor_a_line(upstream, docker_registry):
    project, options, cache = upstream
    uploads = f"/v2/{cache.repository.name}/blobs/uploads/"
    terminal = Terminal(project, "plan", "--apply", *options)
    terminal.read(until="copying")
    begun = time.monotonic()
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.end() == 130, terminal.text
    assert time.monotonic() - begun < 1.5  # it is slower than that to the end
    assert terminal.text.endswith(" \rinterrupted\r\n")
    assert held(cache) is None
    assert held(cache.repository.tagged("1")) is None
    # This server forgets a broken upload only when it is cleaned up; others do when they are asked.
    assert [line for line in docker_registry.access_log() if line.startswith(f"DELETE {uploads}")]

    again = Terminal(project, "plan", "--apply", *options)
    assert again.end() == 0, again.text
    assert held(cache.repository.tagged("1")) is not None
