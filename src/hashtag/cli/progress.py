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
    is_bar = sys.stderr.isatty() and not os.environ.get("CI")
    shown = _Shown(verb, clock, _BAR_SECONDS if is_bar else _LINE_SECONDS, is_bar=is_bar)
    try:
        yield shown
    finally:
        shown.clear()


class _Shown:
    def __init__(self, verb: str, clock: Callable[[], float], interval: float, *, is_bar: bool) -> None:
        self._verb, self._clock, self._interval, self._is_bar = verb, clock, interval, is_bar
        self._start = clock()
        self._next = self._start + (_QUICK_SECONDS if is_bar else interval)
        self._width = 0

    def __call__(self, files: int, size: int) -> None:
        now = self._clock()
        if now < self._next:
            return
        self._next = now + self._interval
        rate = size / max(now - self._start, 0.001)
        text = f"{self._verb} {files:,} files, {_megabytes(size)}, {_megabytes(rate)}/s"
        if self._is_bar:
            sys.stderr.write(f"\r{text:{self._width}}")
            self._width = len(text)
            sys.stderr.flush()
        else:
            print(text, file=sys.stderr)

    def clear(self) -> None:
        if self._width:
            sys.stderr.write(f"\r{'':{self._width}}\r")
            sys.stderr.flush()


def _megabytes(size: float) -> str:
    return f"{size / 1_000_000:.1f} MB"
