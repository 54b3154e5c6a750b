"""A plan as a Markdown table, for job summaries and merge requests."""

from __future__ import annotations

from hashtag.planning.plan import Plan
from hashtag.rendering.escape import markdown_text
from hashtag.rendering.table import heading, rows, summary


def render(plan: Plan) -> str:
    """Return the table, with what the plan was made for above and the summary below."""
    cells = [(row.name, row.action, row.why, row.tag) for row in rows(plan)]
    lines = [f"| {' | '.join(map(markdown_text, row))} |" for row in cells]
    table = ["| image | action | why | cache tag |", "| --- | --- | --- | --- |", *lines]
    return "\n".join([markdown_text(heading(plan)), "", *table, "", summary(plan)]) + "\n"
