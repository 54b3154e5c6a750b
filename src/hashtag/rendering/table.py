"""A plan as a table, for people."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from hashtag.planning.plan import Action, Alias, Build, Failed, Plan, Reason
from hashtag.rendering.escape import visible


class Symbol(Enum):
    """What happens to an image, as one sign."""

    BUILD = "+"
    ALIAS = "="
    FAILED = "!"


@frozen
class Row:
    """
    One image; all texts fit for a terminal.

    Attributes:
        tag: The cache tag, shortened.
        why: The reason, with the parents that are built.
    """

    symbol: Symbol
    name: str
    tag: str
    action: str
    why: str


def rows(plan: Plan) -> tuple[Row, ...]:
    """Return a row for each image, parents first."""
    built = {build.name for build in plan.builds}
    return tuple(_row(action, built) for action in plan)


def _row(action: Action, built: set[str]) -> Row:
    match action:
        case Build(target, reason):
            return Row(
                Symbol.BUILD, visible(target.name), _tag(target.cache_tag), "build", _why(action, built)
            )
        case Alias(target, reason):
            return Row(Symbol.ALIAS, visible(target.name), _tag(target.cache_tag), "alias", reason.value)
        case Failed(name, error, code):
            return Row(Symbol.FAILED, visible(name), "", "failed", visible(f"error[{code}]: {error}"))


def _why(build: Build, built: set[str]) -> str:
    parents = [visible(parent) for parent in build.target.parents if parent in built]
    if build.reason is Reason.PARENT_IS_BUILT and parents:
        return f"{build.reason.value}: {', '.join(parents)}"
    return build.reason.value


def _tag(tag: str) -> str:
    # Enough to tell tags apart; the whole stands in the JSON.
    return f"{tag[:15]}…" if len(tag) > 16 else tag


def heading(plan: Plan) -> str:
    """Return what the plan was made for."""
    count = f"{len(plan)} image{'' if len(plan) == 1 else 's'}"
    tag = f", pipeline tag {visible(plan.pipeline_tag)}" if plan.pipeline_tag else ""
    return f"{count}, {visible(str(plan.repository))}{tag}"


def summary(plan: Plan) -> str:
    """Return the last line, as `Plan: 2 to build, 3 to alias.` stands for five images."""
    failed = f", {len(plan.failed)} failed" if plan.failed else ""
    return f"Plan: {len(plan.builds)} to build, {len(plan.aliases)} to alias{failed}."


def render(plan: Plan) -> str:
    """Return the table in plain text."""
    table = rows(plan)
    name_width = max((len(row.name) for row in table), default=0)
    tag_width = max((len(row.tag) for row in table), default=0)
    lines = [
        f"  {row.symbol.value} {row.name:{name_width}}  {row.tag:{tag_width}}  {row.action:6}  {row.why}"
        for row in table
    ]
    return "\n".join([heading(plan), *lines, summary(plan)]) + "\n"
