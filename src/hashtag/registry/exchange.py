"""Images between a layout folder and containers' tools, in their `dir:` form: a manifest and its blobs.

containers-transports(5), «dir:path»: `manifest.json`, and beside it every blob under its hex digest.
Unlike `oci:` it keeps the very bytes of any manifest.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from hashtag.errors import RegistryError
from hashtag.oci.manifest import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    MEDIA_TYPES,
    OCI_INDEX,
    OCI_MANIFEST,
    SIZE_LIMIT,
    Manifest,
)

_MANIFEST = "manifest.json"


def lend(layout: Path, manifest: Manifest, folder: Path) -> None:
    """Let an empty folder show an image of a layout; nothing is copied."""
    (folder / _MANIFEST).write_bytes(manifest.content)
    for digest in manifest.references():
        (folder / digest.hex).symlink_to((layout / "blobs" / "sha256" / digest.hex).absolute())


def take(folder: Path, layout: Path) -> Manifest:
    """
    Move the blobs of an image into a layout; return its manifest, which is not in it yet.

    Raises:
        RegistryError: What lies there is no image.
    """
    manifest = _read(folder / _MANIFEST)
    blobs = layout / "blobs" / "sha256"
    try:
        blobs.mkdir(parents=True, exist_ok=True)
        for digest in manifest.references():
            if not (blobs / digest.hex).exists():
                _place(folder / digest.hex, blobs / digest.hex)
    except OSError as error:
        raise RegistryError(f"cannot be written: {error.strerror}", where=str(layout)) from error
    return manifest


def _read(path: Path) -> Manifest:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise RegistryError(f"the builder left no image: {error.strerror}", where=str(path)) from error
    document = Manifest("", content).document()
    guess = OCI_INDEX if "manifests" in document else OCI_MANIFEST
    media_type = document.get("mediaType", guess)
    if len(content) > SIZE_LIMIT or media_type not in MEDIA_TYPES or media_type in (OCI_INDEX, DOCKER_LIST):
        raise RegistryError(f"no image of one platform, but {media_type!r}", where=str(path))
    return Manifest(media_type if media_type == DOCKER_MANIFEST else OCI_MANIFEST, content)


def _place(source: Path, target: Path) -> None:
    """Let a file appear at once under its name."""
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        beside.unlink()
    try:
        os.link(source, beside)
    except OSError:  # on another file system
        shutil.copyfile(source, beside)
    beside.chmod(0o644)
    beside.replace(target)
