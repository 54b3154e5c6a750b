"""The table of a plan on a terminal, in colours; plain text for everybody else."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from hashtag.cli.terminal import wants_colour
from hashtag.rendering.table import Symbol, heading, render, rows, summary

if TYPE_CHECKING:
    from hashtag.planning.plan import Plan

_STYLES = {Symbol.BUILD: "yellow", Symbol.ALIAS: "green", Symbol.FAILED: "red"}


def table(plan: Plan) -> str:
    """Return the table as standard output likes it."""
    return _coloured(plan) if wants_colour(sys.stdout, os.environ) else render(plan)


def _coloured(plan: Plan) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for row in rows(plan):
        # Text: what stands in square brackets is no markup here.
        texts = (f"  {row.symbol.value}", row.name, row.tag, row.action, row.why)
        drawn.add_row(*[Text(text, style=_STYLES[row.symbol]) for text in texts])
    import shutil

    width = max(80, shutil.get_terminal_size().columns)
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=width)
    with console.capture() as captured:
        console.print(Text(heading(plan), style="bold"))
        console.print(drawn)
        console.print(Text(summary(plan), style="bold"))
    return captured.get()
