"""A plan or a graph as SVG, laid out in columns: each image right of all that it is built from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from unicodedata import east_asian_width

from attrs import frozen

from hashtag.images.model import Graph
from hashtag.planning.plan import Plan
from hashtag.rendering.escape import visible, xml
from hashtag.rendering.picture import COLOURS, Kind, Node, Picture, picture

# Pixels.
_BOX_HEIGHT = 28
_ROW_HEIGHT = 44
_COLUMN_GAP = 64
_MARGIN = 16
_PADDING = 12
_CHARACTER_WIDTH = 7.3
# Characters; a longer label is cut, and stands whole in the box's title.
_LABEL_LIMIT = 40


@frozen
class _Place:
    x: float
    y: float
    width: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def middle(self) -> float:
        return self.y + _BOX_HEIGHT / 2


def render(subject: Plan | Graph) -> str:
    """Return a picture that stands for itself: no script, no font, no link."""
    drawn = picture(subject)
    places = _places(drawn)
    width = max((place.right for place in places.values()), default=0) + _MARGIN
    height = max((place.y + _BOX_HEIGHT for place in places.values()), default=0) + _MARGIN
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="monospace" font-size="12">',
        '  <rect width="100%" height="100%" fill="#fff"/>',
        *[f"  {_arrow(places[parent.id], places[child.id])}" for parent, child in drawn.edges],
        *[f"  {_box(node, places[node.id])}" for node in drawn.nodes],
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _places(drawn: Picture) -> dict[str, _Place]:
    parents: dict[str, list[str]] = {node.id: [] for node in drawn.nodes}
    for parent, child in drawn.edges:
        parents[child.id].append(parent.id)
    places: dict[str, _Place] = {}
    x: float = _MARGIN
    for column in _columns(drawn, parents):
        width = max(_width(_label(node)) for node in column)
        # By the mean height of what a node is built from, so that few arrows cross.
        heights = {node.id: [places[parent].y for parent in parents[node.id]] for node in column}
        ordered = sorted(column, key=lambda node: sum(heights[node.id]) / max(1, len(heights[node.id])))
        for row, node in enumerate(ordered):
            places[node.id] = _Place(x, _MARGIN + row * _ROW_HEIGHT, width)
        x += width + _COLUMN_GAP
    return places


def _columns(drawn: Picture, parents: Mapping[str, Sequence[str]]) -> list[list[Node]]:
    """Return the nodes by the longest way to them; the picture's nodes stand parents first."""
    depth: dict[str, int] = {}
    columns: list[list[Node]] = []
    for node in drawn.nodes:
        depth[node.id] = max((depth[parent] + 1 for parent in parents[node.id]), default=0)
        if len(columns) == depth[node.id]:
            columns.append([])
        columns[depth[node.id]].append(node)
    return columns


def _label(node: Node) -> str:
    text = visible(node.label)
    return text if len(text) <= _LABEL_LIMIT else f"{text[: _LABEL_LIMIT - 1]}…"


def _width(label: str) -> float:
    columns = sum(2 if east_asian_width(character) in "WF" else 1 for character in label)
    return columns * _CHARACTER_WIDTH + 2 * _PADDING


def _box(node: Node, place: _Place) -> str:
    fill, line = COLOURS[node.kind]
    dashed = ' stroke-dasharray="4 2"' if node.kind is Kind.BASE else ""
    return (
        f'<g class="{node.kind.value}"><title>{xml(node.label)}: {node.kind.value}</title>'
        f'<rect x="{place.x:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" height="{_BOX_HEIGHT}" rx="5" '
        f'fill="{fill}" stroke="{line}"{dashed}/>'
        f'<text x="{place.x + _PADDING:.1f}" y="{place.middle + 4:.1f}">{xml(_label(node))}</text></g>'
    )


def _arrow(start: _Place, end: _Place) -> str:
    middle = (start.right + end.x) / 2
    return (
        f'<path d="M{start.right:.1f} {start.middle:.1f} C{middle:.1f} {start.middle:.1f} '
        f'{middle:.1f} {end.middle:.1f} {end.x:.1f} {end.middle:.1f}" fill="none" stroke="#6b7280"/>'
    )
