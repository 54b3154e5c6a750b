"""YAML as compose reads it, which is not what PyYAML reads by itself.

PyYAML follows YAML 1.1, where `on` is true and `1:30` is ninety. Compose uses go-yaml v3, where
both are texts. What even these two print differently, as `1.10` or `0755`, has to be quoted.
"""

from __future__ import annotations

import re
from typing import Any

from hashtag.errors import ConfigError, Location

_KEYS = 10_000  # of one table
_TAG = "tag:yaml.org,2002:"
_RESOLVED = {
    f"{_TAG}null": r"~|null|Null|NULL|",
    f"{_TAG}bool": r"true|True|TRUE|false|False|FALSE",
    f"{_TAG}int": r"-?(?:0|[1-9][0-9]*)",
    f"{_TAG}merge": r"<<",
    "!ambiguous": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?0[0-9xXoObB_][0-9a-fA-F_]*|[-+]?[0-9][0-9_]*"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?"
    ),
}


class Ambiguous(str):
    """A scalar without quotes that readers of YAML take for different values."""

    __slots__ = ()


def read(text: str, path: str) -> Any:
    """Return what a YAML document holds: tables, lists, texts, whole numbers, true, false, null."""
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise ConfigError("needs PyYAML", where=path, hint="pip install 'hashtag-images[yaml]'") from error

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012  # PyYAML's own name and form

        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            super().flatten_mapping(node)
            # Merged into each other, thirty tables of two keys are a thousand million.
            if len(node.value) > _KEYS:
                raise ValueError("too many keys")  # translated below

    for tag, pattern in _RESOLVED.items():
        Loader.add_implicit_resolver(tag, re.compile(rf"(?:{pattern})$"), None)

    def ambiguous(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Ambiguous:
        return Ambiguous(loader.construct_scalar(node))

    Loader.add_constructor("!ambiguous", ambiguous)
    try:
        return Loader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = Location(path, mark.line + 1, mark.column + 1) if mark else path
        raise ConfigError(f"not YAML: {error.problem}", where=where) from error
    # Control characters, numbers of too many digits, and nesting without end.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError("not YAML that can be read", where=path) from error
