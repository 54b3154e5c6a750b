"""RENDER: a plan or a graph as text for one kind of reader; one module each. Pure."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hashtag.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from hashtag.images.model import Graph
    from hashtag.planning.plan import Plan

PICTURES = ("mermaid", "dot", "svg")
KINDS = ("table", "json", "dotenv", "bake", "markdown", *PICTURES)


def render(plan: Plan, kind: str) -> str:
    """
    Return a plan as text for one kind of reader, with a line end.

    Args:
        plan: Names in it may be anything; they are escaped as the reader needs it.
        kind: One of `KINDS`.

    Raises:
        UsageError: There is no such kind.
        ConfigError: The kind cannot tell two images' names apart.
    """
    return str(_module(kind, KINDS).render(plan))


def render_graph(graph: Graph, kind: str) -> str:
    """Return a graph as a picture; raise `UsageError` if the kind is not one of `PICTURES`."""
    return str(_module(kind, PICTURES).render(graph))


def check_kind(kind: str, kinds: tuple[str, ...] = KINDS) -> str:
    """Return `kind`; raise `UsageError` if it is not one of `kinds`."""
    if kind not in kinds:
        hint = did_you_mean(kind, kinds) or f"one of {', '.join(kinds)}"
        raise UsageError(f"there is no output {kind!r}", hint=hint)
    return kind


def _module(kind: str, kinds: tuple[str, ...]) -> Any:
    # One module a kind, imported when it is asked for.
    return import_module(f"hashtag.rendering.{check_kind(kind, kinds)}")
