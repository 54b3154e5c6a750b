"""What `hashtag build` makes is what `docker build` makes of the same tree."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from e2e.conftest import Project
from hashtag.oci.digest import Digest
from hashtag.registry import Registry

pytestmark = pytest.mark.integration

NAMES = ("a", "b.txt", "c.log", "run.sh", ".hidden", "sp ace")
FOLDERS = ("", "d/", "d/e/", "f/")
ATTEMPTS = count(1)

names = st.sampled_from([folder + name for folder in FOLDERS for name in NAMES])
files = st.dictionaries(names, st.tuples(st.text("xyz\n", max_size=4), st.booleans()), min_size=1, max_size=8)
links = st.dictionaries(
    st.sampled_from(["l", "d/l", "f/l"]), st.sampled_from(["a", "../a", "d", "nowhere", "/b.txt"]), max_size=2
)
ignored = st.lists(
    st.sampled_from(["*.log", "**/*.txt", "d", "!d/e", "d/*", "!b.txt", ".hidden", "*"]), max_size=3
)
sources = st.sampled_from([".", "d", "d/", "f", "a", "*.txt", "d*", "[a-d]*", "l", "./d/../d"])
instructions = st.one_of(
    st.builds(lambda source, to: f"COPY {source} {to}", sources, st.sampled_from(["/x/", "y/", "/", "."])),
    st.builds(lambda source: f"ADD {source} /added/", sources),
    st.sampled_from(
        [
            "WORKDIR /w",
            "WORKDIR sub/",
            "ENV A=1 B=$A",
            "ARG V=2\nENV C=${V:-x}",
            "LABEL one=1 two=$A",
            'CMD ["a", "b"]',
            "ENTRYPOINT run $A",
            "EXPOSE 80 443/udp",
            "VOLUME /data",
            "USER 12:34",
            "STOPSIGNAL SIGINT",
            "HEALTHCHECK --interval=5s CMD check",
            'SHELL ["/bin/x", "-c"]',
        ]
    ),
)
dockerfiles = st.tuples(st.lists(instructions, max_size=3), st.lists(instructions, min_size=1, max_size=4))


def lay_out(
    folder: Path, given_files: Mapping[str, tuple[str, bool]], given_links: Mapping[str, str]
) -> None:
    for path, (content, is_executable) in given_files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
        (folder / path).chmod(0o755 if is_executable else 0o644)
    for path, target in given_links.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(target)


def image(repository: str, tag: str) -> tuple[dict[str, Any], dict[str, tuple[object, ...]]]:
    """Return the config of an image, and its files by name: type, mode, link and content."""
    with Registry.from_environment(repository, environ={}) as registry:
        home = registry.repository
        manifest = registry.manifest(home.tagged(tag))
        config = json.loads(registry.blob(home, manifest.config().digest))["config"]
        tree: dict[str, tuple[object, ...]] = {}
        for layer in manifest.document()["layers"]:
            content = registry.blob(home, Digest(layer["digest"]))
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.isfile() else None
                    tree[member.name.strip("/")] = (
                        member.type,
                        oct(member.mode),
                        member.linkname,
                        (member.uid, member.gid),
                        file.read() if file else None,
                    )
        return config, tree


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files, links, ignored, dockerfiles)
def test_an_image_is_the_same_as_dockers(
    tmp_path: Path,
    docker_registry: Any,
    docker: Mapping[str, str],
    given_files: Mapping[str, tuple[str, bool]],
    given_links: Mapping[str, str],
    patterns: list[str],
    stages: tuple[list[str], list[str]],
) -> None:
    attempt = str(next(ATTEMPTS))
    folder = tmp_path / attempt
    lay_out(folder, given_files, given_links)
    (folder / ".dockerignore").write_text("\n".join(patterns))
    first, last = ("\n".join(lines) for lines in stages)
    text = f"FROM scratch AS first\n{first}\nFROM scratch\n{last}\nCOPY --from=first / /first/\n"
    (folder / "Dockerfile").write_text(text)
    repository = f"{docker_registry.host}/same"

    by_docker = subprocess.run(
        [docker["CLIENT"], "build", "--no-cache", "-q", "-t", f"{repository}/docker:{attempt}", str(folder)],
        env=dict(docker), capture_output=True, text=True, check=False,
    )  # fmt: skip
    ran = Project(folder, f"{repository}/ours", docker)("run", "--pipeline-tag", attempt)

    assert (ran.status == 0) == (by_docker.returncode == 0), (text, ran.err, by_docker.stderr)
    if by_docker.returncode == 0:
        push = [docker["CLIENT"], "push", "-q", f"{repository}/docker:{attempt}"]
        subprocess.run(push, env=dict(docker), capture_output=True, check=True)
        assert image(f"{repository}/ours", attempt) == image(f"{repository}/docker", attempt), text
    shutil.rmtree(folder)
