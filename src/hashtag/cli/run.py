"""hashtag run: plan, build and apply, the one line of a CI job."""

from __future__ import annotations

import argparse
from pathlib import Path

from hashtag.cli.building import add_build_options, build, finish, make_pinned_plan, store_plan
from hashtag.cli.options import add_plan_options, open_project, open_registry
from hashtag.cli.outputs import add_output_option, wanted, write_all
from hashtag.cli.plan import render
from hashtag.cli.prune import prune_daily
from hashtag.cli.terminal import warn
from hashtag.rendering import KINDS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    add_output_option(parser, *KINDS)
    parser.add_argument("--save", metavar="FILE", type=Path, help="write the plan to a file, too")
    parser.add_argument(
        "--prune-daily", action="store_true", help="once a day, delete what `hashtag prune --yes` would"
    )
    add_build_options(parser)
    add_plan_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Plan, write the plan, build what is new, and tag every image."""
    from hashtag.project.plans import PlanStore

    project = open_project(arguments)
    with open_registry(arguments, project) as registry:
        placed = project.placed(registry, {})
        store = PlanStore(registry, placed.settings.plans_repository, placed.zone)
        plan = make_pinned_plan(arguments, placed, registry, store)
        warn(plan.warnings)
        write_all(wanted(arguments), lambda kind: render(plan, kind))
        if arguments.save:
            plan.save(arguments.save)
        store_plan(store, plan)
        receipt = build(arguments, placed, registry, plan, aliases=True, free=store.free)
        if arguments.prune_daily and not receipt.errors:
            prune_daily(placed, registry, plan)
    return finish(plan, receipt)
