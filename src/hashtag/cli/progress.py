"""Progress on standard error: a bar on a terminal, a line now and then in CI, nothing for what is quick."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_QUICK_SECONDS = 0.5
_BAR_SECONDS = 0.1
_LINE_SECONDS = 10


@contextmanager
def progress(verb: str, clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[int, int], None]]:
    """Yield what to call with the files and bytes done so far; what it drew is gone afterwards."""
    with _shown(clock) as line:

        def count(files: int, size: int) -> None:
            if line.is_due():
                line.show(f"{verb} {files:,} files, {_megabytes(size)}, {line.rate(size)}")

        yield count


@contextmanager
def copy_progress(clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[int, int], None]]:
    """
    Yield what to call with the bytes of a copy that are there, and of how many; one copy after the other.

    What it drew is gone after each copy.
    """
    with _shown(clock) as line:

        def count(done: int, total: int) -> None:
            if done in (0, total):
                line.clear()
                line.begin()
            elif line.is_due():
                line.show(f"copying {_megabytes(done)} of {_megabytes(total)}, {line.rate(done)}")

        yield count


@contextmanager
def _shown(clock: Callable[[], float]) -> Iterator[_Line]:
    is_bar = sys.stderr.isatty() and not os.environ.get("CI")
    line = _Line(clock, _BAR_SECONDS if is_bar else _LINE_SECONDS, is_bar=is_bar)
    try:
        yield line
    finally:
        line.clear()


class _Line:
    """What is shown now, and when something else is."""

    def __init__(self, clock: Callable[[], float], interval: float, *, is_bar: bool) -> None:
        self._clock, self._interval, self._is_bar = clock, interval, is_bar
        self._width = 0
        self.begin()
        self._next = self._start + (_QUICK_SECONDS if is_bar else interval)

    def begin(self) -> None:
        """Begin to count the seconds of rates."""
        self._start = self._now = self._clock()

    def is_due(self) -> bool:
        """Return whether it is time to show something."""
        self._now = self._clock()
        return self._now >= self._next

    def rate(self, size: int) -> str:
        """Return bytes by the second since the beginning."""
        return f"{_megabytes(size / max(self._now - self._start, 0.001))}/s"

    def show(self, text: str) -> None:
        """Show a text in place of the one before, or in CI below it."""
        self._next = self._now + self._interval
        if self._is_bar:
            sys.stderr.write(f"\r{text:{self._width}}")
            self._width = len(text)
            sys.stderr.flush()
        else:
            print(text, file=sys.stderr)

    def clear(self) -> None:
        """Take away what is shown."""
        if self._width:
            sys.stderr.write(f"\r{'':{self._width}}\r")
            sys.stderr.flush()
            self._width = 0


def _megabytes(size: float) -> str:
    return f"{size / 1_000_000:.1f} MB"
