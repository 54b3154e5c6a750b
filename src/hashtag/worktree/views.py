"""Views: how several contexts below one root see it, and which folders are taken whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from hashtag.images.model import Modes

if TYPE_CHECKING:
    from hashtag.context.ignore import IgnoreRules
    from hashtag.context.ignore_automaton import Step
    from hashtag.context.ignore_verdict import Verdict


class View(NamedTuple):
    """
    A context.

    Attributes:
        folder: Relative to the root that is walked; empty where it is the root.
        rules: Its ignore rules; None: everything is in.
    """

    folder: str
    rules: IgnoreRules | None


class Whole(NamedTuple):
    """
    A folder of which all that a context shows is taken.

    Attributes:
        view: The context's number.
        folder: Relative to the root that is walked.
    """

    view: int
    folder: str
    modes: Modes


class Views(NamedTuple):
    """What one walk is for."""

    contexts: Sequence[View]
    wholes: Sequence[Whole] = ()


class State(NamedTuple):
    """
    What holds in one folder.

    Attributes:
        seen: For each context that is entered here its bit, and its verdict, None where nothing below is
            left out.
        wholes: For each Whole that this folder is in its number, its context's bit, and the path from it,
            with a slash.
        bits: Of the contexts that are entered here.
        excluded: Bits of those of them that see the folder only if they see something in it.
        hashed: Bits of those of which the files are taken.
        excludes: What returns the bits of the contexts that exclude a name; None: none does.
    """

    seen: tuple[tuple[int, Step | Verdict | None], ...]
    wholes: tuple[tuple[int, int, str], ...]
    bits: int
    excluded: int
    hashed: int
    excludes: Callable[[str], int] | None


class States:
    """The states of folders, found on the way down."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._starts = _by_folder([view.folder for view in views.contexts])
        self._whole_starts = _by_folder([whole.folder for whole in views.wholes])
        self._leads = {above for view in views.contexts for above in _to(view.folder)}
        self._known: dict[str, State] = {}

    def of(self, path: str) -> State:
        """Return the state of a folder that is entered."""
        state = self._known.get("") or self._known.setdefault("", self._state("", [], []))
        for step in _to(path):
            if step not in self._known:
                below = self.enter(state, step.rpartition("/")[2], step)
                assert below is not None  # noqa: S101 - only what is entered is asked for
                self._known[step] = below
            state = self._known[step]
        return state

    def enter(self, above: State, name: str, path: str) -> State | None:
        """Return the state of a folder in another; None if no context looks into it."""
        wholes = [(number, bit, f"{prefix}{name}/") for number, bit, prefix in above.wholes]
        if above.excludes is None and path not in self._starts and path not in self._whole_starts:
            return State(above.seen, tuple(wholes), above.bits, 0, above.hashed, None)
        seen: list[tuple[int, Step | Verdict | None]] = []
        for bit, verdict in above.seen:
            below = None if verdict is None else verdict.enter(name)
            if below is None or below.shows_all:
                seen.append((bit, None))
            elif below.is_entered:
                seen.append((bit, below))
        if not seen and path not in self._leads:
            return None
        return self._state(path, seen, wholes)

    def _state(
        self, path: str, seen: list[tuple[int, Step | Verdict | None]], wholes: list[tuple[int, int, str]]
    ) -> State:
        for number in self._starts.get(path, ()):
            rules = self._views.contexts[number].rules
            seen.append((1 << number, rules.steps() if rules is not None and rules.patterns else None))
        bits = sum(bit for bit, _ in seen)
        starts = self._whole_starts.get(path, ())
        wholes = [*wholes, *((number, 1 << self._views.wholes[number].view, "") for number in starts)]
        entered = tuple(whole for whole in wholes if whole[1] & bits)
        excluded = hashed = 0
        for bit, verdict in seen:
            if verdict is not None and verdict.is_excluded:
                excluded |= bit
        for _, bit, _ in entered:
            hashed |= bit
        return State(tuple(seen), entered, bits, excluded, hashed, _excluder(seen))


def _excluder(seen: Sequence[tuple[int, Step | Verdict | None]]) -> Callable[[str], int] | None:
    asked = [(bit, verdict.excludes) for bit, verdict in seen if verdict is not None]
    if not asked:
        return None
    if len(asked) == 1:
        ((only, excludes),) = asked
        return lambda name: only if excludes(name) else 0
    return lambda name: sum(bit for bit, excludes in asked if excludes(name))


def _by_folder(folders: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, folder in enumerate(folders):
        found.setdefault(folder, []).append(number)
    return found


def _to(path: str) -> Iterator[str]:
    """Yield the folders on the way to a path below the root, and the path itself."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)
    if path:
        yield path
