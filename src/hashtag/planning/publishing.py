"""Publishing: which branch may move which published tags. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TypeAlias

from attrs import field, frozen

from hashtag.errors import ConfigError, InvalidReference, PromotionRefused, UsageError
from hashtag.oci.reference import check_tag
from hashtag.planning.zone import is_ours

_PASTE = '[publish]\n"${CI_DEFAULT_BRANCH}" = ["latest"]'


@frozen
class Skipped:
    """
    Nothing is published, and that is right.

    Attributes:
        reason: A sentence for people.
    """

    reason: str


Choice: TypeAlias = tuple[str, ...] | Skipped


@frozen(kw_only=True)
class Policy:
    """
    What may be published from where.

    Attributes:
        publish: Tags by the pattern of a branch; `{branch}` is the branch, `{slug}` its slug.
        default_branch: As CI knows it; where `publish` is empty, it may publish what it is told to.
        is_ci: Whether this is a CI job: a person at a shell may publish any tag.
        slug: Makes a tag of any text, another for each.
    """

    publish: Mapping[str, tuple[str, ...]] = field(hash=False)
    default_branch: str | None = None
    is_ci: bool = False
    slug: Callable[[str], str] = field(eq=False)

    def choose(self, asked: Sequence[str], ref: str | None) -> Choice:
        """
        Return the tags to move for a branch, or why there are none.

        Args:
            asked: On the command line; nothing for all that the policy says.
            ref: The branch or tag that the plan was made for.

        Raises:
            UsageError: Nothing says which tag.
            PromotionRefused: In CI, nothing says whether the branch may publish it.
            InvalidReference: A tag that no registry would take.
        """
        for tag in asked:
            self._check(tag)
        if asked and not self.is_ci:
            return tuple(dict.fromkeys(asked))
        if not self.publish:
            return self._by_default_branch(tuple(dict.fromkeys(asked)), ref)
        allowed = self.tags(ref)
        chosen = tuple(tag for tag in dict.fromkeys(asked or allowed) if tag in allowed)
        if chosen:
            return chosen
        what = " ".join(asked) or "nothing"
        return Skipped(
            f"{_named(ref)} publishes {'no ' if asked else ''}{what}: no pattern of publish says so"
        )

    def tags(self, ref: str | None) -> tuple[str, ...]:
        """Return the tags of every pattern that a branch matches."""
        if ref is None:
            return ()
        found = (tags for pattern, tags in self.publish.items() if fnmatchcase(ref, pattern))
        return tuple(dict.fromkeys(self._filled(tag, ref) for tags in found for tag in tags))

    def _by_default_branch(self, asked: tuple[str, ...], ref: str | None) -> Choice:
        if not asked:
            raise UsageError("which tag?", hint=f"hashtag promote latest, or in hashtag.toml:\n{_PASTE}")
        if self.default_branch is None:
            variable = f"HASHTAG_PUBLISH={ref or 'main'}={asked[0]}"
            raise PromotionRefused(
                f"nothing says whether {_named(ref)} may publish {' '.join(asked)}",
                hint=f"say it in hashtag.toml:\n{_PASTE}\nor in a variable: {variable}",
            )
        if ref != self.default_branch:
            return Skipped(
                f"{_named(ref)} publishes nothing: without [publish] the default branch "
                f"{self.default_branch} alone does"
            )
        return asked

    def _filled(self, template: str, ref: str) -> str:
        tag = template.replace("{slug}", self.slug(ref)).replace("{branch}", ref)
        if "{" in tag or "}" in tag:
            raise ConfigError(
                f"publish: {template!r} is not a tag", hint="known are {branch} and {slug}, its slug"
            )
        try:
            self._check(tag)
        except InvalidReference as error:
            hint = f'write "{{slug}}" in place of "{{branch}}": {self.slug(ref)}; or rename the branch'
            raise InvalidReference(f"branch {ref!r}: {error.what}", where="publish", hint=hint) from error
        return tag

    def _check(self, tag: str) -> None:
        try:
            check_tag(tag)
        except InvalidReference as error:
            hint = f"for example {self.slug(tag)}" if tag else error.hint
            raise InvalidReference(error.what, hint=hint) from error
        if is_ours(tag):
            raise UsageError(f"{tag!r} is a tag that hashtag itself writes", hint="publish another: latest")


def _named(ref: str | None) -> str:
    return f"branch {ref}" if ref else "a checkout of no known branch"
