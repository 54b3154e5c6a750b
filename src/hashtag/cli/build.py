"""hashtag build: what does not exist, parents first."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from hashtag.cli.building import add_build_options, build, finish, make_pinned_plan, store_plan
from hashtag.cli.options import add_plan_options, open_project
from hashtag.cli.stored import open_planned
from hashtag.cli.terminal import warn
from hashtag.errors import UsageError

if TYPE_CHECKING:
    from hashtag.planning.plan import Plan
    from hashtag.project import Project
    from hashtag.project.plans import PlanStore
    from hashtag.registry import Registry

# What a plan that is made already does not take any more.
_OF_A_NEW_PLAN = {
    "rebuild": "--rebuild",
    "salts": "--salt",
    "bases": "--base",
    "bases_file": "--bases",
    "at": "--at",
    "replan": "--replan",
    "deep": "--deep",
}
_PIPELINE = "pipeline:"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument(
        "--plan",
        metavar="FILE|pipeline:TAG",
        help="build this plan: a file that `hashtag plan --save` wrote, or what a pipeline stored",
    )
    parser.add_argument(
        "--print", dest="is_printed", action="store_true", help="print the command lines, build nothing"
    )
    add_build_options(parser)
    add_plan_options(parser)
    parser.set_defaults(outputs=[])


def run(arguments: argparse.Namespace) -> int:
    """Build the images of a plan that do not exist; print the digest of each."""
    from hashtag.project.plans import PlanStore

    _check_options(arguments)
    project = open_project(arguments)
    with open_planned(arguments, project) as (registry, saved):
        placed = project.placed(registry, {})
        store = PlanStore(registry, placed.settings.plans_repository, placed.zone)
        plan = saved or _plan(arguments, placed, registry, store)
        warn(plan.warnings)
        if arguments.is_printed:
            _print(plan, arguments.builder or "buildx", arguments.images)
            return 0
        store_plan(store, plan)
        receipt = build(arguments, placed, registry, plan, aliases=False)
    return finish(plan, receipt)


def _check_options(arguments: argparse.Namespace) -> None:
    given = (option for name, option in _OF_A_NEW_PLAN.items() if getattr(arguments, name))
    if arguments.plan and (option := next(given, None)):
        raise UsageError(
            f"{option} shapes a new plan, and --plan names one that is made",
            hint=f"give {option} to hashtag plan, or leave --plan out",
        )


def _plan(arguments: argparse.Namespace, project: Project, registry: Registry, store: PlanStore) -> Plan:
    if arguments.plan is None:
        return make_pinned_plan(arguments, project, registry, store)
    tag = arguments.plan.removeprefix(_PIPELINE)
    plan = store.load(tag)
    if plan is None:
        warn(store.warnings)
        raise UsageError(
            f"no plan is stored for pipeline {tag!r}", where=arguments.plan, hint="hand it on as --plan FILE"
        )
    return plan


def _print(plan: Plan, builder: str, images: list[str]) -> None:
    from hashtag.planning.command import push_commands

    # All of them or none: half of a script may be run, too.
    lines = [
        shlex.join(line)
        for each in plan.builds
        if not images or each.name in images
        for line in [each.command(builder), *push_commands(each, builder)]
    ]
    print(*lines, sep="\n", end="\n" if lines else "")
