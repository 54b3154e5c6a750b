"""Words: how the arguments of an instruction are split.

BuildKit frontend/dockerfile/parser/line_parsers.go and split_command.go.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Final

from attrs import frozen

from hashtag.dockerfile.characters import BLANKS, OCTET_SPACES, SPACES, as_octets, from_octets

_BLANKS: Final = re.compile(f"[{BLANKS}]+")
_LONE_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")


class NotOnlyTexts(ValueError):
    """A JSON array has elements that are no strings."""


@frozen
class Word:
    """A word, and where it starts in the text that it was found in."""

    text: str
    offset: int


def blank_separated(text: str) -> tuple[str, ...]:
    """Return the words between blanks; quotes mean nothing."""
    return tuple(_BLANKS.split(text)) if text else ()


def first_and_rest(text: str) -> tuple[str, str, int]:
    """Return the first word, what follows it after blanks, and where that starts."""
    match = _BLANKS.search(text)
    if not match:
        return text, "", len(text)
    return text[: match.start()], text[match.end() :], match.end()


def quoted_words(text: str, escape: str) -> tuple[Word, ...]:
    """Return the words between spaces that are neither quoted nor escaped; quotes and escapes stay."""
    return tuple(Word(match[0], match.start()) for match in _quoted_word(escape).finditer(text))


@cache
def _quoted_word(escape: str) -> re.Pattern[str]:
    e = re.escape(escape)
    return re.compile(
        rf"""(?:{e}.|"(?:{e}.|[^"{e}])*+"?|'[^']*+'?|[^{SPACES}"'{e}])++""",
        re.DOTALL,
    )


def leading_flags(text: str, escape: str) -> tuple[tuple[Word, ...], str]:
    """
    Return the words at the start that begin with `--`, unquoted, and the rest of the text.

    As in BuildKit's extractBuilderFlags, each byte of a flag becomes one character, so that flags
    are not what they look like outside ASCII. A bare `--` ends the flags and is dropped.
    """
    octets = as_octets(text)
    pattern = _flag(escape)
    flags: list[Word] = []
    at = 0
    while match := pattern.match(octets, at):
        flag = _unquoted(match[1], escape)
        at = match.end()
        if flag == "--":
            break
        flags.append(Word(flag, len(from_octets(octets[: match.start(1)]))))
    rest = octets[at:].lstrip(OCTET_SPACES)
    return tuple(flags), from_octets(rest)


@cache
def _flag(escape: str) -> re.Pattern[str]:
    e = re.escape(escape)
    unit = rf"""{e}.|"(?:{e}.|[^"{e}])*+"?|'(?:{e}.|[^'{e}])*+'?|[^{OCTET_SPACES}"'{e}]"""
    # An escape character at the very end is skipped.
    return re.compile(rf"[{OCTET_SPACES}]*+(?=--)((?:{unit})++)(?:{e}\Z)?", re.DOTALL)


def _unquoted(word: str, escape: str) -> str:
    e = re.escape(escape)

    def plain(unit: re.Match[str]) -> str:
        inner = unit[2] or unit[3] or ""
        return unit[1] or re.sub(f"{e}(.)", r"\1", inner, flags=re.DOTALL)

    return re.sub(
        rf"""{e}(.)|"((?:{e}.|[^"{e}])*+)"?|'((?:{e}.|[^'{e}])*+)'?""", plain, word, flags=re.DOTALL
    )


def json_texts(text: str) -> tuple[str, ...] | None:
    """
    Return the texts of a JSON array of strings; None where the text is no JSON array.

    Raises:
        NotOnlyTexts: It is a JSON array of something else.
    """
    text = text.lstrip(SPACES)
    if not text.startswith("["):
        return None
    try:
        elements = json.loads(text, parse_float=_finite, parse_int=_finite, parse_constant=_no_constant)
    except RecursionError as error:
        raise NotOnlyTexts("a JSON array has to hold strings only") from error
    except ValueError:
        return None
    if not all(isinstance(element, str) for element in elements):
        raise NotOnlyTexts("a JSON array has to hold strings only")
    return tuple(_LONE_SURROGATES.sub("\ufffd", element) for element in elements)


def _finite(number: str) -> float:
    # Go's encoding/json refuses a number that no float64 holds, and then it is no JSON.
    value = float(number)
    if value in (float("inf"), float("-inf")):
        raise ValueError(number)
    return value


def _no_constant(name: str) -> float:
    raise ValueError(name)
