"""Splitting: expanded text to words, at the spaces that no quote protects."""

from __future__ import annotations

import re
from typing import Final

from hashtag.dockerfile.characters import SPACES

_RUNS: Final = re.compile(f"[{SPACES}]+|[^{SPACES}]+")


class Words:
    """The words of a text; they share one buffer with those of the texts nested in it, as in BuildKit."""

    def __init__(self, buffer: list[str]) -> None:
        self.buffer = buffer
        self.words: list[str] = []
        self.is_inside = False

    def add(self, text: str) -> None:
        """Add text whose spaces separate words."""
        for run in _RUNS.findall(text):
            if run[0] not in SPACES:
                self.add_literally(run)
            elif self.is_inside and self.end():
                self.is_inside = False

    def add_literally(self, text: str) -> None:
        """Add text whose spaces are part of the word."""
        if text:
            self.buffer.append(text)
        self.is_inside = True

    def end(self) -> bool:
        """End the word; return whether there was one."""
        if not self.buffer:
            return False
        self.words.append("".join(self.buffer))
        self.buffer.clear()
        return True
