r"""Go's regular expressions as Python's, as far as an ignore pattern can spell them.

BuildKit turns an ignore pattern into an expression of Go's `regexp` without guarding the letters
behind a backslash, the contents of brackets, `|` and `{}`: `\d` is a digit there, `[[:alpha:]]` a letter,
`a|b*` a choice. Source: Go 1.24, regexp/syntax/parse.go, with the flags of regexp.Compile.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from attrs import frozen

Ranges: TypeAlias = list[tuple[int, int]]

_LAST = 0x10FFFF
_REPLACEMENT = 0xFFFD
_DIGITS: Ranges = [(0x30, 0x39)]
_UPPER: Ranges = [(0x41, 0x5A)]
_LOWER: Ranges = [(0x61, 0x7A)]
_WORD = [*_DIGITS, *_UPPER, (0x5F, 0x5F), *_LOWER]
_PERL = {"d": _DIGITS, "s": [(0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)], "w": _WORD}
_POSIX: dict[str, Ranges] = {
    "alnum": [*_DIGITS, *_UPPER, *_LOWER],
    "alpha": [*_UPPER, *_LOWER],
    "ascii": [(0x00, 0x7F)],
    "blank": [(0x09, 0x09), (0x20, 0x20)],
    "cntrl": [(0x00, 0x1F), (0x7F, 0x7F)],
    "digit": _DIGITS,
    "graph": [(0x21, 0x7E)],
    "lower": _LOWER,
    "print": [(0x20, 0x7E)],
    "punct": [(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)],
    "space": [(0x09, 0x0D), (0x20, 0x20)],
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": [*_DIGITS, (0x41, 0x46), (0x61, 0x66)],
}
_CONTROL = {"a": 0x07, "f": 0x0C, "n": 0x0A, "r": 0x0D, "t": 0x09, "v": 0x0B}
# Without a flag, Go's anchors and word boundaries are those of the whole text and of ASCII.
_ASSERTIONS = {"A": r"\A", "z": r"\Z", "b": r"(?a:\b)", "B": r"(?a:\B)"}
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]+)\}")
_COUNTS = re.compile(r"\{(0|[1-9][0-9]*)(?:(,)(0|[1-9][0-9]*)?)?\}")
_MOST_REPEATS = 1000
_NAMED = re.compile(r"\[:(.*?):\]", re.DOTALL)


class MalformedExpression(ValueError):
    """Go's regexp.Compile would refuse this."""


@frozen
class Single:
    """One character that the Python expression `text` matches."""

    text: str


@frozen
class Repeated:
    """Any number of characters that the Python expression `text` matches."""

    text: str


@frozen
class Deep:
    """`(.*/)?`: any number of whole folders."""


@frozen
class Assertion:
    """A place between characters, as a Python expression."""

    text: str


@frozen
class Counted:
    """A piece `least` to `most` times; None: without end."""

    piece: Piece
    least: int
    most: int | None


Piece: TypeAlias = Single | Repeated | Deep | Assertion | Counted


def alternatives(expression: str) -> list[list[Piece]]:
    """Return what lies between the `|`, piece by piece; MalformedExpression where Go refuses it."""
    found: list[list[Piece]] = [[]]
    at = 0
    is_repeated = False
    while at < len(expression):
        if counts := _COUNTS.match(expression, at):
            if is_repeated or not found[-1]:
                raise MalformedExpression(f"nothing to repeat before {counts[0]}")
            found[-1].append(_counted(found[-1].pop(), counts))
            at = counts.end()
            is_repeated = True
        elif expression[at] == "|":
            found.append([])
            at += 1
            is_repeated = False
        else:
            more, at = _piece(expression, at)
            found[-1] += more
            is_repeated = bool(more) and isinstance(more[-1], Deep | Repeated)
    return found


def _counted(piece: Piece, counts: re.Match[str]) -> Counted:
    least = int(counts[1])
    most = least if counts[2] is None else int(counts[3]) if counts[3] else None
    if least > _MOST_REPEATS or (most is not None and not least <= most <= _MOST_REPEATS):
        raise MalformedExpression(f"invalid repeat count {counts[0]}")
    return Counted(piece, least, most)


def python(found: Sequence[Sequence[Piece]]) -> str:
    """Return the Python expression that finds what the alternatives do."""
    return "|".join("".join(_spelling(piece) for piece in pieces) for pieces in found)


def _spelling(piece: Piece) -> str:
    match piece:
        case Single(text) | Assertion(text):
            return text
        case Repeated(text):
            return f"{text}*"
        case Deep():
            return "(?:.*/)?"
        case Counted(inner, least, most):
            return f"(?:{_spelling(inner)}){{{least},{'' if most is None else most}}}"


