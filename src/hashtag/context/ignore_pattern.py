"""One pattern of a `.dockerignore` as a regular expression, by the rules of moby/patternmatcher v0.6.1."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from hashtag.context import goregexp
from hashtag.context.goregexp import Assertion, Deep, Piece, Repeated
from hashtag.context.simulation import Simulation

# Go's unicode.IsSpace; str.strip() would also take U+001C to U+001F.
SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_UNDECODABLE = re.compile("[\udc80-\udcff]")
# With more than these, Python's backtracking could take minutes for one path; Go's never does.
_MOST_WILDCARDS = 3


class MalformedPattern(ValueError):
    """BuildKit refuses the pattern."""


def clean(written: str) -> str:
    """Return the pattern of a line as ReadAll and New read it, with its `!`; empty where there is none."""
    # LLB carries the patterns as JSON, in which Go replaces what is not UTF-8.
    pattern = _UNDECODABLE.sub("\ufffd", written).strip(SPACE)
    if not pattern:
        return ""
    is_exception = pattern.startswith("!")
    if body := pattern[is_exception:].strip(SPACE) if is_exception else pattern:
        body = _go_clean(body)
        if len(body) > 1:
            body = body.removeprefix("/")
    return clean_again(f"{'!' if is_exception else ''}{body}")


def clean_again(pattern: str) -> str:
    """Return the pattern as `New` reads it: so it is that the `!` of a line `/!foo` counts."""
    trimmed = pattern.strip(SPACE)
    return _go_clean(trimmed) if trimmed else ""


def _go_clean(path: str) -> str:
    # Go's filepath.Clean knows no double slash at the start, POSIX does.
    clean = posixpath.normpath(path)
    return clean[1:] if clean.startswith("//") else clean


def regex(pattern: str) -> str:
    """
    Return the Python expression that matches, from the start, the whole paths that `pattern` matches.

    Args:
        pattern: Clean, without its `!`.

    Raises:
        MalformedPattern: Where Go's `filepath.Match` or `regexp.Compile` refuses it.
    """
    _check_syntax(pattern)
    if is_literal(pattern):
        return rf"{re.escape(pattern)}\Z"
    if pattern.endswith("**") and is_literal(pattern[:-2]):
        return re.escape(pattern[:-2])
    if pattern.startswith("**/") and is_literal(pattern[3:]):
        return rf"(?:(?s:.*)/)?{re.escape(pattern[3:])}\Z"
    if pattern.startswith("**") and is_literal(pattern[2:]):
        return rf"(?s:.*){re.escape(pattern[2:])}\Z"
    return goregexp.python(_pieces(pattern))


def simulation(pattern: str) -> Simulation | None:
    """Return what matches a pattern of many wildcards instead of its expression; None for one of few."""
    *between, last = _pieces(pattern)[1:]
    wildcards = sum(isinstance(piece, Deep | Repeated) for piece in between)
    if wildcards <= _MOST_WILDCARDS:
        return None
    if not isinstance(last, Assertion) or any(isinstance(piece, Assertion) for piece in between):
        raise MalformedPattern("too many wildcards beside an escape such as \\b or \\Q")
    return Simulation(between)


def _pieces(pattern: str) -> list[Piece]:
    try:
        return list(goregexp.pieces(_go_expression(pattern)))
    except goregexp.MalformedExpression as error:
        raise MalformedPattern(str(error)) from error


def is_literal(text: str) -> bool:
    """Return whether `text` stands for itself; `^` does, where nothing else makes it an expression."""
    return not any(character in text for character in "*?[]\\")


def _go_expression(pattern: str) -> str:
    """Return the expression that patternmatcher's `Pattern.compile` writes, quirks in brackets included."""
    # Go's text/scanner drops a byte order mark at the start.
    return f"^{''.join(_go_pieces(pattern.removeprefix(chr(0xFEFF))))}$"


def _go_pieces(pattern: str) -> Iterator[str]:
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if pattern.startswith("**", at - 1):
            at += 2 if pattern.startswith("/", at + 1) else 1
            yield "(.*/)?" if at < len(pattern) else ".*"
        elif character == "*":
            yield "[^/]*"
        elif character == "?":
            yield "[^/]"
        elif character == "\\":
            yield pattern[at - 1 : at + 1]
            at += 1
        else:
            yield f"\\{character}" if character in ".+()|{}$" else character


def _check_syntax(pattern: str) -> None:
    """Raise MalformedPattern where Go 1.24's `filepath.Match` returns ErrBadPattern."""
    for chunk in _chunks(pattern):
        at = 0
        while at < len(chunk):
            if chunk[at] == "[":
                at = _after_brackets(chunk, at)
            elif chunk[at] == "\\":
                at = _after_escape(chunk, at)
            else:
                at += 1


def _chunks(pattern: str) -> Iterator[str]:
    """Yield what lies between the stars outside brackets, as Go's `scanChunk` cuts it."""
    is_in_brackets = False
    start = at = 0
    while at < len(pattern):
        match pattern[at]:
            case "\\":
                at += 1
            case "[":
                is_in_brackets = True
            case "]":
                is_in_brackets = False
            case "*" if not is_in_brackets:
                yield pattern[start:at]
                start = at + 1
            case _:
                pass
        at += 1
    yield pattern[start:]


def _after_escape(chunk: str, at: int) -> int:
    if at + 1 >= len(chunk):
        raise MalformedPattern("nothing follows the backslash")
    return at + 2


def _after_brackets(chunk: str, at: int) -> int:
    at += 2 if chunk.startswith("^", at + 1) else 1
    start = at
    while at == start or not chunk.startswith("]", at):
        at = _after_bracket_character(chunk, at)
        if chunk.startswith("-", at):
            at = _after_bracket_character(chunk, at + 1)
    return at + 1


def _after_bracket_character(chunk: str, at: int) -> int:
    if at >= len(chunk) or chunk[at] in "-]":
        raise MalformedPattern("brackets hold nothing, or a range without an end")
    at = _after_escape(chunk, at) if chunk[at] == "\\" else at + 1
    if at >= len(chunk):
        raise MalformedPattern("brackets are not closed")
    return at
