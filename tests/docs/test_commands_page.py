"""The page of commands names every verb and every option."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hashtag.cli import verbs

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from options(below)
        yield from action.option_strings


@pytest.mark.parametrize("verb", verbs.VERBS)
def test_a_verb_and_its_options_are_on_the_page(verb: str) -> None:
    parser = argparse.ArgumentParser(add_help=False)
    verbs.load(verb).add_arguments(parser)

    assert re.search(rf"`{verb}\b", PAGE)
    missing = {option for option in options(parser) if not re.search(rf"`{option}[ `,=]", PAGE)}
    assert missing <= {"-h", "--help"}
