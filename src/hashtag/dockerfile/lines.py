"""The normaliser: physical lines to one line an instruction, comments and here-documents taken out.

BuildKit frontend/dockerfile/parser/parser.go, Parse. What dockerfile-parse gets wrong of it is
decided here: byte order mark, CRLF, blank lines and comments within an instruction, a doubled
escape character at the end of a line, where directives may stand, and here-documents.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from attrs import evolve, frozen

from hashtag.dockerfile.characters import BYTE_ORDER_MARK, SPACES, lower
from hashtag.dockerfile.directives import Directive, Repeated, directives
from hashtag.dockerfile.heredoc import heredocs_in
from hashtag.dockerfile.instruction import Heredoc
from hashtag.dockerfile.script import Script
from hashtag.dockerfile.words import NotOnlyTexts, first_and_rest, json_texts, leading_flags
from hashtag.errors import DockerfileError, Location

_WITH_HEREDOCS: Final = frozenset(("add", "copy", "run"))


@frozen
class JoinedLine:
    """
    An instruction on one line.

    Attributes:
        text: The lines joined without anything between them.
        number: Of the first line, from 1.
        pieces: What it was joined from: the offset in `text`, the line's number, and the column.
        heredocs: With their raw content.
    """

    script: Script
    text: str
    number: int
    pieces: tuple[tuple[int, int, int], ...]
    heredocs: tuple[Heredoc, ...] = ()

    @property
    def start(self) -> Location:
        """The place where the instruction starts."""
        _, number, column = self.pieces[0]
        return self.script.location(number, column)

    def location(self, offset: int = 0) -> Location:
        """Return the place of a character of the text."""
        index = bisect_right(self.pieces, (offset, len(self.script.lines) + 1, 0)) - 1
        start, number, column = self.pieces[max(index, 0)]
        return self.script.location(number, column + offset - start)


class Reader:
    """
    Reads a script line by line.

    Attributes:
        escape: The escape character that the directive sets.
        lines: What was read.
        faults: What made reading stop, if anything did.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._taken = 0
        self.escape = "\\"
        self.lines: list[JoinedLine] = []
        self.faults: list[DockerfileError] = []

    def read(self) -> None:
        """Read to the end, or to the first line after which nothing can be understood."""
        try:
            self._skip_directives()
            while self._has_more():
                self._read_one()
        except DockerfileError as fault:
            self.faults.append(fault)

    def _has_more(self) -> bool:
        return self._taken < len(self._script.lines)

    def _take(self) -> str:
        self._taken += 1
        line = self._script.line(self._taken)
        return line.removeprefix(BYTE_ORDER_MARK) if self._taken == 1 else line

    def _skip_directives(self) -> None:
        for directive in directives(self._tops()):
            at = self._script.location(directive.line + 1)
            match directive:
                case Repeated(name):
                    raise DockerfileError(f"only one {name} directive can be used", where=at)
                case Directive("escape", value) if value not in ("\\", "`"):
                    raise DockerfileError(f"the escape character has to be \\ or `, not {value!r}", where=at)
                case Directive("escape", value):
                    self.escape = value
                case _:
                    pass

    def _tops(self) -> Iterator[str]:
        for number in range(1, len(self._script.lines) + 1):
            line = self._script.line(number).rstrip("\r\n")
            yield (line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).lstrip(SPACES)

    def _read_one(self) -> None:
        raw = self._take().rstrip("\r\n")
        line = raw.lstrip(SPACES)
        if not line or line.startswith("#"):
            return
        first = self._taken
        text, is_continued = self._without_continuation(line)
        parts, pieces = [text], [(0, first, len(raw) - len(line) + 1)]
        size = len(text)
        while is_continued and self._has_more():
            raw = self._take().rstrip("\r\n")
            bare = raw.lstrip(SPACES)
            if not bare or bare.startswith("#"):
                continue
            text, is_continued = self._without_continuation(raw)
            parts.append(text)
            pieces.append((size, self._taken, 1))
            size += len(text)
        joined = JoinedLine(self._script, "".join(parts), first, tuple(pieces))
        self.lines.append(evolve(joined, heredocs=self._heredocs(joined)))

    def _without_continuation(self, line: str) -> tuple[str, bool]:
        bare = line.rstrip(" \t")
        # A doubled escape character does not continue the line.
        if not bare.endswith(self.escape) or bare.endswith(self.escape * 2):
            return line, False
        return bare[:-1], True

    def _heredocs(self, line: JoinedLine) -> tuple[Heredoc, ...]:
        if "<<" not in line.text or not _may_start_heredocs(line.text, self.escape):
            return ()
        return tuple(self._with_content(heredoc, line) for heredoc in heredocs_in(line.text))

    def _with_content(self, heredoc: Heredoc, line: JoinedLine) -> Heredoc:
        body: list[str] = []
        while self._has_more():
            raw = self._take()
            end = raw.rstrip("\r\n")
            if (end.lstrip("\t") if heredoc.chomp else end) == heredoc.name:
                return evolve(heredoc, content="".join(body))
            body.append(raw)
        raise DockerfileError(
            f"the here-document {heredoc.name!r} has no end",
            where=line.location(max(line.text.find("<<"), 0)),
            hint=f"end it with a line that holds {heredoc.name} and nothing else",
        )


def _may_start_heredocs(text: str, escape: str) -> bool:
    name, arguments = _command(text, escape)
    if name == "onbuild":
        name, arguments = _command(arguments, escape)
    if name not in _WITH_HEREDOCS:
        return False
    try:
        return json_texts(arguments) is None
    except NotOnlyTexts:  # an error of the instruction, found when it is read
        return False


def _command(text: str, escape: str) -> tuple[str, str]:
    name, rest, _ = first_and_rest(text.strip(SPACES))
    return lower(name), leading_flags(rest, escape)[1].strip(SPACES)
