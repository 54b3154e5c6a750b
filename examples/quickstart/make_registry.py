"""Makes `registry/`, the OCI image layout that stands for a registry in this example.

Run it again when the recipe of fingerprints or a file of the example changes; the same files come
out byte for byte:

    python examples/quickstart/make_registry.py
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from hashlib import sha256
from pathlib import Path

import hashtag
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_MANIFEST, Manifest
from hashtag.oci.ports import Writer
from hashtag.oci.reference import Reference
from hashtag.registry.layout import Layout

HERE = Path(__file__).parent
BASE = Reference.parse("registry.example/tiny:1")
# What earlier pipelines built; the others are new.
BUILT = ("base", "docs")


def make(folder: Path) -> None:
    """Make the layout of the example in `folder` from nothing."""
    shutil.rmtree(folder / "registry", ignore_errors=True)
    layout = Layout("registry", folder / "registry")
    put_image(layout, BASE, {"etc/os-release": "NAME=Tiny\n"})
    registry = hashtag.Registry.from_environment("oci-layout:registry", environ={}, layout_root=folder)
    plan = hashtag.Project.open(folder, environ={}).plan(registry)
    for build in plan.builds:
        if build.name in BUILT:
            put_image(
                layout, build.target.cache_reference, {"built/by": f"an earlier pipeline: {build.name}\n"}
            )
    (folder / "registry" / "index.json.lock").unlink(missing_ok=True)


def put_image(registry: Writer, reference: Reference, files: dict[str, str]) -> None:
    """Put an image of one layer under a reference."""
    layer = tar(files)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": put(
            registry, reference, "application/vnd.oci.image.config.v1+json", json.dumps(config).encode()
        ),
        "layers": [put(registry, reference, "application/vnd.oci.image.layer.v1.tar", layer)],
    }
    registry.put_manifest(Manifest(OCI_MANIFEST, json.dumps(manifest, indent=2).encode()), reference)


def put(registry: Writer, reference: Reference, media_type: str, content: bytes) -> dict[str, str | int]:
    """Put a blob; return its descriptor."""
    digest: Digest = registry.put_blob(reference.repository, content)
    return {"mediaType": media_type, "digest": str(digest), "size": len(content)}


def tar(files: dict[str, str]) -> bytes:
    """Return a layer of some files."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return layer.getvalue()


if __name__ == "__main__":
    make(HERE)
