"""hashtag plan: the main job."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag.cli.options import (
    add_plan_options,
    asked_early,
    git_index_folder,
    known_bases,
    open_project,
    open_registry,
    stat_cache_folder,
)
from hashtag.cli.outputs import add_output_option, files, wanted, write_all
from hashtag.cli.progress import copy_progress, progress
from hashtag.cli.terminal import say, warn
from hashtag.cli.values import pinned
from hashtag.errors import FAILED, UsageError
from hashtag.rendering import KINDS

if TYPE_CHECKING:
    from datetime import datetime

    from hashtag.apply import Receipt
    from hashtag.images.bases import KnownBases
    from hashtag.planning.plan import Plan
    from hashtag.project import Project
    from hashtag.registry import Registry

WORK_TO_DO = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    add_output_option(parser, *KINDS)
    parser.add_argument("--save", metavar="FILE", type=Path, help="write the plan for `hashtag apply`")
    parser.add_argument("--apply", action="store_true", help="give what exists this pipeline's tag at once")
    parser.add_argument(
        "--exit-code", action="store_true", help="end with status 10 if something is to be built"
    )
    parser.add_argument(
        "--what-if",
        metavar="BASE=DIGEST",
        action="append",
        type=pinned("--what-if"),
        default=[],
        help="as if a base had this digest",
    )
    add_plan_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Plan, write the plan, and tag what exists if asked to."""
    if arguments.what_if and (arguments.apply or arguments.save):
        raise UsageError("--what-if only asks: such a plan is neither saved nor applied", hint="-o json=FILE")
    with asked_early(arguments, Path()):
        return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    project = open_project(arguments)
    if arguments.apply and project.settings.pipeline_tag is None:
        raise UsageError(
            "there is no pipeline tag to give", hint="give --pipeline-tag TAG, or set CI_PIPELINE_IID"
        )
    with open_registry(arguments, project) as registry:
        plan = make_plan(arguments, project, registry)
        warn([*plan.warnings, *_report_limits(arguments, plan)])
        if arguments.save:
            plan.save(arguments.save)
        write_all(wanted(arguments), lambda kind: render(plan, kind))
        if arguments.apply:
            apply_stored(plan, registry, project.placed(registry, {}))
    if not any(output.kind == "table" and output.path is None for output in wanted(arguments)):
        _summarise(plan)
    return status(arguments, plan)


def make_plan(
    arguments: argparse.Namespace,
    project: Project,
    registry: Registry,
    pins: KnownBases | None = None,
    at: datetime | None = None,
) -> Plan:
    """Return the plan that the options of `add_plan_options` ask for; with the pins of another plan."""
    written = [getattr(arguments, name, None) for name in ("save", "receipt")]
    what_if = dict(getattr(arguments, "what_if", ()))
    with progress("hashing") as count, known_bases(arguments, what_if) as known:
        return project.plan(
            registry,
            images=arguments.images,
            bases=known if pins is None else pins,
            what_if=what_if,
            at=at or arguments.at,
            rebuild=arguments.rebuild,
            salts=dict(arguments.salts),
            keep_going=arguments.keep_going,
            deep=arguments.deep,
            outputs=[*files(arguments), *filter(None, written)],
            stat_cache=stat_cache_folder(arguments),
            git_index=git_index_folder(arguments),
            progress=count,
        )


def status(arguments: argparse.Namespace, plan: Plan) -> int:
    """Return the exit status: a failure before work to do."""
    if plan.failed:
        return FAILED
    return WORK_TO_DO if arguments.exit_code and plan.builds else 0


def render(plan: Plan, kind: str) -> str:
    """Return a plan as a document."""
    from hashtag import rendering
    from hashtag.cli.table import table

    return table(plan) if kind == "table" else rendering.render(plan, kind)


def apply_stored(plan: Plan, registry: Registry, project: Project) -> Receipt:
    """Store the plan, then tag what exists; say how many tags were moved."""
    from hashtag.apply import apply_plan
    from hashtag.project.plans import PlanStore

    store = PlanStore(registry, project.settings.plans_repository, project.zone)
    try:
        store.begin(plan)
    finally:
        warn(store.warnings)
    with copy_progress() as count:
        receipt = apply_plan(plan, registry, count, lambda text: warn([text]), store.free)
    say(f"Tags: {len(receipt.moved)} moved, {len(receipt.unchanged)} right already.")
    return receipt


def _summarise(plan: Plan) -> None:
    from hashtag.rendering.table import summary

    say(summary(plan))


def _report_limits(arguments: argparse.Namespace, plan: Plan) -> list[str]:
    """Return a warning where GitLab would refuse the variables, whatever its tier."""
    if "GITLAB_CI" not in os.environ or not any(output.kind == "dotenv" for output in arguments.outputs):
        return []
    from hashtag.rendering.dotenv import render as dotenv

    try:
        dotenv(plan, variable_limit=150, byte_limit=5120)
    except UsageError as error:
        return [f"GitLab refuses this dotenv report: {error.what} ({error.hint})"]
    return []
