"""Pictures: what Mermaid, Graphviz and SVG draw of a plan or a graph."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from attrs import frozen

from hashtag.images.model import Graph
from hashtag.planning.plan import Action, Alias, Build, Failed, Plan


class Kind(Enum):
    """What a node is; the value is its class in the pictures."""

    IMAGE = "image"
    BUILD = "build"
    ALIAS = "alias"
    FAILED = "failed"
    BASE = "base"


# Fill and line; readable in black text on both light and dark pages.
COLOURS = {
    Kind.IMAGE: ("#dbeafe", "#1d4ed8"),
    Kind.BUILD: ("#fde68a", "#b45309"),
    Kind.ALIAS: ("#bbf7d0", "#15803d"),
    Kind.FAILED: ("#fecaca", "#b91c1c"),
    Kind.BASE: ("#e5e7eb", "#6b7280"),
}


@frozen
class Node:
    """
    A box.

    Attributes:
        id: `n0`, `n1`, …: safe in every language.
        label: Not escaped.
    """

    id: str
    label: str
    kind: Kind


@frozen
class Picture:
    """Boxes, bases first, and arrows from what is built from to what is built."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[Node, Node], ...]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that occur."""
        return tuple(kind for kind in Kind if any(node.kind is kind for node in self.nodes))


@frozen
class _Box:
    name: str
    kind: Kind
    parents: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()


def picture(subject: Plan | Graph) -> Picture:
    """Return what there is to draw."""
    boxes = [_box(action) for action in subject] if isinstance(subject, Plan) else _boxes(subject)
    base_names = dict.fromkeys(base for box in boxes for base in box.bases)
    bases = {name: Node(f"n{i}", _familiar(name), Kind.BASE) for i, name in enumerate(base_names)}
    images = {box.name: Node(f"n{i}", box.name, box.kind) for i, box in enumerate(boxes, len(bases))}
    edges: list[tuple[Node, Node]] = []
    for box in boxes:
        edges += [(bases[base], images[box.name]) for base in dict.fromkeys(box.bases)]
        edges += [(images[name], images[box.name]) for name in dict.fromkeys(box.parents) if name in images]
    return Picture((*bases.values(), *images.values()), tuple(edges))


def _box(action: Action) -> _Box:
    match action:
        case Build(target) | Alias(target):
            kind = Kind.BUILD if isinstance(action, Build) else Kind.ALIAS
            return _Box(target.name, kind, target.parents, tuple(base.reference for base in target.bases))
        case Failed(name):
            return _Box(name, Kind.FAILED)


def _boxes(graph: Graph) -> Iterable[_Box]:
    return [_Box(node.image.name, Kind.IMAGE, node.parents, node.bases) for node in graph.nodes]


def _familiar(reference: str) -> str:
    return reference.removeprefix("docker.io/").removeprefix("library/")
