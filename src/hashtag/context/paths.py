"""Paths in a listing: symbolic links and wildcards, as the builder resolves them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from attrs import frozen

from hashtag.context.listing import Kind, Listing
from hashtag.errors import DockerfileError

# Linux, path_resolution(7): more links than this in one path are a loop.
_MAX_LINKS = 40


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


def has_wildcard(path: str) -> bool:
    """Whether a path has `*`, `?` or `[` that no backslash precedes."""
    return bool(re.search(r"(?<!\\)(?:\\\\)*[*?\[]", path))


def glob(listing: Listing, pattern: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """
    Yield what a clean pattern matches, in byte order, with the links on the way to it.

    Folders before the first wildcard may be links; behind it links are matched, not entered
    (fsutil copy, ResolveWildcards).
    """
    parts = pattern.split("/")
    first = next(index for index, part in enumerate(parts) if has_wildcard(part))
    start = resolve(listing, "/".join(parts[:first]))
    if start is None:
        return
    matchers = [re.compile(_translate(part, pattern), re.DOTALL) for part in parts[first:]]
    for path in _matches(listing, start.path, matchers):
        yield path, start.links


def _matches(listing: Listing, folder: str, matchers: list[re.Pattern[str]]) -> Iterator[str]:
    for name in listing.children(folder):
        if not matchers[0].fullmatch(name):
            continue
        path = f"{folder}/{name}" if folder else name
        if len(matchers) == 1:
            yield path
        elif listing[path].kind is Kind.FOLDER:
            yield from _matches(listing, path, matchers[1:])


def _translate(part: str, pattern: str) -> str:
    """Return a regular expression for one component (Go path/filepath, Match)."""
    out, index = "", 0
    while index < len(part):
        character = part[index]
        index += 1
        match character:
            case "*":
                out += ".*"
            case "?":
                out += "."
            case "[":
                text, index = _class(part, index, pattern)
                out += text
            case "\\" if index == len(part):
                raise DockerfileError(f"{pattern!r} ends in a backslash")
            case "\\":
                out += re.escape(part[index])
                index += 1
            case _:
                out += re.escape(character)
    return out


def _class(part: str, index: int, pattern: str) -> tuple[str, int]:
    negated = part[index : index + 1] == "^"
    index += negated
    ranges: list[str] = []
    while not (ranges and part[index : index + 1] == "]"):
        low, index = _class_character(part, index, pattern)
        high = low
        if part[index : index + 1] == "-":
            high, index = _class_character(part, index + 1, pattern)
        if low <= high:
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
        else:  # a range that runs backwards matches nothing
            ranges.append("")
    body = "".join(ranges)
    if not body:
        return ("." if negated else "(?!)"), index + 1
    return f"[{'^' if negated else ''}{body}]", index + 1


def _class_character(part: str, index: int, pattern: str) -> tuple[str, int]:
    character = part[index : index + 1]
    if character == "\\":
        index += 1
        character = part[index : index + 1]
    elif character in ("-", "]"):
        character = ""
    if not character:
        raise DockerfileError(f"{pattern!r} has a malformed character class")
    return character, index + 1
