"""hashtag graph: which image is built from which, as a picture."""

from __future__ import annotations

import argparse

from hashtag.cli.options import add_project_options, open_project
from hashtag.cli.outputs import add_output_option, wanted, write_all
from hashtag.rendering import PICTURES, render_graph


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    add_output_option(parser, *PICTURES)
    parser.add_argument("images", metavar="IMAGE", nargs="*", help="with all it is built from (default: all)")
    add_project_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Draw the images; no registry is asked."""
    project = open_project(arguments)
    graph = project.graph(arguments.images)
    write_all(wanted(arguments), lambda kind: render_graph(graph, kind))
    return 0
