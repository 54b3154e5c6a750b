"""Layouts that skopeo and buildah wrote, and ours read by them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_MANIFEST
from hashtag.oci.platform import LINUX_AMD64
from hashtag.oci.reference import Reference
from hashtag.registry import Registry, pin
from servers.debian import require

pytestmark = pytest.mark.integration


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def skopeo() -> str:
    return require("skopeo", "skopeo")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry.from_environment("oci-layout:images", environ={}, layout_root=tmp_path)


def copied_image(skopeo: str, folder: Path, name: str) -> str:
    """Make an image with skopeo alone, from a folder in its own form; return its digest."""
    source = folder / "source"
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["A=b"]},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
    ).encode()
    source.mkdir(exist_ok=True)
    descriptor = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": str(Digest.of(config)),
        "size": len(config),
    }
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor, "layers": []}
    (source / Digest.of(config).hex).write_bytes(config)
    (source / "version").write_text("Directory Transport Version: 1.1\n")
    (source / "manifest.json").write_text(json.dumps(manifest))
    run(
        skopeo,
        "copy",
        "--insecure-policy",
        "--digestfile",
        "digest",
        "dir:source",
        f"oci:images:{name}",
        cwd=folder,
    )
    return (folder / "digest").read_text().strip()


@pytest.mark.parametrize(
    ("name", "reference"),
    [("web:1", "oci-layout:images:web:1"), ("docker.io/library/debian:12", "debian:12")],
    ids=["own image", "external base"],
)
def test_what_skopeo_copies_into_a_layout_is_found(skopeo, tmp_path, registry, name, reference):
    digest = copied_image(skopeo, tmp_path, name)
    parsed = Reference.parse(reference)

    assert str(registry.resolve(parsed).digest) == digest
    assert pin(registry, parsed, LINUX_AMD64).config == {"Env": ["A=b"]}


def test_skopeo_reads_what_we_put_beside_its_own(skopeo, tmp_path, registry):
    digest = copied_image(skopeo, tmp_path, "web:1")
    web = Reference.parse("oci-layout:images:web:1")
    registry.put_manifest(registry.manifest(web), web.repository.tagged("h1-" + "a" * 64))

    raw = run(skopeo, "inspect", "--raw", "oci:images:web:h1-" + "a" * 64, cwd=tmp_path).encode()

    assert raw == registry.manifest(web).content
    assert "web:1" in (tmp_path / "images" / "index.json").read_text()
    assert digest == str(registry.resolve(web).digest)


def test_skopeo_reads_a_layout_that_we_made(skopeo, tmp_path, registry, memory_registry):
    web = Reference.parse("oci-layout:images:web:1")
    memory_registry.add_image("registry.example/app:1", config={"User": "nobody"})
    source = Reference.parse("registry.example/app:1")
    manifest = memory_registry.manifest(source)
    registry.put_blob(web.repository, memory_registry.blob(source.repository, manifest.config().digest))
    registry.put_manifest(manifest, web)

    inspected = json.loads(run(skopeo, "inspect", "--config", "oci:images:web:1", cwd=tmp_path))

    assert inspected["config"] == {"User": "nobody"}


def test_what_buildah_pushes_into_a_layout_is_found(tmp_path, registry):
    buildah = require("buildah", "buildah")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nENV A=b\nCOPY Dockerfile /\n")
    store = [buildah, "--root", tmp_path / "root", "--runroot", tmp_path / "run", "--storage-driver", "vfs"]
    run(*store, "build", "--isolation", "chroot", "-t", "web", ".", cwd=tmp_path)
    run(*store, "push", "--signature-policy", policy(tmp_path), "web", "oci:images:web:1", cwd=tmp_path)

    base = pin(registry, Reference.parse("oci-layout:images:web:1"), LINUX_AMD64)

    assert "A=b" in base.config["Env"]
    assert list(registry.tags(registry.repository.child("web"))) == ["1"]


def policy(folder: Path) -> Path:
    path = folder / "policy.json"
    path.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    return path
