"""Where each key and value of a TOML document stands; tomllib does not say.

The document has passed tomllib: the scanner may take its grammar (TOML v1.0.0) for granted.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping

from hashtag.worktree.given import KeyPath

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
# The order counts: three quotes before one.
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")' r"|'''.*?'{3,5}(?!')" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'", re.DOTALL
)
_SCALAR = re.compile(r"[^,\]}#\r\n]*")


def positions(text: str) -> Mapping[KeyPath, tuple[int, int]]:
    """Return line and column, from 1, of every key and every item of an array."""
    scanner = _Scanner(text)
    scanner.document()
    starts = [0, *(newline.end() for newline in re.finditer("\n", text))]

    def line_and_column(offset: int) -> tuple[int, int]:
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    return {path: line_and_column(offset) for path, offset in scanner.found.items()}


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.offset = 0
        self.found: dict[KeyPath, int] = {}
        self._tables: dict[KeyPath, int] = {}  # arrays of tables: the index of the last one

    def document(self) -> None:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self.offset < len(self.text):
            if self._at("["):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> KeyPath:
        start = self.offset
        is_array = self.text.startswith("[[", self.offset)
        self.offset += 2 if is_array else 1
        *names, last = self._dotted_key()
        path: KeyPath = ()
        for name in names:
            path = self._latest((*path, name))
        path = (*path, last)
        if is_array:
            self._tables[path] = self._tables.get(path, -1) + 1
            self.found.setdefault(path, start)
        path = self._latest(path)
        self.found.setdefault(path, start)
        self.offset += 2 if is_array else 1
        return path

    def _latest(self, path: KeyPath) -> KeyPath:
        return (*path, self._tables[path]) if path in self._tables else path

    def _pair(self, table: KeyPath) -> None:
        start = self.offset
        path = table
        for name in self._dotted_key():
            path = (*path, name)
            self.found.setdefault(path, start)
        self.offset += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _dotted_key(self) -> list[str]:
        names = []
        while True:
            self._skip(_SPACE)
            names.append(_unquoted(self._skip(_KEY)))
            self._skip(_SPACE)
            if not self._at("."):
                return names
            self.offset += 1

    def _value(self, path: KeyPath) -> None:
        if self._at("["):
            self._array(path)
        elif self._at("{"):
            self._inline_table(path)
        elif self._at('"') or self._at("'"):
            self._skip(_STRING)
        else:
            self._skip(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        self.offset += 1
        index = 0
        self._skip(_BLANK)
        while not self._at("]"):
            self.found[(*path, index)] = self.offset
            self._value((*path, index))
            index += 1
            self._skip_comma()
        self.offset += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.offset += 1
        self._skip(_BLANK)
        while not self._at("}"):
            self._pair(path)
            self._skip_comma()
        self.offset += 1

    def _skip_comma(self) -> None:
        self._skip(_BLANK)
        if self._at(","):
            self.offset += 1
        self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.offset)
        if found is None:  # not reached in a valid document: move on, so that the scan ends
            self.offset += 1
            return ""
        self.offset = found.end()
        return found.group()

    def _at(self, character: str) -> bool:
        if self.offset >= len(self.text):
            msg = "end of document"
            raise EOFError(msg)
        return self.text[self.offset] == character


def _unquoted(key: str) -> str:
    return key[1:-1] if key[:1] in ("'", '"') else key
