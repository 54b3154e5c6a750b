"""The page and the chart."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

_WIDTH, _LINE, _TEXT = 900, 22, 430
_FONT = 'font-family="sans-serif" font-size="12"'
_DASHED = 'stroke="black" stroke-dasharray="4 3"'


class Row(NamedTuple):
    """One measurement: the goal and what was found; ratios with the medians of both sides in seconds."""

    name: str
    goal: float | None
    found: float
    ours: float | None
    other: float | None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return None if self.goal is None else self.found <= self.goal

    def text(self) -> str:
        """Return the row for a terminal."""
        verdict = {None: "", True: "met", False: "NOT MET"}[self.is_met]
        return (
            f"{self.name:62} {self.found:8.2f} {'' if self.goal is None else f'≤ {self.goal:g}':8} {verdict}"
        )

    def markdown(self) -> str:
        """Return the row for the page."""
        verdict = {None: "", True: "met", False: "**not met**"}[self.is_met]
        name = self.name.replace("|", r"\|")
        cells = (name, "" if self.goal is None else f"≤ {self.goal:g}", f"{self.found:.2f}", verdict)
        times = tuple("" if value is None else f"{value:.2f}" for value in (self.ours, self.other))
        return "| " + " | ".join((*cells, *times)) + " |"


def write_report(folder: Path, rows: Sequence[Row], machine: str) -> None:
    """Put the table between the marks of performance.md, and the chart beside it."""
    page = folder / "performance.md"
    before, _, rest = page.read_text().partition("<!-- measured -->\n")
    _, _, after = rest.partition("<!-- end -->\n")
    table = [
        f"Measured on {machine}",
        "",
        "| measured | goal | found | | ours | other |",
        "|---|---|---|---|---|---|",
        *(row.markdown() for row in rows),
        "",
        "![how the goals are met](performance.svg)",
        "",
    ]
    page.write_text(f"{before}<!-- measured -->\n" + "\n".join(table) + f"<!-- end -->\n{after}")
    (folder / "performance.svg").write_text(chart([row for row in rows if row.goal is not None]))


def chart(rows: Sequence[Row]) -> str:
    """Return bars of what was found as a share of the goal; the line is the goal."""
    height = _LINE * (len(rows) + 1)
    unit = (_WIDTH - _TEXT - 60) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_FONT}>',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
    ]
    for number, row in enumerate(rows):
        share, name = row.found / row.goal, escape(row.name.replace("`", ""))
        length, thick = max(1, min(share, 2) * unit), _LINE - 6
        y = number * _LINE + 4
        colour = "#2e7d32" if row.is_met else "#c62828"
        parts += [
            f'<text x="{_TEXT - 8}" y="{y + 13}" text-anchor="end">{name}</text>',
            f'<rect x="{_TEXT}" y="{y}" width="{length:.0f}" height="{thick}" fill="{colour}"/>',
            f'<text x="{_TEXT + length + 4:.0f}" y="{y + 13}">{row.found:.2f}</text>',
        ]
    x = _TEXT + unit
    parts += [
        f'<line x1="{x:.0f}" x2="{x:.0f}" y1="0" y2="{height - _LINE}" {_DASHED}/>',
        f'<text x="{x:.0f}" y="{height - 6}" text-anchor="middle">the goal</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
