"""One pattern of a `.dockerignore` as a regular expression, by the rules of moby/patternmatcher v0.6.1."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from hashtag.context import goregexp
from hashtag.context.goregexp import Counted, Deep, Piece, Repeated
from hashtag.context.simulation import Simulation, TooHard

# Go's unicode.IsSpace; str.strip() would also take U+001C to U+001F.
SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_UNDECODABLE = re.compile("[\udc80-\udcff]")
# With more than these, Python's backtracking could take minutes for one path; Go's never does.
_MOST_WILDCARDS = 3


class MalformedPattern(ValueError):
    """BuildKit refuses the pattern."""


class UncompilablePattern(MalformedPattern):
    """BuildKit refuses the pattern as soon as a path is to be compared with it."""


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
    Return the Python expression that, searched for in a path, is found where `pattern` matches it.

    Args:
        pattern: Clean, without its `!`.

    Raises:
        MalformedPattern: Where Go's `filepath.Match` refuses it.
        UncompilablePattern: Where only `regexp.Compile` does.
    """
    _check_syntax(pattern)
    return _plain(pattern) or goregexp.python(_alternatives(pattern))


def _plain(pattern: str) -> str:
    """Return the expression of what patternmatcher compares as text; nothing where it needs one itself."""
    if is_literal(pattern):
        return rf"\A{re.escape(pattern)}\Z"
    if pattern.startswith("\ufeff**") and is_literal(pattern[3:]):
        return "(?!)"  # a suffix, cut off within the byte order mark
    if pattern.endswith("**") and is_literal(pattern[:-2]):
        return rf"\A{re.escape(pattern[:-2])}"
    if pattern.startswith("**/") and is_literal(pattern[3:]):
        return rf"\A(?:(?s:.*)/)?{re.escape(pattern[3:])}\Z"
    if pattern.startswith("**") and is_literal(pattern[2:]):
        return rf"\A(?s:.*){re.escape(pattern[2:])}\Z"
    return ""


def simulations(pattern: str) -> list[Simulation]:
    """Return what matches a pattern of many wildcards instead of its expression; nothing for one of few."""
    found = [] if _plain(pattern) else _alternatives(pattern)
    wildcards = sum(isinstance(piece, Counted | Deep | Repeated) for pieces in found for piece in pieces)
    if wildcards <= _MOST_WILDCARDS:
        return []
    try:
        return [Simulation(pieces) for pieces in found]
    except TooHard as error:
        raise UncompilablePattern("too many wildcards beside an escape such as \\b or a count") from error


def _alternatives(pattern: str) -> list[list[Piece]]:
    try:
        return goregexp.alternatives(_go_expression(pattern))
    except goregexp.MalformedExpression as error:
        raise UncompilablePattern(str(error)) from error


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
            # patternmatcher means to guard | { } too, but its bitmap ends before them.
            yield f"\\{character}" if character in ".+()$" else character


def _check_syntax(pattern: str) -> None:
    """
    Raise MalformedPattern where Go's `filepath.Match(pattern, ".")` returns ErrBadPattern.

    It gives up at the first text between two stars that does not match, and so reads at most two.
    """
    first, *others = _chunks(pattern)
    if _check_chunk(first) and others:
        _check_chunk(others[0])


def _chunks(pattern: str) -> Iterator[str]:
    """Yield what lies between the stars outside brackets, as Go's `scanChunk` cuts it."""
    is_in_brackets = False
    rest = pattern.lstrip("*")
    start = at = 0
    while at < len(rest):
        match rest[at]:
            case "\\":
                at += 1
            case "[":
                is_in_brackets = True
            case "]":
                is_in_brackets = False
            case "*" if not is_in_brackets:
                yield rest[start:at]
                at += len(rest) - at - len(rest[at:].lstrip("*")) - 1
                start = at + 1
            case _:
                pass
        at += 1
    yield rest[start:]


def _check_chunk(chunk: str) -> bool:
    """Return whether a well-formed chunk matches `.`, and only that."""
    at = count = 0
    matches = False
    while at < len(chunk):
        count += 1
        if chunk[at] == "[":
            at, matches = _brackets(chunk, at)
        else:
            character, at = _character(chunk, at)
            matches = character == "." or chunk[at - 1 : at] == "?" == character
    return count == 1 and matches


def _brackets(chunk: str, at: int) -> tuple[int, bool]:
    is_negated = chunk.startswith("^", at + 1)
    at += 2 if is_negated else 1
    start = at
    holds = False
    while at == start or not chunk.startswith("]", at):
        low, at = _bracket_character(chunk, at)
        high, at = _bracket_character(chunk, at + 1) if chunk.startswith("-", at) else (low, at)
        holds = holds or low <= "." <= high
    return at + 1, holds != is_negated


def _bracket_character(chunk: str, at: int) -> tuple[str, int]:
    if at >= len(chunk) or chunk[at] in "-]":
        raise MalformedPattern("brackets hold nothing, or a range without an end")
    character, at = _character(chunk, at)
    if at >= len(chunk):
        raise MalformedPattern("brackets are not closed")
    return character, at


def _character(chunk: str, at: int) -> tuple[str, int]:
    if chunk[at] != "\\":
        return chunk[at], at + 1
    if at + 1 >= len(chunk):
        raise MalformedPattern("nothing follows the backslash")
    return chunk[at + 1], at + 2
