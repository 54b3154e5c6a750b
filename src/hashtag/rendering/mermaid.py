"""A plan or a graph for Mermaid, which GitLab and GitHub draw in Markdown."""

from __future__ import annotations

from hashtag.images.model import Graph
from hashtag.planning.plan import Plan
from hashtag.rendering.escape import mermaid_text
from hashtag.rendering.picture import COLOURS, Kind, Node, picture


def render(subject: Plan | Graph) -> str:
    """Return a flowchart, from left to right."""
    drawn = picture(subject)
    lines = [
        "flowchart LR",
        *[f"  {_node(node)}" for node in drawn.nodes],
        *[f"  {parent.id} --> {child.id}" for parent, child in drawn.edges],
        *[f"  {_class(kind)}" for kind in drawn.kinds],
    ]
    return "\n".join(lines) + "\n"


def _node(node: Node) -> str:
    start, end = ("([", "])") if node.kind is Kind.BASE else ("[", "]")
    return f'{node.id}{start}"{mermaid_text(node.label)}"{end}:::{node.kind.value}'


def _class(kind: Kind) -> str:
    fill, line = COLOURS[kind]
    return f"classDef {kind.value} fill:{fill},stroke:{line},color:#000"
