"""hashtag apply PLAN: the changes of a saved plan."""

from __future__ import annotations

import argparse
from pathlib import Path

from hashtag.cli.options import add_registry_options, connect
from hashtag.cli.plan import apply_stored
from hashtag.cli.stored import given_plan
from hashtag.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("plan", metavar="PLAN", help="a file that `hashtag plan --save` wrote")
    add_registry_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Store the plan, then tag what exists, all or nothing; print each tag that was moved."""
    from hashtag.project import Project

    project = Project.open(Path.cwd())
    plan = given_plan(arguments.plan, project)
    if plan.pipeline_tag is None:
        raise UsageError(
            "there is no pipeline tag to give",
            where=arguments.plan,
            hint="plan with --pipeline-tag TAG, or with CI_PIPELINE_IID set",
        )
    with connect(arguments, plan.repository) as registry:
        receipt = apply_stored(plan, registry, project.placed(registry, {}))
    for change in receipt.moved:
        print(change.target)
    return 0
