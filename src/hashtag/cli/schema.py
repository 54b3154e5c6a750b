"""hashtag schema: the JSON Schema of a document that scripts may rely on."""

from __future__ import annotations

import argparse
import json
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("document", metavar="plan|list|hash", help="whose schema")


def run(arguments: argparse.Namespace) -> int:
    """Print the schema."""
    from hashtag.planning.schema import schema

    json.dump(schema(arguments.document), sys.stdout, indent=2)
    print()
    return 0
