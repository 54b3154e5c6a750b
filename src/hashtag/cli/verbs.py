"""The verbs, each with the line that `--help` shows; a verb's module is imported when it is used.

A module `hashtag.cli.VERB` has `add_arguments(parser)`, which imports nothing slow, and
`run(arguments)`, which returns the exit status.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

VERBS: Mapping[str, str] = {
    "plan": "decide which images are built and which exist",
    "build": "build what does not exist, parents first",
    "run": "plan, build and apply: the one line of a CI job",
    "apply": "give the existing images of a saved plan this pipeline's tag",
    "promote": "let published tags such as latest stand for a plan's images",
    "prune": "delete the tags of old pipelines that nothing needs",
    "hash": "print the cache tag of one image; no project needed",
    "list": "print the images, parents first",
    "graph": "draw which image is built from which",
    "context": "show what a build sees of its context, and why not more",
    "auth": "prove the rights to a repository, without writing",
    "config": "print every setting and where it comes from",
    "schema": "print the JSON Schema of a document",
}


class Verb(Protocol):
    """What a verb's module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Describe the command line."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; return the exit status, raise `HashtagError`."""


def load(verb: str) -> Verb:
    """Return a verb's module."""
    return cast("Verb", import_module(f"hashtag.cli.{verb}"))
