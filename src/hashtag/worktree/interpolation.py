"""`${VAR}` in the strings of a configuration file."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hashtag.errors import ConfigError
from hashtag.worktree.given import Given, Where

# `$${` stands for a literal `${`; `$VAR` without braces is text.
_VARIABLE = re.compile(r"\$\$\{|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<fallback>:-[^}]*)?\})?")


class UndefinedVariable(ConfigError):
    """A configuration names an environment variable that is not set."""

    def __init__(self, name: str, *, where: Where) -> None:
        super().__init__(
            f"variable {name} is not set", where=where, hint=f"set {name}, or write ${{{name}:-default}}"
        )
        self.name = name


def expand(text: str, environ: Mapping[str, str], *, where: Where) -> str:
    """Fill in `${VAR}` and `${VAR:-default}`; raise `UndefinedVariable`."""

    def value(found: re.Match[str]) -> str:
        if found.group() == "$${":
            return "${"
        name, fallback = found["name"], found["fallback"]
        if name is None:
            raise ConfigError(
                "a ${ is not followed by a variable's name and }",
                where=where,
                hint="write ${NAME}, ${NAME:-default}, or $${ for the two characters",
            )
        if fallback is not None:
            return environ.get(name) or fallback.removeprefix(":-")
        if name not in environ:
            raise UndefinedVariable(name, where=where)
        return environ[name]

    return _VARIABLE.sub(value, text)


def expanded(given: Given, environ: Mapping[str, str]) -> Given:
    """Return `given` with the variables of all its strings, keys too, filled in."""
    return given.become(_expanded(given, environ))


def _expanded(given: Given, environ: Mapping[str, str]) -> object:
    match given.value:
        case str(text):
            return expand(text, environ, where=given.where)
        case list(items):
            return [_expanded(given.part(index, item), environ) for index, item in enumerate(items)]
        case dict(table):
            return {
                expand(key, environ, where=given.part(key, value).where): _expanded(
                    given.part(key, value), environ
                )
                for key, value in table.items()
            }
        case other:
            return other
