"""A plan or a graph for Graphviz."""

from __future__ import annotations

from hashtag.images.model import Graph
from hashtag.planning.plan import Plan
from hashtag.rendering.escape import dot_text
from hashtag.rendering.picture import COLOURS, Kind, Node, picture


def render(subject: Plan | Graph) -> str:
    """Return a directed graph, from left to right."""
    drawn = picture(subject)
    lines = [
        "digraph hashtag {",
        "  rankdir=LR;",
        '  node [shape=box, style="rounded,filled", fontname="sans-serif"];',
        *[f"  {_node(node)}" for node in drawn.nodes],
        *[f"  {parent.id} -> {child.id};" for parent, child in drawn.edges],
        "}",
    ]
    return "\n".join(lines) + "\n"


def _node(node: Node) -> str:
    fill, line = COLOURS[node.kind]
    dashed = ', style="rounded,filled,dashed"' if node.kind is Kind.BASE else ""
    return f'{node.id} [label="{dot_text(node.label)}", fillcolor="{fill}", color="{line}"{dashed}];'
