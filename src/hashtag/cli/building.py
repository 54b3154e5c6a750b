"""What `build` and `run` share: options of a build, the stored plan, the builder and its logins."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag.cli.logins import builder_logins
from hashtag.cli.outputs import write_file
from hashtag.cli.plan import make_plan
from hashtag.cli.progress import copy_progress
from hashtag.cli.terminal import report, say, warn
from hashtag.errors import FAILED, SeveralErrors, UsageError

if TYPE_CHECKING:
    from types import FrameType

    from hashtag.builders import Builder
    from hashtag.oci.reference import Reference
    from hashtag.planning.plan import Plan
    from hashtag.project import Project
    from hashtag.project.plans import PlanStore
    from hashtag.project.receipt import BuildReceipt, Outcome
    from hashtag.registry import Registry


def add_build_options(parser: argparse.ArgumentParser) -> None:
    """Add how images are built."""
    group = parser.add_argument_group("building")
    group.add_argument("--builder", metavar="BUILDER", help="buildx, docker, buildah or podman (as found)")
    group.add_argument("--jobs", metavar="N", type=_count, default=1, help="builds at once (default: 1)")
    group.add_argument("--layer-cache", action="store_true", help="let the builder reuse layers")
    group.add_argument(
        "--secret",
        dest="secrets",
        metavar="id=ID,src=FILE",
        action="append",
        default=[],
        help="a secret for RUN --mount=type=secret, as the builder takes it",
    )
    group.add_argument("--receipt", metavar="FILE", type=Path, help="write what became of each image")
    group.add_argument(
        "--replan", action="store_true", help="take no pins from the plan stored under this pipeline's tag"
    )


def make_pinned_plan(
    arguments: argparse.Namespace, project: Project, registry: Registry, store: PlanStore
) -> Plan:
    """Return the plan asked for, with the pins of this pipeline's stored plan of the same content."""
    from hashtag.project.plans import with_pins_of

    own_pins = arguments.bases or arguments.bases_file or arguments.at
    fresh = arguments.replan or own_pins
    before = None if fresh else store.load(project.settings.pipeline_tag)
    return with_pins_of(before, lambda pins, at: make_plan(arguments, project, registry, pins, at))


def build(
    arguments: argparse.Namespace,
    project: Project,
    registry: Registry,
    plan: Plan,
    *,
    aliases: bool,
    free: Collection[Reference] = (),
) -> BuildReceipt:
    """
    Build a plan; a failure of an image stands in the receipt, which is written to its file, too.

    Args:
        free: Pipeline tags that held nothing a moment ago.
    """
    from hashtag.builders import builder_environment, find_builder
    from hashtag.project.building import BuildOptions, build_plan

    with _ended_by_signals(registry), copy_progress() as count, ExitStack() as stack:
        options = BuildOptions(
            jobs=arguments.jobs,
            layer_cache=arguments.layer_cache,
            options=tuple(word for secret in arguments.secrets for word in ("--secret", secret)),
            report=_say_outcome,
            warn=lambda text: warn([text]),
            progress=count,
            free=free,
        )

        def builder() -> Builder:
            found = find_builder(arguments.builder, os.environ)
            return stack.enter_context(
                builder_environment(found, builder_logins(plan, arguments.creds, os.environ))
            )

        receipt = build_plan(
            project, plan, registry, builder, images=arguments.images, aliases=aliases, options=options
        )
    if arguments.receipt:
        write_file(arguments.receipt, receipt.to_json())
    return receipt


def finish(plan: Plan, receipt: BuildReceipt) -> int:
    """Say what was done and what was not; return the exit status."""
    from hashtag.project.receipt import Built, Found, NotMade

    if receipt.errors:
        report(SeveralErrors(receipt.errors))
    counts = [len(receipt.of(kind)) for kind in (Built, Found, NotMade)]
    say("Done: {} built, {} found, {} failed.".format(*counts))
    statuses = {error.status for error in receipt.errors} | ({FAILED} if plan.failed else set())
    # One kind of failure has its status; of several, that something failed is all that can be said.
    return statuses.pop() if len(statuses) == 1 else FAILED if statuses else 0


def store_plan(store: PlanStore, plan: Plan) -> None:
    """Store the plan before anything is built or tagged; warn where that is not possible."""
    try:
        store.begin(plan)
    finally:
        warn(store.warnings)


def _say_outcome(outcome: Outcome) -> None:
    from hashtag.project.receipt import Built, Found, NotMade

    match outcome:
        case Built(target, digest):
            say(f"{target.name}: built, {digest}")
        case Found(target, digest, upstream):
            say(f"{target.name}: exists{f' in {upstream}' if upstream else ''}, {digest}")
        case NotMade(target):
            say(f"{target.name}: failed")  # why stands at the end, where it is looked for


@contextmanager
def _ended_by_signals(registry: Registry) -> Iterator[None]:
    """Let SIGTERM, which CI systems send, end as Ctrl-C does: builders end, and no registry is waited for."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        registry.give_up()
        signal.default_int_handler(number, frame)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise UsageError(f"--jobs {text!r} is no number from 1 to 256", hint="write --jobs 4")
    return int(text)
