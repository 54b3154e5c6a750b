"""Statements: an instruction's name, flags and arguments, not understood yet."""

from __future__ import annotations

from attrs import frozen

from hashtag.dockerfile.characters import SPACES, lower
from hashtag.dockerfile.instruction import Heredoc
from hashtag.dockerfile.lines import JoinedLine
from hashtag.dockerfile.words import Word, first_and_rest, leading_flags
from hashtag.errors import DockerfileError, Location


@frozen
class Statement:
    """
    One instruction of the file (BuildKit parser, splitCommand).

    Attributes:
        name: In lower case.
        flags: With their `--`, unquoted; the offsets count from the start of the line's text.
        arguments: What follows the flags.
        start: Where the arguments start in the line's text.
        escape: The escape character.
    """

    line: JoinedLine
    name: str
    flags: tuple[Word, ...]
    arguments: str
    start: int
    escape: str

    @property
    def keyword(self) -> str:
        """The name as messages show it."""
        return self.name.upper()

    @property
    def text(self) -> str:
        """The whole instruction on one line."""
        return self.line.text.strip(SPACES)

    @property
    def location(self) -> Location:
        """Where the instruction starts."""
        return self.line.start

    @property
    def heredocs(self) -> tuple[Heredoc, ...]:
        """The here-documents that follow, with their raw content."""
        return self.line.heredocs

    def at(self, word: str) -> int:
        """Return where a word stands last in the line's text; where the arguments start if it does not."""
        return self.start + max(self.arguments.rfind(word), 0)

    def error(self, what: str, *, offset: int = 0, hint: str = "") -> DockerfileError:
        """Return an error that points at a character of the line's text."""
        return DockerfileError(what, where=self.line.location(offset), hint=hint)


def statement(line: JoinedLine, name: str, rest: str, escape: str) -> Statement:
    """Return the statement of a line that was split after its first word."""
    offset = len(line.text.rstrip(SPACES)) - len(rest)
    flags, after_flags = leading_flags(rest, escape)
    return Statement(
        line=line,
        name=lower(name),
        flags=tuple(Word(flag.text, offset + flag.offset) for flag in flags),
        arguments=after_flags.strip(SPACES),
        start=offset + len(rest) - len(after_flags.lstrip(SPACES)),
        escape=escape,
    )


def nested(outer: Statement) -> Statement:
    """Return the statement that the arguments of an ONBUILD are."""
    name, rest, _ = first_and_rest(outer.arguments)
    return statement(outer.line, name, rest, outer.escape)
