"""hashtag apply PLAN: the changes of a saved plan."""

from __future__ import annotations

import argparse

from hashtag.cli.options import add_registry_options, connect
from hashtag.cli.terminal import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("plan", metavar="PLAN", help="a file that `hashtag plan --save` wrote")
    add_registry_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Tag what exists, all or nothing; print each tag that was moved."""
    from hashtag.apply import apply_plan
    from hashtag.planning.plan import Plan

    plan = Plan.load(arguments.plan)
    with connect(arguments, plan.repository) as registry:
        receipt = apply_plan(plan, registry)
    for change in receipt.moved:
        print(change.target)
    say(f"Tags: {len(receipt.moved)} moved, {len(receipt.unchanged)} right already.")
    return 0
