"""The text of a Dockerfile as its author sees it: numbered lines, and the places in them."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from hashtag.dockerfile.characters import BYTE_ORDER_MARK
from hashtag.errors import DockerfileError, Location

_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_LARGEST: Final = 16 * 1024 * 1024
# Go bufio.MaxScanTokenSize: the line and its end have to be smaller.
_LONGEST_LINE: Final = 64 * 1024 - 1


@frozen
class Script:
    """
    A text to parse.

    Attributes:
        path: Stands in locations.
        text: The whole of it; bytes that are not UTF-8 are surrogates (PEP 383).
        lines: With their ends.
        everywhere: The one location that all of it has, for a text that lies in no file.
    """

    path: str
    text: str
    lines: tuple[str, ...]
    everywhere: Location | None = None

    def location(self, number: int, column: int = 1) -> Location:
        """Return the place in a line; both count from 1."""
        if self.everywhere:
            return self.everywhere
        line = self.lines[number - 1] if 0 < number <= len(self.lines) else ""
        source = line.rstrip("\r\n").removeprefix(BYTE_ORDER_MARK)
        return Location(self.path, number, column, source)

    def line(self, number: int) -> str:
        """
        Return a line, with its end.

        Raises:
            DockerfileError: It is too long for BuildKit.
        """
        line = self.lines[number - 1]
        if len(line) * 4 > _LONGEST_LINE and _size(line.removesuffix("\n")) > _LONGEST_LINE:
            raise DockerfileError(
                f"the line is longer than {_LONGEST_LINE} bytes",
                where=self.location(number)._replace(source=""),
            )
        return line


def script(text: str | bytes, path: str, everywhere: Location | None = None) -> Script:
    """
    Return a text split into lines.

    Raises:
        DockerfileError: It is larger than 16 MiB, or no Unicode.
    """
    where = everywhere or path
    if len(text) > _LARGEST or (isinstance(text, str) and _encoded_size(text, where) > _LARGEST):
        raise DockerfileError("the Dockerfile is larger than 16 MiB", where=where)
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    return Script(path, text, tuple(_LINE.findall(text)), everywhere)


def _encoded_size(text: str, where: Location | str) -> int:
    try:
        return _size(text)
    except UnicodeEncodeError as error:
        raise DockerfileError("the Dockerfile is no Unicode text", where=where) from error


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
