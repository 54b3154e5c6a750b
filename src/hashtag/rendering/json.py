"""A plan as JSON, for scripts."""

from __future__ import annotations

from hashtag.planning.document import to_json
from hashtag.planning.plan import Plan


def render(plan: Plan) -> str:
    """Return the plan document, without what only a saved plan needs."""
    return to_json(plan)
