"""What people read on standard error: errors with their place, warnings, a summary."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TextIO

from hashtag.errors import HashtagError, Location, SeveralErrors
from hashtag.rendering.escape import visible

_RED, _YELLOW, _BLUE, _BOLD, _OFF = "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"
# Characters of a source line; what is longer is cut around the caret.
_LINE_LIMIT = 120
_BUG = """\
This is a bug in hashtag, not a mistake of yours. Please report it with the lines above
(look them through for secrets first), the command line, and the output of `hashtag --version`.
"""


_SAID: set[str] = set()


def begin() -> None:
    """Forget what was said before this run of the command."""
    _SAID.clear()


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether ANSI colours are welcome (no-color.org, and what CI systems show)."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR") not in (None, "", "0"):
        return True
    if stream is sys.stderr and (environ.get("GITLAB_CI") or environ.get("GITHUB_ACTIONS")):
        return True  # their logs are no terminals, but show colours
    return stream.isatty() and environ.get("TERM") != "dumb"


def report(error: HashtagError) -> int:
    """Print what was noticed before an error, and the error, each of several; return its exit status."""
    warn(error.warnings)
    colour = wants_colour(sys.stderr, os.environ)
    for each in error.errors if isinstance(error, SeveralErrors) else (error,):
        for line in lines(each):
            print(line if colour else _plain(line), file=sys.stderr)
    return error.status


def report_bug() -> None:
    """Print the traceback of what is being handled, and what to do with it."""
    import traceback

    traceback.print_exc()
    sys.stderr.write(f"\n{_BUG}")


def warn(warnings: Iterable[str]) -> None:
    """Print warnings, one a line, each once in a run of the command."""
    colour = wants_colour(sys.stderr, os.environ)
    for warning in warnings:
        if warning in _SAID:
            continue
        _SAID.add(warning)
        line = f"{_YELLOW}warning{_OFF}: {visible(warning)}"
        print(line if colour else _plain(line), file=sys.stderr)


def say(text: str) -> None:
    """Print a line."""
    print(visible(text), file=sys.stderr)


def lines(error: HashtagError) -> Iterator[str]:
    """Yield an error in colours: place, code and sentence; the source line with a caret; the hint."""
    where = f"{_BOLD}{visible(error.where)}{_OFF}: " if error.where else ""
    yield f"{where}{_RED}error[{error.code}]{_OFF}: {visible(error.what)}"
    if error.location and error.location.source.strip():
        yield from _excerpt(error.location)
    for line in error.hint.splitlines():
        yield f"{_BLUE}hint{_OFF}: {visible(line)}"


def _excerpt(location: Location) -> Iterator[str]:
    source = location.source.rstrip("\r\n").expandtabs(1)
    column = min(max(location.column, 1), len(source) + 1) - 1
    start = max(0, column - _LINE_LIMIT // 2) if len(source) > _LINE_LIMIT else 0
    shown = visible(source[start : start + _LINE_LIMIT])
    before = len(visible(source[start:column]))
    number = str(location.line)
    yield f"  {number} | {shown}"
    yield f"  {' ' * len(number)} | {' ' * before}{_RED}^{_OFF}"


def _plain(line: str) -> str:
    for code in (_RED, _YELLOW, _BLUE, _BOLD, _OFF):
        line = line.replace(code, "")
    return line
