"""Places: where in a Dockerfile's text the images are named that it is FROM, copies from or mounts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from attrs import frozen

from hashtag.dockerfile.characters import BYTE_ORDER_MARK, SPACES
from hashtag.dockerfile.fields import fields
from hashtag.dockerfile.lines import JoinedLine, Reader
from hashtag.dockerfile.script import script
from hashtag.dockerfile.statement import Statement, statement
from hashtag.dockerfile.words import blank_separated, first_and_rest, quoted_words
from hashtag.errors import Location

_COPY_FLAG: Final = "--from="
_MOUNT_FLAG: Final = "--mount="
_MOUNT_SOURCE: Final = re.compile(r"""(?:\A--mount=|,)["']?from=([^,"'\s]*)""", re.IGNORECASE)


@frozen
class Place:
    """
    A name in the text.

    Attributes:
        location: Of the FROM, the COPY, or the mount: the parsed instruction's own.
        name: As written, without quotes.
        spans: Where it stands, pairs of start and end, in order; several where the line is continued
            within it, none where it is written so that it cannot be replaced.
    """

    location: Location
    name: str
    spans: tuple[tuple[int, int], ...]


def image_places(text: str, path: str) -> tuple[Place, ...]:
    """Return the places of a Dockerfile that the parser accepts, in their order; none of ONBUILD."""
    source = script(text, path)
    reader = Reader(source)
    reader.read()
    starts = list(accumulate((len(line) for line in source.lines), initial=0))
    if text.startswith(BYTE_ORDER_MARK):  # columns do not count it
        starts[0] = len(BYTE_ORDER_MARK)
    return tuple(place for line in reader.lines for place in _places(line, reader.escape, starts))


def _places(line: JoinedLine, escape: str, starts: list[int]) -> Iterator[Place]:
    name, rest, _ = first_and_rest(line.text.strip(SPACES))
    each = statement(line, name, rest, escape)
    match each.name:
        case "from":
            image = blank_separated(each.arguments)[0]
            yield Place(each.location, image, _spans(line, each.start, each.start + len(image), starts))
        case "copy":
            yield from _copy_places(each, starts)
        case "run":
            yield from _mount_places(each, starts)
        case _:
            return


def _copy_places(each: Statement, starts: list[int]) -> Iterator[Place]:
    for word, raw in _flags(each):
        if word.startswith(_COPY_FLAG):
            start, end = raw
            is_plain = each.line.text.startswith(_COPY_FLAG, start)
            spans = _spans(each.line, start + len(_COPY_FLAG), end, starts) if is_plain else ()
            yield Place(each.location, word.removeprefix(_COPY_FLAG), spans)


def _mount_places(each: Statement, starts: list[int]) -> Iterator[Place]:
    for word, (start, end) in _flags(each):
        name = _mount_source(word)
        if name:
            found = list(_MOUNT_SOURCE.finditer(each.line.text[start:end]))
            is_plain = bool(found) and found[-1][1] == name
            spans = [start + offset for offset in found[-1].span(1)] if is_plain else [0, 0]
            yield Place(each.line.location(start), name, _spans(each.line, spans[0], spans[1], starts))


def _mount_source(word: str) -> str:
    """Return the last `from` of a `--mount`, which is the one that counts."""
    if not word.startswith(_MOUNT_FLAG):
        return ""
    pairs = (field.partition("=") for field in fields(word.removeprefix(_MOUNT_FLAG)) or ())
    return next(reversed([value for key, _, value in pairs if key.lower() == "from"]), "")


def _flags(each: Statement) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield each flag, unquoted, and where it stands in the line's text, with its quotes."""
    ends = [*(flag.offset for flag in each.flags[1:]), each.start]
    for flag, end in zip(each.flags, ends, strict=False):  # without flags, an end too many
        raw = quoted_words(each.line.text[flag.offset : end], each.escape)[0]
        yield flag.text, (flag.offset, flag.offset + len(raw.text))


def _spans(line: JoinedLine, start: int, end: int, starts: list[int]) -> tuple[tuple[int, int], ...]:
    """Return where a part of a joined line stands in the file."""
    ends = [*(piece[0] for piece in line.pieces[1:]), len(line.text)]
    found: list[tuple[int, int]] = []
    for (offset, number, column), stop in zip(line.pieces, ends, strict=True):
        first, last = max(start, offset), min(end, stop)
        if first < last:
            at = starts[number - 1] + column - 1 + first - offset
            found.append((at, at + last - first))
    return tuple(found)
