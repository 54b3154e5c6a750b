"""hashtag prune: delete the tags of old pipelines that nothing needs."""

from __future__ import annotations

import argparse
import os
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hashtag.cli.options import (
    add_base_options,
    add_project_options,
    add_registry_options,
    given_bases,
    open_project,
    open_registry,
)
from hashtag.cli.outputs import add_output_option, wanted, write_all
from hashtag.cli.terminal import say, warn
from hashtag.errors import HashtagError, UsageError

if TYPE_CHECKING:
    from hashtag.planning.plan import Plan
    from hashtag.project import Project
    from hashtag.project.prune_report import PruneReport
    from hashtag.registry import Registry

_PERIOD = re.compile(r"(0|[1-9][0-9]{0,5})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    add_output_option(parser, "text", "json")
    parser.add_argument("--yes", action="store_true", help="delete; without it, say what would be deleted")
    parser.add_argument(
        "--older-than",
        metavar="PERIOD",
        type=_period,
        default=timedelta(days=7),
        help="how old the plans are whose tags go: 7d (default), 12h, 2w",
    )
    parser.add_argument(
        "--max-percent",
        metavar="N",
        type=_percent,
        default=50,
        help="the most that may go at once, of all tags, when it is more than 20 (default: 50)",
    )
    add_base_options(parser)
    add_project_options(parser)
    add_registry_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Delete what nothing needs any more, or say what would be; print every deletion with its reason."""
    from hashtag.project.cleaning import clean

    project = open_project(arguments)
    with open_registry(arguments, project) as registry:
        placed = project.placed(registry, {})
        report, warnings = clean(
            placed,
            registry,
            os.environ,
            bases=given_bases(arguments),
            now=datetime.now(UTC),
            older_than=arguments.older_than,
            max_percent=arguments.max_percent,
            is_dry=not arguments.yes,
        )
    warn(warnings)
    write_all(wanted(arguments), lambda kind: report.to_json() if kind == "json" else _text(report))
    say(sentence(report))
    if report.error:
        raise report.error
    return 0


def prune_daily(project: Project, registry: Registry, plan: Plan) -> None:
    """Clean up once a day, with the bases of a plan; a pipeline never fails because of it."""
    from hashtag.planning.known import known_bases
    from hashtag.project.cleaning import clean_daily

    outcome = clean_daily(project, registry, os.environ, datetime.now(UTC), known_bases(plan))
    match outcome:
        case None:
            return
        case HashtagError() as error:
            warn([f"nothing was cleaned up: {error}"])
        case report:
            say(sentence(report))
            if report.error:
                warn([f"the cleanup stopped: {report.error}"])


def sentence(report: PruneReport) -> str:
    """Return what was done, in a line."""
    if report.is_unsupported:
        return "Deletion of these tags is unsupported by this registry: nothing was deleted."
    going, staying = len(report.retention.deleted), len(report.retention.kept)
    if report.is_dry:
        return f"Dry run: {going} tags would be deleted, {staying} stay. To delete them: --yes"
    return f"Tags: {going} deleted, {staying} stay."


def _text(report: PruneReport) -> str:
    return "".join(f"{each.reference}  {each.reason}\n" for each in report.retention.deleted)


def _period(text: str) -> timedelta:
    found = _PERIOD.fullmatch(text)
    if not found:
        raise UsageError(f"--older-than {text!r} is no period", hint="write --older-than 7d, 12h or 2w")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def _percent(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:4]) <= 100):
        raise UsageError(f"--max-percent {text!r} is no number from 0 to 100", hint="write --max-percent 50")
    return int(text[:4])
