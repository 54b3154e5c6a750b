"""JSON as RFC 8259 has it: no key twice, no NaN, no nesting without end. Pure."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from hashtag.errors import InvalidDocument


def parse(text: str | bytes) -> Any:
    """Return the document; raise `InvalidDocument`."""
    try:
        return json.loads(text, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"not valid JSON: {error}") from error


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return document


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
