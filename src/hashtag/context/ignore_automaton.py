"""Ignore rules as an automaton that takes one step for each component of a path.

It gives the answers of `Verdict`, which is the definition. A state is the set of places in the patterns
where a reader of the path may stand, with what `Verdict` remembers of the parents; most folders of a tree
share a few states, and in each a name is looked up, not compared with every pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from hashtag.context.ignore_verdict import IgnorePattern, Verdict

if TYPE_CHECKING:
    from hashtag.context.ignore import IgnoreRules

# A pattern's number, and the number of the component that is to be matched next.
_Place: TypeAlias = tuple[int, int]
_DEEP = "**"
# What may match a slash, or reads otherwise in an expression than it stands there.
_NOT_BY_COMPONENT = frozenset("^|{}[]\\\n\ufeff")
_MOST_STARS = 3


def by_component(pattern: str) -> tuple[str, ...] | None:
    """Return the components of a clean pattern; None where it does not match component by component."""
    parts = tuple(pattern.split("/"))
    if _NOT_BY_COMPONENT & set(pattern):
        return None
    for part in parts:
        if part != _DEEP and (_DEEP in part or part.count("*") > _MOST_STARS):
            return None
    return parts


class Automaton:
    """The states of one set of rules, made as they are reached."""

    def __init__(self, rules: IgnoreRules) -> None:
        self.rules = rules
        self.patterns: Sequence[IgnorePattern] = rules.patterns
        self.parts = [by_component(pattern.clean) for pattern in rules.patterns]
        # Patterns that have to see the whole path.
        self.others = [number for number, parts in enumerate(self.parts) if parts is None]
        self._states: dict[tuple[frozenset[_Place], tuple[bool, ...], bool], State] = {}

    @property
    def start(self) -> Step:
        """The root of the context."""
        places = frozenset((number, 0) for number, parts in enumerate(self.parts) if parts)
        hits = (False,) * len(self.patterns)
        return Step(self, self._state(self._closed(places), hits, is_excluded=False), "")

    def follow(self, state: State, matched: Iterable[_Place], others: Iterable[int]) -> State:
        """Return the state after a name that matched at these places, and these other patterns."""
        places, accepted = set(), set(others)
        for number, at in state.places:
            if self._part(number, at) == _DEEP:
                places.add((number, at))
                if at + 1 == self._length(number):
                    accepted.add(number)
        for number, at in matched:
            if at + 1 == self._length(number):
                accepted.add(number)
            else:
                places.add((number, at + 1))
        is_excluded = False
        hits = []
        # As Verdict.enter.
        for number, pattern in enumerate(self.patterns):
            could_turn = pattern.is_exception == is_excluded
            hit = state.hits[number] or (could_turn and number in accepted)
            hits.append(hit)
            if hit:
                is_excluded = not pattern.is_exception
        # What has hit a parent is not asked again.
        waiting = frozenset(place for place in self._closed(places) if not hits[place[0]])
        return self._state(waiting, tuple(hits), is_excluded=is_excluded)

    def text(self, place: _Place) -> str:
        """Return the component that is matched at a place."""
        return self._part(*place)

    def _part(self, number: int, at: int) -> str:
        parts = self.parts[number]
        assert parts is not None  # noqa: S101 - places are only in these
        return parts[at]

    def _length(self, number: int) -> int:
        parts = self.parts[number]
        assert parts is not None  # noqa: S101 - places are only in these
        return len(parts)

    def _closed(self, places: Iterable[_Place]) -> frozenset[_Place]:
        """Return the places with those that a `**` in front lets one reach without reading."""
        found = set(places)
        waiting = list(found)
        while waiting:
            number, at = waiting.pop()
            following = (number, at + 1)
            if self._part(number, at) == _DEEP and at + 1 < self._length(number) and following not in found:
                found.add(following)
                waiting.append(following)
        return frozenset(found)

    def _state(self, places: frozenset[_Place], hits: tuple[bool, ...], *, is_excluded: bool) -> State:
        key = (places, hits, is_excluded)
        if key not in self._states:
            self._states[key] = State(self, places, hits, is_excluded=is_excluded)
        return self._states[key]


class State:
    """
    What is known of a path, whatever its names were.

    Attributes:
        is_excluded: Whether the path itself is left out.
    """

    __slots__ = (
        "_automaton",
        "_default",
        "_ends",
        "_globs",
        "_hard",
        "_literals",
        "_next",
        "_starts",
        "hits",
        "is_excluded",
        "places",
    )

    def __init__(
        self, automaton: Automaton, places: frozenset[_Place], hits: tuple[bool, ...], *, is_excluded: bool
    ) -> None:
        self._automaton, self.places, self.hits, self.is_excluded = automaton, places, hits, is_excluded
        self._literals: dict[str, list[_Place]] = {}
        self._globs: list[tuple[Callable[[str], object], _Place]] = []
        self._next: dict[tuple[tuple[_Place, ...], tuple[int, ...]], State] = {}
        self._default: State | None = None
        starts, ends, hard = [], [], []
        for place in sorted(places):
            text = automaton.text(place)
            if text == _DEEP:
                continue
            if "*" not in text and "?" not in text:
                self._literals.setdefault(text, []).append(place)
                continue
            self._globs.append((re.compile(_expression(text)).fullmatch, place))
            if "?" not in text and text.count("*") == 1 and text.startswith("*"):
                ends.append(text[1:])
            elif "?" not in text and text.count("*") == 1 and text.endswith("*"):
                starts.append(text[:-1])
            else:
                hard.append(f"(?:{_expression(text)})")
        self._starts, self._ends = tuple(starts), tuple(ends)
        self._hard = re.compile("|".join(hard)).fullmatch if hard else None

    def follow(self, name: str) -> State:
        """Return the state after a name, where no pattern has to see the whole path."""
        literals = self._literals.get(name)
        if (
            literals is None
            and not name.endswith(self._ends)
            and not name.startswith(self._starts)
            and (self._hard is None or not self._hard(name))
        ):
            if self._default is None:
                self._default = self._automaton.follow(self, (), ())
            return self._default
        return self.follow_slowly(name, ())

    def follow_slowly(self, name: str, others: tuple[int, ...]) -> State:
        """Return the state after a name that these other patterns match, with its path."""
        globs = (place for matches, place in self._globs if matches(name))
        matched = (*self._literals.get(name, ()), *globs)
        following = self._next.get((matched, others))
        if following is None:
            following = self._next[matched, others] = self._automaton.follow(self, matched, others)
        return following


class Step:
    """What the rules say of one path, and of what lies below it; in all a `Verdict`, but quicker."""

    __slots__ = ("_automaton", "_prefix", "_state", "is_excluded")

    def __init__(self, automaton: Automaton, state: State, prefix: str) -> None:
        self._automaton, self._state, self._prefix = automaton, state, prefix
        self.is_excluded = state.is_excluded

    @property
    def is_entered(self) -> bool:
        """Whether the walk looks into this folder; see `Verdict.is_entered`."""
        return not self.is_excluded or self._automaton.rules.is_entered(self._prefix)

    @property
    def shows_all(self) -> bool:
        """Whether nothing below is left out, whatever its name: no pattern is left that could match it."""
        return not (self.is_excluded or self._state.places or self._automaton.others)

    def enter(self, name: str) -> Step | Verdict:
        """Return what the rules say of an entry of this folder."""
        if "\n" in name:
            return self._plainly().enter(name)
        return Step(self._automaton, self._follow(name), f"{self._prefix}{name}/")

    def excludes(self, name: str) -> bool:
        """Return `enter(name).is_excluded`, for an entry that holds nothing."""
        if "\n" in name:
            return self._plainly().excludes(name)
        return self._follow(name).is_excluded

    def _follow(self, name: str) -> State:
        if not self._automaton.others:
            return self._state.follow(name)
        path = self._prefix + name
        patterns = self._automaton.patterns
        others = tuple(number for number in self._automaton.others if patterns[number].matches(path))
        return self._state.follow_slowly(name, others)

    def _plainly(self) -> Verdict:
        """Return the verdict itself: in some patterns a line end is matched by nothing."""
        verdict = self._automaton.rules.root
        for name in self._prefix.split("/")[:-1]:
            verdict = verdict.enter(name)
        return verdict


def _expression(text: str) -> str:
    return re.escape(text).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
