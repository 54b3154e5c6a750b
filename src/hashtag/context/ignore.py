"""Ignore rules: which paths of a build context BuildKit does not see.

Sources: BuildKit frontend/dockerui/config.go; moby/patternmatcher v0.6.1, `ignorefile.ReadAll`, `New` and
`MatchesUsingParentResults`; tonistiigi/fsutil filter.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import field, frozen
from pathspec import PathSpec
from pathspec.pattern import RegexPattern
from pathspec.util import register_pattern

from hashtag.context import ignore_pattern
from hashtag.context.ignore_automaton import Automaton, Step
from hashtag.context.ignore_pattern import SPACE, MalformedPattern, UncompilablePattern
from hashtag.context.ignore_verdict import IgnorePattern, Verdict
from hashtag.errors import IgnoreError, Location, raise_all

# Go's bufio.MaxScanTokenSize, in bytes.
_LONGEST_LINE = 64 * 1024


class DockerignorePattern(RegexPattern):
    """A pattern by Docker's rules, for pathspec: anchored at the root, matching the path itself only."""

    __slots__ = ("matches",)

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        assert self.regex is not None  # noqa: S101 - pattern_to_regex always returns one
        self.matches: Callable[[str], object] = self.regex.search
        if simulations := ignore_pattern.simulations(pattern.removeprefix("!")):
            self.matches = lambda path: any(simulation.matches(path) for simulation in simulations)
        elif self.regex.pattern.startswith(r"\A") and "|" not in pattern:
            # Anchored: search would find the same, but try every place.
            self.matches = self.regex.match

    def match_file(self, file: str) -> object:
        """Return something true where the pattern matches `file`, else None."""
        return self.matches(file) or None

    @classmethod
    def pattern_to_regex(cls, pattern: str) -> tuple[str, bool]:  # type: ignore[override]
        """Return the expression, and False for an exception (`!`)."""
        is_exception = pattern.startswith("!")
        return ignore_pattern.regex(pattern[is_exception:]), not is_exception


register_pattern("dockerignore", DockerignorePattern, override=True)


@frozen
class IgnoreRules:
    """
    The rules of one ignore file; without any, everything is seen.

    Attributes:
        patterns: In the order of the file; the last one that matches decides.
    """

    patterns: tuple[IgnorePattern, ...] = ()
    # What an excluded folder's path has to begin to be entered nevertheless; None: every one is entered.
    _exception_starts: tuple[str, ...] | None = field(default=(), repr=False, eq=False)

    @classmethod
    def parse(cls, text: str | bytes, path: str = ".dockerignore") -> IgnoreRules:
        """
        Return the rules in `text`.

        Args:
            path: Where the text comes from, for messages.

        Raises:
            IgnoreError: For each pattern that BuildKit refuses, all together.
        """
        patterns = _patterns(_read(text, path), path)
        return cls(patterns, _starts_of_exceptions(patterns))

    @classmethod
    def of(cls, patterns: Iterable[str], path: str = "--exclude") -> IgnoreRules:
        """
        Return the rules of `COPY --exclude` or `--parents`; raise `IgnoreError` as `parse` does.

        fsutil copy.go hands them to patternmatcher as they are: a `/` at the start stays, and one `!`
        is enough that every excluded folder is entered.
        """
        lines = (
            (line, text, ignore_pattern.clean_again(text)) for line, text in enumerate(patterns, start=1)
        )
        rules = _patterns(((line, text, clean) for line, text, clean in lines if clean), path)
        return cls(rules, None if any(rule.is_exception for rule in rules) else ())

    @property
    def root(self) -> Verdict:
        """The verdict on the context's own root, from which a walk steps down."""
        return Verdict(self.patterns, self._exception_starts, "", (False,) * len(self.patterns), None)

    def steps(self) -> Step:
        """Return what a walk of many folders steps down from: it answers as `root` does, but quicker."""
        return Automaton(self).start

    def is_entered(self, prefix: str) -> bool:
        """Whether the walk looks into an excluded folder, whose path with a slash is `prefix`."""
        starts = self._exception_starts
        return starts is None or any(start.startswith(prefix) for start in starts)

    def excludes(self, path: str) -> bool:
        """Return whether BuildKit's walk leaves out `path`, relative to the context."""
        return self._verdict(path).is_excluded

    def why(self, path: str) -> tuple[int, str] | None:
        """Return line and text of the last pattern that excludes `path` or a parent; None if it is seen."""
        if not self.excludes(path):
            return None
        names = [name for name in path.split("/") if name not in {"", "."}]
        paths = ["/".join(names[:count]) for count in range(1, len(names) + 1)]
        return next(
            (pattern.line, pattern.text)
            for pattern in reversed(self.patterns)
            if not pattern.is_exception and any(pattern.matches(each) for each in paths)
        )

    def _verdict(self, path: str) -> Verdict:
        verdict = self.root
        for name in path.split("/"):
            if name in {"", "."}:
                continue
            if not verdict.is_entered:
                break
            verdict = verdict.enter(name)
        return verdict


def _read(text: str | bytes, path: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, the line, and the pattern as BuildKit cleans it."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    for line, written in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if len(written.encode("utf-8", "surrogatepass")) >= _LONGEST_LINE:
            raise IgnoreError("the line is longer than 64 KiB", where=Location(path, line))
        if not written.startswith("#") and (clean := ignore_pattern.clean(written)):
            yield line, written.removesuffix("\r"), clean


def _patterns(lines: Iterable[tuple[int, str, str]], path: str) -> tuple[IgnorePattern, ...]:
    patterns: list[IgnorePattern] = []
    errors: list[IgnoreError] = []
    for line, written, clean in lines:
        is_exception = clean.startswith("!")
        # BuildKit never asks an exception that nothing stands before to except from, however malformed.
        is_asked = not is_exception or any(not pattern.is_exception for pattern in patterns)
        try:
            matches = _matcher(clean, is_asked=is_asked)
        except MalformedPattern as error:
            errors.append(_refusal(error, line, written, path))
        else:
            patterns.append(
                IgnorePattern(line, written.strip(SPACE), clean[is_exception:], is_exception, matches)
            )
    raise_all(errors)
    return tuple(patterns)


def _matcher(clean: str, *, is_asked: bool) -> Callable[[str], object]:
    if clean == "!":
        raise MalformedPattern("nothing follows the !")
    try:
        (compiled,) = PathSpec.from_lines("dockerignore", [clean], backend="simple").patterns
    except UncompilablePattern:
        if is_asked:
            raise
        return _never
    assert isinstance(compiled, DockerignorePattern)  # noqa: S101 - what is registered above
    return compiled.matches


def _never(_path: str) -> None:
    return None


def _refusal(error: MalformedPattern, line: int, written: str, path: str) -> IgnoreError:
    column = len(written) - len(written.lstrip(SPACE)) + 1
    return IgnoreError(
        f"BuildKit refuses the pattern {written.strip(SPACE)!r}: {error}",
        where=Location(path, line, column, written),
        hint="put a backslash before a [ that is meant literally",
    )


def _starts_of_exceptions(patterns: Sequence[IgnorePattern]) -> tuple[str, ...] | None:
    exceptions = [pattern.clean for pattern in patterns if pattern.is_exception]
    starts = [pattern.removesuffix("/**").removesuffix("/*") for pattern in exceptions]
    if any(character in start for start in starts for character in "*?[]^\\"):
        return None
    return tuple(f"{start}/" for start in starts)
