"""Paths in a listing: symbolic links, as the builder resolves them."""

from __future__ import annotations

import posixpath

from attrs import frozen

from hashtag.context.listing import Kind, Listing

# containerd/continuity fs, RootPath: more links than this in one path are a loop.
_MAX_LINKS = 255


@frozen
class Resolved:
    """
    Where a path ends when its symbolic links are followed.

    Attributes:
        path: The end; empty for the root.
        links: The links that were followed on the way.
    """

    path: str
    links: tuple[str, ...]


def clean(path: str) -> str:
    """Return a path as seen from the root, without `.`, `..` and slashes at its ends; empty for the root."""
    return posixpath.normpath("/" + path).lstrip("/").removesuffix("/")


def resolve(listing: Listing, path: str) -> Resolved | None:
    """Follow all links of a clean path inside the root; None where something is missing, or a loop."""
    waiting = [part for part in reversed(path.split("/")) if part]
    current = ""
    links: list[str] = []
    while waiting:
        part = waiting.pop()
        if part in ("", "."):
            continue
        if part == "..":
            current = current.rpartition("/")[0]
            continue
        child = f"{current}/{part}" if current else part
        entry = listing.get(child)
        if entry is None or len(links) > _MAX_LINKS:
            return None
        if entry.kind is Kind.SYMLINK:
            links.append(child)
            current = "" if entry.target.startswith("/") else current
            waiting.extend(reversed(entry.target.split("/")))
        elif waiting and entry.kind is not Kind.FOLDER:
            return None
        else:
            current = child
    return Resolved(current, tuple(links))
