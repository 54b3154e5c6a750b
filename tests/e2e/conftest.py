"""A small repository, real builders, a real registry, and the command run as CI runs it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from attrs import field, frozen

from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_MANIFEST, Manifest
from hashtag.oci.reference import Reference
from hashtag.registry import Registry
from servers.debian import require
from servers.docker_engine import start_engine

REPOSITORY = Path(__file__).parent / "repository"
_TIMEOUT_SECONDS = 120


@frozen
class Ran:
    """A command that ended."""

    status: int
    out: str
    err: str


@frozen
class Project:
    """
    A checkout of the repository, and the command in it.

    Attributes:
        folder: The checkout.
        repository: Where its images live: one of its own for each test.
        environ: With a builder.
    """

    folder: Path
    repository: str
    environ: Mapping[str, str] = field(repr=False)

    def start(self, *argv: str | Path, **environ: str) -> subprocess.Popen[str]:
        """Start the command."""
        return subprocess.Popen(
            [sys.executable, "-m", "hashtag", *map(str, argv)],
            cwd=self.folder,
            env={**self.environ, "HASHTAG_REPOSITORY": self.repository, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def __call__(self, *argv: str | Path, **environ: str) -> Ran:
        """Run the command to its end."""
        process = self.start(*argv, **environ)
        try:
            out, err = process.communicate(timeout=_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
        return Ran(process.returncode, out, err)

    def write(self, path: str, text: str) -> None:
        """Write a file of the checkout."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text in a file of the checkout."""
        text = (self.folder / path).read_text()
        assert old in text
        (self.folder / path).write_text(text.replace(old, new))

    def digest(self, name: str, tag: str) -> Digest | None:
        """Return what a tag of an image holds."""
        with Registry.from_environment(self.repository, environ={}, layout_root=self.folder) as registry:
            found = registry.resolve(registry.repository.child(name).tagged(tag))
            return found.digest if found else None

    def files(self, name: str, tag: str) -> dict[str, str]:
        """Return the files of an image with their contents; of large ones, their size."""
        found: dict[str, str] = {}
        with Registry.from_environment(self.repository, environ={}, layout_root=self.folder) as registry:
            repository = registry.repository.child(name)
            manifest = registry.manifest(repository.tagged(tag))
            for layer in manifest.document()["layers"]:
                found |= _untarred(registry.blob(repository, Digest(layer["digest"])))
        return found


def _untarred(content: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {
            "/" + member.name.removeprefix("./"): _text(archive, member)
            for member in archive
            if member.isfile()
        }


def _text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = archive.extractfile(member)
    assert file is not None
    return file.read().decode() if member.size < 4096 else str(member.size)


def push_shell(reference: str, greeting: str = "") -> Digest:
    """Push an image with a shell, and nothing of a project's."""
    busybox = Path(require("busybox", "busybox-static")).read_bytes()
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, content, mode in [
            ("bin/busybox", busybox, 0o755),
            ("greeting", greeting.encode(), 0o644),
        ]:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
        for name in ("sh", "cat", "echo", "sleep", "false"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    target = Reference.parse(reference)
    with Registry.from_environment(str(target.repository), environ={}) as registry:
        return _push(registry, target, plain.getvalue())


def _push(registry: Registry, target: Reference, layer: bytes) -> Digest:
    packed = gzip.compress(layer, mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/bin"]},
            "history": [{"created_by": "tests"}],  # buildah counts the layers there
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
    ).encode()
    blobs = [
        ("application/vnd.oci.image.config.v1+json", config),
        ("application/vnd.oci.image.layer.v1.tar+gzip", packed),
    ]
    described = [
        {
            "mediaType": kind,
            "digest": str(registry.put_blob(target.repository, content)),
            "size": len(content),
        }
        for kind, content in blobs
    ]
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described[0],
        "layers": described[1:],
    }
    return registry.put_manifest(Manifest(OCI_MANIFEST, json.dumps(document).encode()), target)


def _plain() -> dict[str, str]:
    """Return an environment without anything of CI's or the user's."""
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="session")
def buildah(tmp_path_factory) -> Iterator[Mapping[str, str]]:
    """Return the environment of buildah with a storage of its own."""
    require("buildah", "buildah")
    folder = tmp_path_factory.mktemp("buildah")
    storage = folder / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{folder / "graph"}"\nrunroot = "{folder / "run"}"\n'
    )
    yield _plain() | {
        "HOME": str(folder),
        "HASHTAG_BUILDER": "buildah",
        "BUILDAH_ISOLATION": "chroot",
        "CONTAINERS_STORAGE_CONF": str(storage),
    }
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def docker(tmp_path_factory) -> Iterator[Mapping[str, str]]:
    """Return the environment of Debian's Docker client with an engine of its own."""
    engine = start_engine(tmp_path_factory.mktemp("engine"))
    # The engine has no bridge: a RUN has no network.
    yield (
        _plain()
        | dict(engine.environ)
        | {"HASHTAG_BUILDER": "docker", "HASHTAG_BUILD_ARGS": "--network=none", "CLIENT": engine.client}
    )
    engine.stop()


@pytest.fixture(params=["buildah", "docker"])
def project(request, tmp_path, docker_registry) -> Project:
    """Return a checkout for each builder, whose images live in a repository of the test's own."""
    return _checkout(tmp_path, docker_registry.host, request.getfixturevalue(request.param))


@pytest.fixture
def buildah_project(tmp_path, docker_registry, buildah) -> Project:
    """Return a checkout that buildah builds."""
    return _checkout(tmp_path, docker_registry.host, buildah)


def _checkout(folder: Path, host: str, environ: Mapping[str, str]) -> Project:
    shutil.copytree(REPOSITORY, folder / "checkout")
    name = f"t{time.time_ns()}"
    push_shell(f"{host}/outside/{name}:1", "hello")
    project = Project(folder / "checkout", f"{host}/{name}", environ)
    project.edit("images/base/Dockerfile", "registry.invalid/outside/shell", f"{host}/outside/{name}")
    return project