def _piece(text: str, at: int) -> tuple[Sequence[Piece], int]:
    match text[at]:
        case "\\":
            return _escape(text, at)
        case "[":
            ranges, is_negated, end = _bracket(text, at)
            spelled = _spelled(ranges, is_negated=is_negated)
            if text.startswith("*", end):
                return [Repeated(spelled)], end + 1
            return [Single(spelled)], end
        case "(":
            return [Deep()], at + len("(.*/)?")
        case ".":
            return [Repeated(".")], at + len(".*")
        case "^" | "$" as anchor:
            return [Assertion(r"\A" if anchor == "^" else r"\Z")], at + 1
        case character:
            return [Single(re.escape(character))], at + 1


def _escape(text: str, at: int) -> tuple[Sequence[Piece], int]:
    letter = text[at + 1 : at + 2]
    if letter == "Q":
        quoted, _, rest = text[at + 2 :].partition("\\E")
        return [Single(re.escape(character)) for character in quoted], len(text) - len(rest)
    if letter in _ASSERTIONS:
        return [Assertion(_ASSERTIONS[letter])], at + 2
    if letter.lower() in _PERL:
        return [Single(_spelled(_perl(letter), is_negated=False))], at + 2
    code, end = _character_escape(text, at)
    return [Single(re.escape(chr(code)))], end


def _perl(letter: str) -> Ranges:
    ranges = _PERL[letter.lower()]
    return _complement(ranges) if letter.isupper() else ranges


def _character_escape(text: str, at: int) -> tuple[int, int]:
    """Return the code point of the escape at the backslash `at`, and where it ends."""
    letter = text[at + 1 : at + 2]
    if octal := _OCTAL.match(text, at + 1):
        return int(octal[0], 8), octal.end()
    if digits := _HEX.match(text, at + 1):
        return _code_point(digits[1] or digits[2]), digits.end()
    if letter in _CONTROL:
        return _CONTROL[letter], at + 2
    if letter and letter.isascii() and not letter.isalnum():
        return ord(letter), at + 2
    raise MalformedExpression(f"invalid escape sequence \\{letter}")


def _code_point(digits: str) -> int:
    code = int(digits, 16)
    if code > _LAST:
        raise MalformedExpression(f"invalid escape sequence \\x{{{digits}}}")
    return code


def _bracket(text: str, at: int) -> tuple[Ranges, bool, int]:
    is_negated = text.startswith("^", at + 1)
    at += 2 if is_negated else 1
    ranges: Ranges = []
    while not (ranges and text.startswith("]", at)):
        more, at = _bracket_item(text, at)
        ranges += more
    return ranges, is_negated, at + 1


def _bracket_item(text: str, at: int) -> tuple[Ranges, int]:
    if (named := _NAMED.match(text, at)) is not None:
        return _posix(named[1]), named.end()
    letter = text[at + 1 : at + 2] if text.startswith("\\", at) else ""
    if letter and letter in "dDsSwW":
        return _perl(letter), at + 2
    low, at = _bracket_character(text, at)
    if not text.startswith("-", at) or text[at + 1 : at + 2] in {"", "]"}:
        return [(low, low)], at
    high, at = _bracket_character(text, at + 1)
    if high < low:
        raise MalformedExpression(f"invalid character class range {chr(low)}-{chr(high)}")
    return [(low, high)], at


def _posix(name: str) -> Ranges:
    known = _POSIX.get(name.removeprefix("^"))
    if known is None:
        raise MalformedExpression(f"invalid character class [:{name}:]")
    return _complement(known) if name.startswith("^") else known


def _bracket_character(text: str, at: int) -> tuple[int, int]:
    if at >= len(text):
        raise MalformedExpression("missing closing ]")
    if text[at] == "\\":
        return _character_escape(text, at)
    return ord(text[at]), at + 1


def _complement(ranges: Ranges) -> Ranges:
    gaps: Ranges = []
    start = 0
    for low, high in ranges:
        if start < low:
            gaps.append((start, low - 1))
        start = high + 1
    return [*gaps, (start, _LAST)]


def _spelled(ranges: Sequence[tuple[int, int]], *, is_negated: bool) -> str:
    spelled = "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)
    # Go reads a byte that is not UTF-8 as U+FFFD; here it is a surrogate escape.
    if any(low <= _REPLACEMENT <= high for low, high in ranges):
        spelled += r"\udc80-\udcff"
    return f"[{'^' if is_negated else ''}{spelled}]"
