"""`requires = ">=1.0"`: the versions of hashtag that a project can be planned with."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

from hashtag.errors import ConfigError
from hashtag.worktree.given import Where

_OPERATORS: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_CLAUSE = re.compile(r"\s*(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+){0,3})\s*")
_PARTS = 4


def check_requirement(requirement: str, version: str, *, where: Where) -> None:
    """Raise `ConfigError` unless `version` meets every clause of `>=1.0,<3`."""
    for clause in requirement.split(","):
        found = _CLAUSE.fullmatch(clause)
        if found is None:
            raise ConfigError(
                f"{requirement!r} is not a requirement", where=where, hint='write it as ">=1.0" or ">=1.0,<3"'
            )
        if not _OPERATORS[found[1]](_numbers(version), _numbers(found[2])):
            raise ConfigError(
                f"this project requires hashtag {requirement}, this is {version}",
                where=where,
                hint=f"pip install 'hashtag-images{requirement}'",
            )


def _numbers(version: str) -> tuple[int, ...]:
    """Return `1.2` as (1, 2, 0, 0); what follows the numbers (`rc1`, `.dev0`) does not count."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in found.group().split(".")[:_PARTS]] if found else []
    return tuple(numbers + [0] * (_PARTS - len(numbers)))
