"""Notices: what registries want people to know, each once."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from threading import Lock

from hashtag.registry.hiding import scrubbed

# OCI distribution-spec v1.1.1, «Warnings»: code 299, agent «-», no date, at most 4096 bytes together.
_WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')
_LIMIT = 4096
_MOST = 100


def warnings_of(header: str) -> tuple[str, ...]:
    """Return the texts of a Warning header as a line each, without control characters."""
    texts = (re.sub(r"\\(.)", r"\1", text) for text in _WARNING.findall(header[:_LIMIT]))
    printable = ("".join(c if c.isprintable() else " " for c in text).strip() for text in texts)
    return tuple(dict.fromkeys(text for text in printable if text))


class Notices:
    """Tells each warning of a host once; nothing is ever done because of one. Any thread may call it."""

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        """Tell whoever is given, else the log."""
        self._tell = tell or logging.getLogger("hashtag.registry").debug
        self._told: set[str] = set()
        self._lock = Lock()

    def take(self, host: str, header: str, secrets: tuple[str, ...] = ()) -> None:
        """Tell what is new in a Warning header, without secrets; at most a hundred in all."""
        for text in warnings_of(scrubbed(header, secrets)):
            line = f"{host}: {scrubbed(text, secrets)}"
            with self._lock:
                is_new = line not in self._told and len(self._told) < _MOST
                self._told.add(line) if is_new else None
            if is_new:
                self._tell(line)
