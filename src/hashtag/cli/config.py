"""hashtag config: every setting and where it comes from."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from hashtag.cli.options import add_project_options, open_project
from hashtag.cli.outputs import add_output_option, wanted, write_all
from hashtag.rendering.escape import visible

if TYPE_CHECKING:
    from hashtag.worktree.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    add_output_option(parser, "text", "json")
    add_project_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the settings as they hold here and now."""
    settings = open_project(arguments).settings
    write_all(wanted(arguments), lambda kind: _text(settings) if kind == "text" else _json(settings))
    return 0


def _text(settings: Settings) -> str:
    width = max(len(row.name) for row in settings.rows)
    return "".join(
        f"{visible(row.name):{width}} = {visible(row.value)}  ({visible(row.origin)})\n"
        for row in settings.rows
    )


def _json(settings: Settings) -> str:
    document = {row.name: {"value": row.value, "origin": row.origin} for row in settings.rows}
    return json.dumps(document, indent=2) + "\n"
