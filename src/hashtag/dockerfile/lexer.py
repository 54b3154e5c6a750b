"""The shell lexer: quotes, escapes and variables of one word, and its split into words.

BuildKit frontend/dockerfile/shell/lex.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from hashtag.dockerfile.cursor import Cursor, Malformed
from hashtag.dockerfile.pattern import MalformedPattern, replaced, without_prefix, without_suffix
from hashtag.dockerfile.splitting import Words

_DEEPEST: Final = 60
_LARGEST: Final = 4 * 1024 * 1024


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
        self._cursor = Cursor(text)
        self._depth = 0
        self._filled_in = 0
        self._variables = variables
        self._reading = reading
        self._keeps_escapes = reading.keeps_escapes
        self._buffer: list[str] = []

    def read(self) -> tuple[str, list[str]]:
        """Return the text expanded, and the same split into words."""
        return self._until("", keeps_escapes=self._reading.keeps_escapes)

    def _until(self, stop: str, *, keeps_escapes: bool) -> tuple[str, list[str]]:
        """Read up to the character `stop`, which is consumed, or to the end if that is empty."""
        if self._depth > _DEEPEST:
            raise Malformed("the substitutions are nested too deeply")
        before, self._keeps_escapes = self._keeps_escapes, keeps_escapes
        self._depth += 1
        self._buffer.clear()
        words = Words(self._buffer)
        parts: list[str] = []
        while (character := self._cursor.peek()) and character != stop:
            parts.append(self._one(character, words))
        if stop and not character:
            raise Malformed(f"the closing {stop} is missing")
        self._cursor.take()
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
                text = self._cursor.plain()
                words.add(text)
                return text
        words.add_literally(text)
        return text

    def _escaped(self) -> str:
        escape = self._cursor.take()
        return (escape if self._keeps_escapes else "") + self._cursor.take()

    def _less_than(self) -> str:
        # `<< NAME`: the space belongs to the word, so that a here-document is one word.
        start = self._cursor.at
        self._cursor.take()
        if self._cursor.peek() == "<":
            self._cursor.take()
            while self._cursor.peek() and self._cursor.peek() in "\t\r ":
                self._cursor.take()
        return self._cursor.text[start : self._cursor.at]

    def _single_quoted(self) -> str:
        start = self._cursor.at
        end = self._cursor.text.find("'", start + 1)
        if end < 0:
            raise Malformed("the closing ' is missing")
        self._cursor.at = end + 1
        return (
            self._cursor.text[start : end + 1]
            if self._reading.keeps_quotes
            else self._cursor.text[start + 1 : end]
        )

    def _double_quoted(self) -> str:
        quote = '"' if self._reading.keeps_quotes else ""
        parts = [quote]
        self._cursor.take()
        while (character := self._cursor.peek()) != '"':
            if not character:
                raise Malformed('the closing " is missing')
            if character == "$":
                parts.append(self._dollar())
            elif self._cursor.take() == self._reading.escape:
                parts.append(self._escaped_in_quotes())
            else:
                parts.append(character)
        self._cursor.take()
        return "".join([*parts, quote])

    def _escaped_in_quotes(self) -> str:
        escape = self._reading.escape
        kept = escape if self._keeps_escapes else ""
        if not self._cursor.peek():
            return kept
        return kept + (self._cursor.take() if self._cursor.peek() in ('"', "$", escape) else escape)

    # ── variables ────────────────────────────────────────────────────────────────────────────────

    def _dollar(self) -> str:
        text = self._substitution()
        # Values can hold values: a few lines could fill any memory.
        self._filled_in += len(text)
        if self._filled_in > _LARGEST:
            raise Malformed("its values are longer than 4 MiB together")
        return text

    def _substitution(self) -> str:
        self._cursor.take()
        if self._cursor.peek() == "{":
            self._cursor.take()
            return self._braced()
        name = self._cursor.name()
        if not name:
            return "$"
        return self._value_or_as_written(name, "$" + name)

    def _value_or_as_written(self, name: str, written: str) -> str:
        value = self._variables.get(name)
        if value is None:
            return written if self._reading.keeps_unset else ""
        return value

    def _braced(self) -> str:
        if self._cursor.peek() in ("", "{", "}", ":"):
            raise Malformed("bad substitution")
        name = self._cursor.name()
        operator = self._cursor.take()
        match operator:
            case "}":
                return self._value_or_as_written(name, "${" + name + "}")
            case ":" | "+" | "-" | "?" | "#" | "%":
                return self._substituted(name, operator + (self._cursor.take() if operator == ":" else ""))
            case "/":
                return self._replaced(name)
            case _:
                raise Malformed(f"unsupported modifier {operator!r} in a substitution")

    def _substituted(self, name: str, operator: str) -> str:
        kind = operator[-1]
        is_pattern = kind in "#%"
        if is_pattern and operator.startswith(":"):
            raise Malformed(f"unsupported modifier {operator!r} in a substitution")
        start = self._cursor.at
        word, _ = self._until("}", keeps_escapes=is_pattern)
        written = self._cursor.text[start : self._cursor.at - 1]
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
                raise Malformed(f"{name}: {written or _missing(value)}")
            case "?":
                return value or ""
            case _:
                raise Malformed(f"unsupported modifier {operator!r} in a substitution")

    def _trimmed(self, kind: str, word: str, value: str) -> str:
        is_greedy = word.startswith(kind)
        pattern = word[1:] if is_greedy else word
        trim = without_suffix if kind == "%" else without_prefix
        try:
            return trim(value, pattern, greedy=is_greedy)
        except MalformedPattern as error:
            raise Malformed(str(error)) from error

    def _replaced(self, name: str) -> str:
        everywhere = self._cursor.peek() == "/"
        if everywhere:
            self._cursor.take()
        pattern, _ = self._until("/", keeps_escapes=True)
        replacement, _ = self._until("}", keeps_escapes=True)
        value = self._variables.get(name)
        if value is None and self._reading.keeps_unset:
            return "${" + name + "/" + pattern + "/" + replacement + "}"
        try:
            return replaced(value or "", pattern, replacement, everywhere=everywhere)
        except MalformedPattern as error:
            raise Malformed(str(error)) from error


def _missing(value: str | None) -> str:
    return "is not allowed to be unset" if value is None else "is not allowed to be empty"
