"""The shell lexer: quotes, escapes and variables of one word, and its split into words.

BuildKit frontend/dockerfile/shell/lex.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from hashtag.dockerfile.characters import BYTE_ORDER_MARK
from hashtag.dockerfile.pattern import MalformedPattern, replaced, without_prefix, without_suffix
from hashtag.dockerfile.splitting import Words

_SPECIAL_PARAMETERS: Final = frozenset("@*#?-$!0")
_DEEPEST: Final = 60
_LONGEST_GROWTH: Final = 4 * 1024 * 1024
_PLAIN: Final = re.compile(r"""[^$<'"\\`}/]+""")


class Malformed(ValueError):
    """A word that cannot be expanded; the message says why, `offset` where in the word."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@frozen(kw_only=True)
class Reading:
    """
    How a text is read.

    Attributes:
        escape: The escape character.
        keeps_quotes: Quotes group, and stay in the result.
        keeps_escapes: Escapes protect, and stay in the result.
        keeps_unset: A variable that is not set stays as written.
        sees_quotes: Quotes mean something at all.
    """

    escape: str = "\\"
    keeps_quotes: bool = False
    keeps_escapes: bool = False
    keeps_unset: bool = False
    sees_quotes: bool = True


class Lexer:
    """One pass over one text."""

    def __init__(self, text: str, variables: Mapping[str, str], reading: Reading) -> None:
        # Go text/scanner drops a byte order mark at the start.
        self._text = text.removeprefix(BYTE_ORDER_MARK)
        self._at = 0
        self._depth = 0
        self._variables = variables
        self._reading = reading
        self._keeps_escapes = reading.keeps_escapes
        self._buffer: list[str] = []

    def read(self) -> tuple[str, list[str]]:
        """Return the text expanded, and the same split into words."""
        return self._until("", keeps_escapes=self._reading.keeps_escapes)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        character = self._text[self._at : self._at + 1]
        self._at += 1 if character else 0
        return character

    def _error(self, message: str) -> Malformed:
        return Malformed(message, self._at)

    def _until(self, stop: str, *, keeps_escapes: bool) -> tuple[str, list[str]]:
        """Read up to the character `stop`, which is consumed, or to the end if that is empty."""
        if self._depth > _DEEPEST:
            raise self._error("the substitutions are nested too deeply")
        before, self._keeps_escapes = self._keeps_escapes, keeps_escapes
        self._depth += 1
        self._buffer.clear()
        words = Words(self._buffer)
        parts: list[str] = []
        size = 0
        while (character := self._peek()) and character != stop:
            parts.append(self._one(character, words))
            size += len(parts[-1])
            if size > len(self._text) + _LONGEST_GROWTH:
                raise self._error("the expanded text is more than 4 MiB longer than the word")
        if stop and not character:
            raise self._error(f"the closing {stop} is missing")
        self._next()
        self._keeps_escapes = before
        self._depth -= 1
        words.end()
        return "".join(parts), words.words

    def _one(self, character: str, words: Words) -> str:
        match character:
            case "$":
                text = self._dollar()
                words.add(text)
                return text
            case "<":
                text = self._less_than()
            case "'" if self._reading.sees_quotes:
                text = self._single_quoted()
            case '"' if self._reading.sees_quotes:
                text = self._double_quoted()
            case self._reading.escape:
                text = self._escaped()
                if not text:
                    return ""
            case _:
                text = self._plain()
                words.add(text)
                return text
        words.add_literally(text)
        return text

    def _plain(self) -> str:
        found = _PLAIN.match(self._text, self._at)
        if not found:
            return self._next()
        self._at = found.end()
        return found[0]

    def _escaped(self) -> str:
        escape = self._next()
        return (escape if self._keeps_escapes else "") + self._next()

    def _less_than(self) -> str:
        # `<< NAME`: the space belongs to the word, so that a here-document is one word.
        start = self._at
        self._next()
        if self._peek() == "<":
            self._next()
            while self._peek() and self._peek() in "\t\r ":
                self._next()
        return self._text[start : self._at]

    def _single_quoted(self) -> str:
        start = self._at
        end = self._text.find("'", start + 1)
        if end < 0:
            raise self._error("the closing ' is missing")
        self._at = end + 1
        return self._text[start : end + 1] if self._reading.keeps_quotes else self._text[start + 1 : end]

    def _double_quoted(self) -> str:
        quote = '"' if self._reading.keeps_quotes else ""
        parts = [quote]
        self._next()
        while (character := self._peek()) != '"':
            if not character:
                raise self._error('the closing " is missing')
            if character == "$":
                parts.append(self._dollar())
            elif self._next() == self._reading.escape:
                parts.append(self._escaped_in_quotes())
            else:
                parts.append(character)
        self._next()
        return "".join([*parts, quote])

    def _escaped_in_quotes(self) -> str:
        escape = self._reading.escape
        kept = escape if self._keeps_escapes else ""
        if not self._peek():
            return kept
        return kept + (self._next() if self._peek() in ('"', "$", escape) else escape)

    # ── variables ────────────────────────────────────────────────────────────────────────────────

    def _dollar(self) -> str:
        start = self._at
        self._next()
        if self._peek() == "{":
            self._next()
            return self._braced(start)
        name = self._name()
        if not name:
            return "$"
        return self._value_or_as_written(name, "$" + name)

    def _value_or_as_written(self, name: str, written: str) -> str:
        value = self._variables.get(name)
        if value is None:
            return written if self._reading.keeps_unset else ""
        return value

    def _name(self) -> str:
        start = self._at
        if self._peek().isdecimal():
            while self._peek().isdecimal():
                self._next()
        elif self._peek() in _SPECIAL_PARAMETERS:
            self._next()
        else:
            while (character := self._peek()) and (
                character.isalpha() or character.isdecimal() or character == "_"
            ):
                self._next()
        return self._text[start : self._at]

    def _braced(self, start: int) -> str:
        if self._peek() in ("", "{", "}", ":"):
            raise self._error("bad substitution")
        name = self._name()
        operator = self._next()
        match operator:
            case "}":
                return self._value_or_as_written(name, "${" + name + "}")
            case ":" | "+" | "-" | "?" | "#" | "%":
                return self._substituted(name, operator + (self._next() if operator == ":" else ""))
            case "/":
                return self._replaced(name)
            case _:
                raise Malformed(f"unsupported modifier {operator!r} in a substitution", start)

    def _substituted(self, name: str, operator: str) -> str:
        kind = operator[-1]
        is_pattern = kind in "#%"
        if is_pattern and operator.startswith(":"):
            raise self._error(f"unsupported modifier {operator!r} in a substitution")
        start = self._at
        word, _ = self._until("}", keeps_escapes=is_pattern)
        written = self._text[start : self._at - 1]
        value = self._variables.get(name)
        if value is None and self._reading.keeps_unset:
            return "${" + name + operator + word + "}"
        if is_pattern:
            return self._trimmed(kind, word, value or "")
        is_missing = value is None or (operator.startswith(":") and not value)
        match kind:
            case "-":
                return word if is_missing else value or ""
            case "+":
                return "" if is_missing else word
            case "?" if is_missing:
                # The message as written: expanded, it could show a value.
                raise self._error(f"{name}: {written or _missing(value)}")
            case "?":
                return value or ""
            case _:
                raise self._error(f"unsupported modifier {operator!r} in a substitution")

    def _trimmed(self, kind: str, word: str, value: str) -> str:
        is_greedy = word.startswith(kind)
        pattern = word[1:] if is_greedy else word
        trim = without_suffix if kind == "%" else without_prefix
        try:
            return trim(value, pattern, greedy=is_greedy)
        except MalformedPattern as error:
            raise self._error(str(error)) from error

    def _replaced(self, name: str) -> str:
        everywhere = self._peek() == "/"
        if everywhere:
            self._next()
        pattern, _ = self._until("/", keeps_escapes=True)
        replacement, _ = self._until("}", keeps_escapes=True)
        value = self._variables.get(name)
        if value is None and self._reading.keeps_unset:
            return "${" + name + "/" + pattern + "/" + replacement + "}"
        try:
            return replaced(value or "", pattern, replacement, everywhere=everywhere)
        except MalformedPattern as error:
            raise self._error(str(error)) from error


def _missing(value: str | None) -> str:
    return "is not allowed to be unset" if value is None else "is not allowed to be empty"
