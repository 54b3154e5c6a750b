"""What ignore rules say of a path, as BuildKit's walk asks them: step by step, with the parents' answers."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen


@frozen
class IgnorePattern:
    """
    One rule.

    Attributes:
        line: In the file, from 1.
        text: As written, without the space around it.
        clean: As BuildKit reads it, without the `!`.
        is_exception: `!`: what an earlier pattern excluded is seen again.
        matches: Whether a path itself matches, its parents left aside.
    """

    line: int
    text: str
    clean: str
    is_exception: bool
    matches: Callable[[str], object] = field(repr=False, eq=False)


@frozen
class Verdict:
    """
    What the rules say of one path, and of what lies below it.

    Attributes:
        patterns: All there are.
        exception_starts: What the path of an excluded folder, with a slash, has to begin one of so that the
            folder is entered nevertheless; None: every folder is.
        path: Relative to the context; empty for its root.
        hits: For each pattern, whether it matched this path or a parent of it when it was asked.
        decider: The pattern that excludes the path; None where it is seen.
    """

    patterns: tuple[IgnorePattern, ...] = field(repr=False)
    exception_starts: tuple[str, ...] | None = field(repr=False)
    path: str
    hits: tuple[bool, ...]
    decider: IgnorePattern | None
    _prefix: str = field(init=False, repr=False, eq=False)
    # Read backwards, the first pattern that matches decides; one that hit a parent matches all below it.
    _last_hit: int = field(init=False, repr=False, eq=False)
    _later: tuple[IgnorePattern, ...] = field(init=False, repr=False, eq=False)

    @property
    def is_excluded(self) -> bool:
        """Whether the path itself is left out."""
        return self.decider is not None

    @property
    def is_entered(self) -> bool:
        """
        Whether the walk looks into this folder.

        fsutil filter.go enters an excluded one where an exception starts with its path, and wherever any
        exception at all holds a wildcard other than a final `/*` or `/**`.
        """
        if self.decider is None or self.exception_starts is None:
            return True
        return any(start.startswith(self._prefix) for start in self.exception_starts)

    @property
    def shows_all(self) -> bool:
        """Whether it is known that nothing below is left out, whatever its name."""
        return not self.patterns

    def enter(self, name: str) -> Verdict:
        """
        Return the verdict on an entry of this folder.

        As MatchesUsingParentResults has it, a pattern is asked only if it could turn the verdict, and one
        that was not asked is not remembered for what lies below.
        """
        path = self._prefix + name
        decider: IgnorePattern | None = None
        hits = []
        for pattern, inherited in zip(self.patterns, self.hits, strict=True):
            could_turn = pattern.is_exception == (decider is not None)
            hit = inherited or (could_turn and bool(pattern.matches(path)))
            hits.append(hit)
            if hit:
                decider = None if pattern.is_exception else pattern
        return Verdict(self.patterns, self.exception_starts, path, tuple(hits), decider)

    def excludes(self, name: str) -> bool:
        """Return `enter(name).is_excluded`, for an entry that holds nothing."""
        path = self._prefix + name
        for pattern in self._later:
            if pattern.matches(path):
                return not pattern.is_exception
        return self.decider is not None

    @_prefix.default
    def _path_with_slash(self) -> str:
        return f"{self.path}/" if self.path else ""

    @_last_hit.default
    def _index_of_last_hit(self) -> int:
        return len(self.hits) - 1 - self.hits[::-1].index(True) if True in self.hits else -1

    @_later.default
    def _patterns_after_last_hit(self) -> tuple[IgnorePattern, ...]:
        return self.patterns[self._last_hit + 1 :][::-1]
