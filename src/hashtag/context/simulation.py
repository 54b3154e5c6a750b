"""Matching in linear time what would make a backtracking expression go through every way to split a path."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hashtag.context.goregexp import Assertion, Counted, Deep, Piece, Repeated, Single

_START, _END = Assertion(r"\A"), Assertion(r"\Z")
_ANYTHING = Repeated("(?s:.)")


class TooHard(ValueError):
    """Pieces that cannot be simulated."""


class Simulation:
    """
    All places in a pattern where a reader of a path may stand, as the bits of a number.

    Bit `n` is the place before the n-th step; the last is the end. A Deep takes two steps: before its
    first character, and within it.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._steps = [step for piece in _of_the_whole(pieces) for step in _steps(piece)]
        self._moves: dict[str, tuple[int, int, int]] = {}
        # From a Repeated or a Deep, the reader may also go on without reading anything.
        self._free = [(1 << at, 1 << at + step.free) for at, step in enumerate(self._steps) if step.free]

    def matches(self, path: str) -> bool:
        """Return whether the pieces match the whole path."""
        places = self._freely(1)
        for character in path:
            stay, one, two = self._moves.get(character) or self._learn(character)
            places = self._freely((places & stay) | (places & one) << 1 | (places & two) << 2)
            if not places:
                return False
        return bool(places >> len(self._steps))

    def _freely(self, places: int) -> int:
        for start, end in self._free:
            if places & start:
                places |= end
        return places

    def _learn(self, character: str) -> tuple[int, int, int]:
        moves = [0, 0, 0]
        for at, step in enumerate(self._steps):
            for length, expression in enumerate(step.moves):
                if expression is not None and expression.fullmatch(character):
                    moves[length] |= 1 << at
        return self._moves.setdefault(character, (moves[0], moves[1], moves[2]))


class _Step:
    """What may be read at a place to stay there, to go one on, two on; and how far one goes on freely."""

    __slots__ = ("free", "moves")

    def __init__(self, *moves: str | None, free: int = 0) -> None:
        self.moves = [None if text is None else re.compile(text) for text in moves]
        self.free = free


def _of_the_whole(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces without their anchors, and with what may surround them where they have none."""
    whole = list(pieces)
    if not whole or whole[0] != _START:
        whole.insert(0, _ANYTHING)
    if whole[-1] != _END:
        whole.append(_ANYTHING)
    while whole and whole[0] == _START:
        whole.pop(0)
    while whole and whole[-1] == _END:
        whole.pop()
    return whole


def _steps(piece: Piece) -> list[_Step]:
    match piece:
        case Single(text):
            return [_Step(None, text)]
        case Repeated(text):
            return [_Step(text, free=1)]
        case Deep():
            return [_Step(None, ".", "/", free=2), _Step(".", "/")]
        case Counted(Single(text), least, most):
            more = [_Step(text, free=1)] if most is None else [_Step(None, text, free=1)] * (most - least)
            return [_Step(None, text)] * least + more
        case Assertion() | Counted():
            raise TooHard(piece)
