"""Plans that are there already: in a file, or stored in the registry by a pipeline."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag.cli.options import connect, open_registry
from hashtag.cli.terminal import warn
from hashtag.errors import UsageError

if TYPE_CHECKING:
    from hashtag.planning.plan import Plan
    from hashtag.project import Project
    from hashtag.registry import Registry

_PIPELINE = "pipeline:"


def add_plan_option(parser: argparse.ArgumentParser, text: str) -> None:
    """Add `--plan`."""
    parser.add_argument("--plan", metavar="FILE|pipeline:TAG", help=text)


@contextmanager
def open_planned(arguments: argparse.Namespace, project: Project) -> Iterator[tuple[Registry, Plan | None]]:
    """Yield the registry of the plan in a file, and that plan; else the project's, and None."""
    if arguments.plan is None or arguments.plan.startswith(_PIPELINE):
        with open_registry(arguments, project) as registry:
            yield registry, None
        return
    plan = given_plan(arguments.plan, project)
    mirrors = project.settings.mirrors
    with connect(arguments, plan.repository, layout_root=Path.cwd(), mirrors=mirrors) as registry:
        yield registry, plan


def given_plan(path: str, project: Project) -> Plan:
    """Return the plan of a file; raise `UntrustedPlan` if it is not one that the project may carry out."""
    from hashtag.planning.plan import Plan
    from hashtag.project.given_plans import check_given

    plan = Plan.load(path)
    check_given(plan, project, os.environ, path)
    return plan


def stored_plan(arguments: argparse.Namespace, project: Project, registry: Registry) -> Plan | None:
    """
    Return the plan of the pipeline named, else this pipeline's own; None where it has none.

    Raises:
        UsageError: A pipeline was named, and no plan of it is stored.
    """
    from hashtag.project.plans import PlanStore

    store = PlanStore(registry, project.settings.plans_repository, project.zone)
    tag = arguments.plan.removeprefix(_PIPELINE) if arguments.plan else project.settings.pipeline_tag
    plan = store.load(tag)
    if plan is None and arguments.plan and not project.zone.is_trusted:
        # What trusted pipelines stored is believed by all.
        plan = PlanStore(registry, project.settings.plans_repository).load(tag)
    warn(store.warnings)
    if plan is None and arguments.plan:
        hint = "hand it on as --plan FILE"
        raise UsageError(f"no plan is stored for pipeline {tag!r}", where=arguments.plan, hint=hint)
    return plan
