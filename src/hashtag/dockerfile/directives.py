"""Directives: the special comments at the very top of a Dockerfile.

BuildKit frontend/dockerfile/parser/directives.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from hashtag.dockerfile.characters import BYTE_ORDER_MARK, SPACES, lower

_KNOWN: Final = frozenset(("syntax", "escape", "check"))
_DIRECTIVE: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+)")


@frozen
class Directive:
    """One directive, its name in lower case; `line` counts from 0."""

    name: str
    value: str
    line: int


@frozen
class Repeated:
    """The second directive of one name."""

    name: str
    line: int


def directives(lines: Iterable[str], *, mark: str = "#") -> Iterator[Directive | Repeated]:
    """
    Yield the directives up to the first line that is none, or to a repeated one.

    Args:
        lines: Without their ends.
        mark: What a comment starts with.
    """
    seen: set[str] = set()
    for number, line in enumerate(lines):
        match = _DIRECTIVE.match(line[len(mark) :].lstrip(SPACES)) if line.startswith(mark) else None
        name = lower(match[1]) if match else ""
        if not match or name not in _KNOWN:
            return
        if name in seen:
            yield Repeated(name, number)
            return
        seen.add(name)
        # A value has at least one character, if only a space.
        yield Directive(name, match[2].rstrip("\t\n\f\r ") or match[2][-1], number)


def frontend(text: str) -> tuple[str, str] | None:
    """
    Return the image that BuildKit reads a file with, and how it is asked for: `#`, `//` or `{`.

    None where the file names none: `# syntax=`, `// syntax=`, or a JSON object with that key; a
    first line `#!…` does not count (BuildKit parser, DetectSyntax). Unlike all other directives,
    this one has to stand at the start of its line.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    if text.startswith("#!"):
        text = text.partition("\n")[2]
    for mark in ("#", "//"):
        for directive in directives(_lines(text), mark=mark):
            if isinstance(directive, Directive) and directive.name == "syntax":
                return directive.value.partition(" ")[0], mark
    image = _json_frontend(text)
    return None if image is None else (image, "{")


def _lines(text: str) -> Iterator[str]:
    # Lazily: only the top of the file matters.
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end].removesuffix("\r")
        start = end + 1


def _json_frontend(text: str) -> str | None:
    if not text.lstrip("\t\n\r ").startswith("{"):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    value = document.get("syntax")
    return value if isinstance(value, str) else None
