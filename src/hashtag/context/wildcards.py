"""Wildcards in the sources of COPY and ADD (fsutil copy, ResolveWildcards; Go path/filepath, Match)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, TypeAlias

from hashtag.context.goregexp import Assertion, Repeated, Single
from hashtag.context.listing import Kind, Listing
from hashtag.context.paths import resolve
from hashtag.context.simulation import Simulation
from hashtag.errors import DockerfileError

_Matches: TypeAlias = Callable[[str], object]

_WILD: Final = re.compile(r"(?:[^\\*?\[]|\\.?)*+[*?\[]", re.DOTALL)
_STAR: Final = Repeated("[^/]")
# More stars than this can take too long for an expression that goes back.
_FEW_STARS: Final = 2


def has_wildcard(path: str) -> bool:
    """Whether a path has `*`, `?` or `[` that no backslash precedes."""
    return bool(_WILD.match(path))


def glob(listing: Listing, pattern: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """
    Yield what a clean pattern matches, in the order of a walk, with the links on the way to it.

    Folders before the first wildcard may be links; behind it links are matched, not entered.

    Raises:
        DockerfileError: The pattern is malformed.
    """
    parts = pattern.split("/")
    first = next(index for index, part in enumerate(parts) if has_wildcard(part))
    rest = "/".join(parts[first:])
    matchers = _by_folder(rest)
    start = resolve(listing, "/".join(parts[:first]))
    if start is None:
        return
    if matchers:
        found = _descend(listing, start.path, matchers)
    else:
        found = _walk(listing, start.path, _of_the_whole(rest))
    for path in found:
        yield path, start.links


def _descend(listing: Listing, start: str, matchers: tuple[_Matches, ...]) -> Iterator[str]:
    """Yield what matches component by component."""
    waiting = [(start, 0)]
    while waiting:
        path, depth = waiting.pop()
        if depth == len(matchers):
            yield path
        elif not depth or listing[path].kind is Kind.FOLDER:
            names = [name for name in listing.children(path) if matchers[depth](name)]
            waiting.extend((f"{path}/{name}" if path else name, depth + 1) for name in reversed(names))


def _walk(listing: Listing, start: str, matches: _Matches) -> Iterator[str]:
    """Yield what matches below a folder, relative to which a path is matched; a match is not entered."""
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        path = "/".join(filter(None, (start, inside)))
        if inside and matches(inside):
            yield path
        elif not inside or listing[path].kind is Kind.FOLDER:
            names = reversed(listing.children(path))
            waiting.extend(f"{inside}/{name}" if inside else name for name in names)


@lru_cache
def _by_folder(pattern: str) -> tuple[_Matches, ...]:
    """Return a matcher for each component; none where a class may match the `/` between them."""
    if "[" in pattern:
        return ()
    return tuple(re.compile(_without_return(_pieces(part))).fullmatch for part in pattern.split("/"))


@lru_cache
def _of_the_whole(pattern: str) -> _Matches:
    pieces = _pieces(pattern)
    if pieces.count(_STAR) > _FEW_STARS:
        return Simulation([Assertion(r"\A"), *pieces, Assertion(r"\Z")]).matches
    texts = (piece.text + "*" if isinstance(piece, Repeated) else piece.text for piece in pieces)
    return re.compile("".join(texts)).fullmatch


def _without_return(pieces: list[Single | Repeated]) -> str:
    """
    Return an expression that goes back over the last star at most.

    The others may take as little as they can, and keep it: what follows cannot reach less by that.
    """
    parts = [""]
    for piece in pieces:
        if isinstance(piece, Repeated):
            parts.append("")
        else:
            parts[-1] += piece.text
    first, *rest = parts
    stars = [f"(?>[^/]*?{part})" for part in rest[:-1]] + [f"[^/]*{part}" for part in rest[-1:]]
    return first + "".join(stars)


def _pieces(pattern: str) -> list[Single | Repeated]:
    pieces: list[Single | Repeated] = []
    index = 0
    while index < len(pattern):
        character = pattern[index]
        index += 1
        match character:
            case "*" if pieces[-1:] == [_STAR]:
                continue
            case "*":
                pieces.append(_STAR)
            case "?":
                pieces.append(Single("[^/]"))
            case "[":
                text, index = _class(pattern, index)
                pieces.append(Single(text))
            case "\\" if index == len(pattern):
                raise DockerfileError(f"{pattern!r} ends in a backslash")
            case "\\":
                pieces.append(Single(re.escape(pattern[index])))
                index += 1
            case _:
                pieces.append(Single(re.escape(character)))
    return pieces


def _class(pattern: str, index: int) -> tuple[str, int]:
    negated = pattern[index : index + 1] == "^"
    index += negated
    ranges: list[str] = []
    count = 0
    while not (count and pattern[index : index + 1] == "]"):
        low, index = _class_character(pattern, index)
        high = low
        if pattern[index : index + 1] == "-":
            high, index = _class_character(pattern, index + 1)
        if low <= high:  # a range that runs backwards matches nothing
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
        count += 1
    body = "".join(ranges)
    if not body:
        return ("(?s:.)" if negated else "(?!)"), index + 1
    return f"[{'^' if negated else ''}{body}]", index + 1


def _class_character(pattern: str, index: int) -> tuple[str, int]:
    character = pattern[index : index + 1]
    if character == "\\":
        index += 1
        character = pattern[index : index + 1]
    elif character in ("-", "]"):
        character = ""
    if not character:
        raise DockerfileError(f"{pattern!r} has a malformed character class")
    return character, index + 1
