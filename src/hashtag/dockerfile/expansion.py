"""Expansion: variables, quotes and escapes in the words of instructions (BuildKit shell/lex.go)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

from hashtag.dockerfile.cursor import Malformed
from hashtag.dockerfile.lexer import Lexer, Reading
from hashtag.errors import ExpansionError, Location

_SHOWN: Final = 80


def expand(word: str, variables: Mapping[str, str], *, escape: str = "\\", location: Location) -> str:
    """
    Return the word with its variables filled in and its quotes and escapes removed.

    Args:
        word: As written.
        variables: What is set; a name absent here expands to nothing.
        escape: The escape character of the Dockerfile.
        location: Stands in the error.

    Raises:
        ExpansionError: The word is malformed, or `${name:?message}` found no value.
    """
    text, _ = _read(word, variables, Reading(escape=escape), location)
    return text


def expand_words(
    word: str, variables: Mapping[str, str], *, escape: str = "\\", location: Location
) -> list[str]:
    """
    Return the words that a word expands to: values without quotes around them are split at spaces.

    As in BuildKit's ProcessWords, what stands right before a `${name…}` with a default, a pattern or
    another operator is lost: `80${X:-80}` is `80`.

    Raises:
        ExpansionError: As `expand`.
    """
    _, words = _read(word, variables, Reading(escape=escape), location)
    return words


def expand_raw(content: str, variables: Mapping[str, str], *, location: Location | None = None) -> str:
    """
    Return the body of a COPY here-document with its variables filled in.

    Quotes mean nothing; a backslash is always the escape character, and is removed (BuildKit
    dockerfile2llb, ExpandRaw).

    Raises:
        ExpansionError: As `expand`.
    """
    text, _ = _read(content, variables, Reading(sees_quotes=False), location)
    return text


def variables_in(word: str, *, escape: str = "\\") -> frozenset[str]:
    """
    Return the names of the variables that a word asks for, nested ones too.

    Of a malformed word: those before the fault. Expanding it raises.
    """
    asked = _Asked()
    with suppress(Malformed):
        Lexer(word, asked, Reading(escape=escape)).read()
    return frozenset(asked.names)


def _read(
    text: str, variables: Mapping[str, str], reading: Reading, location: Location | None
) -> tuple[str, list[str]]:
    try:
        return Lexer(text, variables, reading).read()
    except Malformed as error:
        shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        raise ExpansionError(f"{shown!r} cannot be expanded: {error}", where=location or "") from error


class _Asked(Mapping[str, str]):
    """Variables that all have an empty value that counts as set, and remember who asked."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return ""

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)
