"""Fields: the comma-separated options of `--mount` and `--device`, one line of CSV (RFC 4180)."""

from __future__ import annotations

import re
from typing import Final

_QUOTED: Final = re.compile(r'"((?:[^"]|"")*+)"(?=,|\Z)')
_BARE: Final = re.compile(r'[^",]*(?=,|\Z)')


def fields(text: str) -> tuple[str, ...] | None:
    """Return the fields of a line, or None where its quotes are wrong or there is nothing in it."""
    line = text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
    found: list[str] = []
    at = -1
    while at < len(line):
        match = _QUOTED.match(line, at + 1) or _BARE.match(line, at + 1)
        if not match or not line:
            return None
        found.append(match[1].replace('""', '"') if match.re is _QUOTED else match[0])
        at = match.end()
    return tuple(found)
