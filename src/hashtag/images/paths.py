"""Paths in an image, as BuildKit joins them (util/system, NormalizePath)."""

from __future__ import annotations

import posixpath


def working_folder(folder: str, path: str) -> str:
    """Return the working folder after WORKDIR: an absolute path as it stands, a relative one joined."""
    if path.startswith("/"):
        return path
    parent = folder if folder.startswith("/") else _joined("/", folder)
    return _joined(parent, path) if path else parent


def destination_path(folder: str, path: str) -> str:
    """Return where a COPY goes: as `working_folder`, with the `/` or `/.` at its end kept."""
    if path.startswith("/"):
        return path
    joined = _joined(folder, path)
    if path.endswith("/."):
        return joined.rstrip("/") + "/."
    return joined.rstrip("/") + "/" if path.endswith("/") else joined


def _joined(folder: str, path: str) -> str:
    return "/" + posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/")
