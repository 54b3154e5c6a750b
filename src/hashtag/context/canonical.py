"""What all of a record is written with: one JSON text of a document, hidden texts, no empty members."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from hashtag.context.fileset import as_bytes


def canonical(document: object) -> bytes:
    """Return the one JSON text of a document: sorted keys, UTF-8, no white space."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return as_bytes(text)


def hidden(text: str) -> str:
    """Return what stands in a record for a text that an ARG can influence."""
    return "sha256:" + sha256(as_bytes(text)).hexdigest()


def present(document: dict[str, Any]) -> dict[str, Any]:
    """Return the members that say something: an absent one and an empty one are the same."""
    return {name: value for name, value in document.items() if value not in (None, "", [], {}, False)}
