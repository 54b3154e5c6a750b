"""Ignore rules: which paths of a build context BuildKit does not see.

Sources: BuildKit frontend/dockerui/config.go; moby/patternmatcher v0.6.1, `ignorefile.ReadAll`, `New` and
`MatchesUsingParentResults`; tonistiigi/fsutil filter.go.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator

from attrs import field, frozen
from pathspec import PathSpec
from pathspec.pattern import RegexPattern
from pathspec.util import register_pattern

from hashtag.context import ignore_pattern
from hashtag.context.ignore_pattern import MalformedPattern
from hashtag.errors import IgnoreError, Location, raise_all

# Go's unicode.IsSpace; str.strip() would also take U+001C to U+001F.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# Go's bufio.MaxScanTokenSize, in bytes.
_LONGEST_LINE = 64 * 1024
_UNDECODABLE = re.compile("[\udc80-\udcff]")


class DockerignorePattern(RegexPattern):
    """A pattern by Docker's rules, for pathspec: anchored at the root, matching the path itself only."""

    __slots__ = ()

    @classmethod
    def pattern_to_regex(cls, pattern: str) -> tuple[str, bool]:  # type: ignore[override]
        """Return the expression, and False for an exception (`!`)."""
        is_exception = pattern.startswith("!")
        return rf"\A{ignore_pattern.regex(pattern[is_exception:])}", not is_exception


register_pattern("dockerignore", DockerignorePattern, override=True)


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
class IgnoreRules:
    """The rules of one ignore file; without any, everything is seen."""

    patterns: tuple[IgnorePattern, ...] = ()

    @classmethod
    def parse(cls, text: str | bytes, path: str = ".dockerignore") -> IgnoreRules:
        """
        Return the rules in `text`.

        Args:
            path: Where the text comes from, for messages.

        Raises:
            IgnoreError: For each pattern that BuildKit refuses, all together.
        """
        patterns: list[IgnorePattern] = []
        errors: list[IgnoreError] = []
        for line, written, clean in _read(text, path):
            try:
                patterns.append(_pattern(line, written.strip(_SPACE), clean))
            except MalformedPattern as error:
                errors.append(_refusal(error, line, written, path))
        raise_all(errors)
        return cls(tuple(patterns))

    @property
    def root(self) -> Verdict:
        """The verdict on the context's own root, from which a walk steps down."""
        return Verdict(self, "", (False,) * len(self.patterns), None)

    def excludes(self, path: str) -> bool:
        """Return whether BuildKit's walk leaves out `path`, relative to the context."""
        return self._verdict(path).is_excluded

    def why(self, path: str) -> tuple[int, str] | None:
        """Return line and text of the pattern that excludes `path`; None where it is seen."""
        decider = self._verdict(path).decider
        return None if decider is None else (decider.line, decider.text)

    def _verdict(self, path: str) -> Verdict:
        verdict = self.root
        for name in path.split("/"):
            if name in {"", "."}:
                continue
            if not verdict.is_entered:
                break
            verdict = verdict.enter(name)
        return verdict

    @property
    def exceptions(self) -> tuple[IgnorePattern, ...]:
        """The patterns with `!`."""
        return tuple(pattern for pattern in self.patterns if pattern.is_exception)


@frozen
class Verdict:
    """
    What the rules say of one path, and of what lies below it.

    Attributes:
        path: Relative to the context; empty for its root.
        hits: For each pattern, whether it matched this path or a parent of it when it was asked.
        decider: The pattern that excludes the path; None where it is seen.
    """

    rules: IgnoreRules = field(repr=False)
    path: str
    hits: tuple[bool, ...]
    decider: IgnorePattern | None

    @property
    def is_excluded(self) -> bool:
        """Whether the path itself is left out."""
        return self.decider is not None

    @property
    def is_entered(self) -> bool:
        """
        Whether the walk looks into this folder.

        fsutil filter.go enters an excluded folder where an exception starts with its path, or where any
        exception at all holds a wildcard other than a final `/*` or `/**`.
        """
        if self.decider is None:
            return True
        starts = [_without_trailing_glob(pattern.clean) for pattern in self.rules.exceptions]
        if not all(ignore_pattern.is_literal(start) and "^" not in start for start in starts):
            return True
        return any(f"{start}/".startswith(f"{self.path}/") for start in starts)

    def enter(self, name: str) -> Verdict:
        """
        Return the verdict on an entry of this folder.

        As MatchesUsingParentResults has it, a pattern is asked only if it could turn the verdict, and one
        that was not asked is not remembered for what lies below.
        """
        path = f"{self.path}/{name}" if self.path else name
        decider: IgnorePattern | None = None
        hits = []
        for pattern, inherited in zip(self.rules.patterns, self.hits, strict=True):
            could_turn = pattern.is_exception == (decider is not None)
            hit = inherited or (could_turn and bool(pattern.matches(path)))
            hits.append(hit)
            if hit:
                decider = None if pattern.is_exception else pattern
        return Verdict(self.rules, path, tuple(hits), decider)


def _read(text: str | bytes, path: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, the line, and the pattern as BuildKit cleans it."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    for line, written in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if len(written.encode("utf-8", "surrogatepass")) >= _LONGEST_LINE:
            raise IgnoreError("the line is longer than 64 KiB", where=Location(path, line))
        if not written.startswith("#") and (clean := _clean(written)):
            yield line, written.removesuffix("\r"), clean


def _clean(written: str) -> str:
    # LLB carries the patterns as JSON, in which Go replaces what is not UTF-8.
    pattern = _UNDECODABLE.sub("\ufffd", written).strip(_SPACE)
    if not pattern:
        return ""
    is_exception = pattern.startswith("!")
    if body := pattern[is_exception:].strip(_SPACE) if is_exception else pattern:
        body = _go_clean(body)
        if len(body) > 1:
            body = body.removeprefix("/")
    # `New` trims and cleans once more, so that the `!` of `/!foo` counts.
    again = f"{'!' if is_exception else ''}{body}".strip(_SPACE)
    return _go_clean(again) if again else ""


def _go_clean(path: str) -> str:
    # Go's filepath.Clean knows no double slash at the start, POSIX does.
    clean = posixpath.normpath(path)
    return clean[1:] if clean.startswith("//") else clean


def _pattern(line: int, written: str, clean: str) -> IgnorePattern:
    if clean == "!":
        raise MalformedPattern("nothing follows the !")
    (compiled,) = PathSpec.from_lines("dockerignore", [clean], backend="simple").patterns
    is_exception = not compiled.include
    return IgnorePattern(line, written, clean[is_exception:], is_exception, compiled.match_file)


def _refusal(error: MalformedPattern, line: int, written: str, path: str) -> IgnoreError:
    column = len(written) - len(written.lstrip(_SPACE)) + 1
    return IgnoreError(
        f"BuildKit refuses the pattern {written.strip(_SPACE)!r}: {error}",
        where=Location(path, line, column, written),
        hint="put a backslash before a [ that is meant literally",
    )


def _without_trailing_glob(pattern: str) -> str:
    return pattern.removesuffix("/**").removesuffix("/*")
