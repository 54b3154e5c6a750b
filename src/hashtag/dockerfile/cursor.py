"""The cursor of the shell lexer: a place in a text that only moves forward."""

from __future__ import annotations

import re
from typing import Final

from hashtag.dockerfile.characters import BYTE_ORDER_MARK

_SPECIAL_PARAMETERS: Final = frozenset("@*#?-$!0")
_PLAIN: Final = re.compile(r"""[^$<'"\\`}/]+""")


class Malformed(ValueError):
    """A word that cannot be expanded; the message says why."""


class Cursor:
    """A text, and how far it is read."""

    def __init__(self, text: str) -> None:
        # Go text/scanner drops a byte order mark at the start.
        self.text = text.removeprefix(BYTE_ORDER_MARK)
        self.at = 0

    def peek(self) -> str:
        """Return the next character, or nothing at the end."""
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        """Return the next character and pass it; nothing at the end."""
        character = self.peek()
        self.at += len(character)
        return character

    def plain(self) -> str:
        """Return the characters up to the next one that may mean something, at least one."""
        found = _PLAIN.match(self.text, self.at)
        if not found:
            return self.take()
        self.at = found.end()
        return found[0]

    def name(self) -> str:
        """Return the name of a variable or of one of the shell's parameters; nothing where there is none."""
        start = self.at
        if self.peek().isdecimal():
            while self.peek().isdecimal():
                self.at += 1
        elif self.peek() in _SPECIAL_PARAMETERS:
            self.at += 1
        else:
            while _is_of_a_name(self.peek()):
                self.at += 1
        return self.text[start : self.at]


def _is_of_a_name(character: str) -> bool:
    return character.isalpha() or character.isdecimal() or character == "_"
