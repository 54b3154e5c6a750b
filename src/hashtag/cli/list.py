"""hashtag list: the images, for people and for other tools."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from hashtag.cli.options import add_project_options, open_project
from hashtag.cli.outputs import add_output_option, wanted, write_all
from hashtag.rendering.escape import visible

if TYPE_CHECKING:
    from hashtag.images.model import Graph


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    add_output_option(parser, "text", "json")
    parser.add_argument("images", metavar="IMAGE", nargs="*", help="with all it is built from (default: all)")
    add_project_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the images, parents before children; no registry is asked."""
    project = open_project(arguments)
    graph = project.graph(arguments.images)
    write_all(wanted(arguments), lambda kind: _text(graph) if kind == "text" else _json(graph))
    return 0


def _text(graph: Graph) -> str:
    return "".join(f"{visible(node.image.name)}\n" for node in graph.nodes)


def _json(graph: Graph) -> str:
    document = [
        {
            "name": node.image.name,
            "dockerfile": node.image.dockerfile,
            "context": node.image.context,
            "target": node.image.target,
            "parents": node.parents,
            "bases": node.bases,
        }
        for node in graph.nodes
    ]
    return json.dumps(document, indent=2) + "\n"
