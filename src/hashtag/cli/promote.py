"""hashtag promote: let published tags stand for the images of a plan."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hashtag.cli.options import add_project_options, add_registry_options, open_project
from hashtag.cli.outputs import add_output_option, wanted, write_all
from hashtag.cli.progress import copy_progress
from hashtag.cli.stored import add_plan_option, open_planned, stored_plan
from hashtag.cli.terminal import say, warn
from hashtag.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from hashtag.planning.plan import Plan
    from hashtag.project import Project
    from hashtag.project.members import Chosen
    from hashtag.project.promoting import Outcome, Promotion
    from hashtag.registry import Registry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument(
        "words",
        metavar="TAG",
        nargs="*",
        help="what to move (default: as [publish] says); after IMAGE@DIGEST for that image alone",
    )
    add_output_option(parser, "text", "json")
    add_plan_option(parser, "publish this plan's images (default: this pipeline's, else the checkout's)")
    parser.add_argument("--receipt", metavar="FILE", help="take the digests that build --receipt wrote")
    parser.add_argument("--undo", action="store_true", help="go back to the set before")
    parser.add_argument("--order", metavar="N", type=_number, help="this set's number: greater is newer")
    parser.add_argument("--allow-backwards", action="store_true", help="whatever the tags stand for now")
    parser.add_argument(
        "--dry-run", dest="is_dry", action="store_true", help="write nothing, say what would be"
    )
    add_project_options(parser)
    add_registry_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Move published tags; print each image with its digest."""
    project = open_project(arguments)
    with open_planned(arguments, project) as (registry, saved):
        placed = project.placed(registry, {})
        chosen, outcomes = _promoted(arguments, placed, registry, saved)
    warn([*(each.note for each in chosen if each.note), *_beyond(outcomes)])
    write_all(wanted(arguments), lambda kind: _render(kind, chosen, outcomes, is_dry=arguments.is_dry))
    for outcome in outcomes:
        say(_sentence(outcome, is_dry=arguments.is_dry))
    return 0


def _promoted(
    arguments: argparse.Namespace, project: Project, registry: Registry, saved: Plan | None
) -> tuple[list[Chosen], Sequence[Outcome]]:
    from attrs import evolve

    from hashtag.planning.publishing import Skipped
    from hashtag.project.members import Chosen, choose
    from hashtag.project.promotable import member_of, policy_of, ref_of, set_of_one, set_of_plan
    from hashtag.project.reading_receipts import load_receipt

    policy = policy_of(project, os.environ)
    promotion = _promotion(arguments, project, registry)
    ones, tags = _split(arguments.words)
    if arguments.undo:
        if ones or not tags:
            raise UsageError("which tag goes back?", hint="hashtag promote --undo latest")
        allowed = policy.choose(tags, ref_of(project, os.environ))
        if isinstance(allowed, Skipped):
            say(allowed.reason)
            return [], ()
        return [], promotion.undo(allowed)
    now, order = datetime.now(UTC), arguments.order
    plan = None if ones else _plan(arguments, project, registry, saved)
    if plan is None:
        member = member_of(project, ones[0])
        wanted_set = set_of_one(project, member, os.environ, order=order, at=now)
        chosen, ref = [Chosen(member, "command line")], wanted_set.ref
    else:
        chosen, ref = [], plan.ref
    choice = policy.choose(tags, ref)
    if isinstance(choice, Skipped):
        say(choice.reason)
        return chosen, ()
    if plan is not None:
        receipt = load_receipt(arguments.receipt) if arguments.receipt else {}
        chosen = choose(plan, registry, receipt, has_zones=project.settings.trust == "protected")
        wanted_set = set_of_plan(plan, chosen, order=order, at=now)
    copies = [each.copy for each in chosen if each.copy]
    with copy_progress() as count:
        telling = evolve(promotion, progress=count, warn=lambda text: warn([text]))
        return chosen, telling.publish(choice, wanted_set, copies)


def _promotion(arguments: argparse.Namespace, project: Project, registry: Registry) -> Promotion:
    from hashtag.project.promoting import Promotion
    from hashtag.project.sets import SetStore

    repository = project.settings.plans_repository
    if repository is None:
        raise ConfigError("there is no repository to publish in", hint="give --repository")
    return Promotion(
        registry=registry,
        store=SetStore(registry, repository),
        allow_backwards=arguments.allow_backwards,
        is_dry=arguments.is_dry,
    )


def _plan(arguments: argparse.Namespace, project: Project, registry: Registry, saved: Plan | None) -> Plan:
    found = saved or stored_plan(arguments, project, registry)
    if found is None:
        say("No plan is stored for this pipeline: the images of this checkout are published.")
        found = project.plan(registry)
        warn(found.warnings)
    return found


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the `IMAGE@DIGEST`, at most one, and the tags."""
    ones = [word for word in words if "@" in word]
    if len(ones) > 1 or (ones and ones[0] != words[0]) or (ones and len(words) == 1):
        raise UsageError(
            "one image at a time, and its tags after it", hint="hashtag promote web@sha256:… latest"
        )
    return ones, [word for word in words if word not in ones]


def _render(kind: str, chosen: Sequence[Chosen], outcomes: Sequence[Outcome], *, is_dry: bool) -> str:
    documents = [_document(outcome, chosen) for outcome in outcomes]
    if kind == "json":
        return json.dumps({"tags": documents, "dry_run": is_dry}, indent=2) + "\n"
    lines = [f"{image['reference']}@{image['digest']}\n" for each in documents for image in each["images"]]
    return "".join(lines)


def _document(outcome: Outcome, chosen: Sequence[Chosen]) -> dict[str, Any]:
    from hashtag.project.promoting import Published

    origins = {each.member: each.origin for each in chosen}
    is_published = isinstance(outcome, Published)
    publication = outcome.publication if isinstance(outcome, Published) else outcome.current
    return {
        "tag": publication.tag,
        "action": "published" if is_published else "left",
        "reason": "" if isinstance(outcome, Published) else outcome.reason,
        "ref": publication.current.ref,
        "order": publication.current.order,
        "pipeline_tag": publication.current.pipeline_tag,
        "images": [
            {
                "name": image.name,
                "reference": str(image.repository.tagged(publication.tag)),
                "digest": str(image.digest),
                "origin": origins.get(image, "set before"),
            }
            for image in publication.current.images
        ],
    }


def _sentence(outcome: Outcome, *, is_dry: bool) -> str:
    from hashtag.project.promoting import Published

    if not isinstance(outcome, Published):
        return f"{outcome.current.tag}: left as it is, {outcome.reason}."
    label, count = outcome.publication.current.label, len(outcome.publication.current.images)
    verb = "would stand" if is_dry else "stands"
    return f"{outcome.publication.tag}: {verb} for {label}, {outcome.moved} of {count} tags moved."


def _beyond(outcomes: Iterable[Outcome]) -> list[str]:
    """Return a warning for each tag that an undo leaves, as the set before does not name its image."""
    from hashtag.project.promoting import Published

    return [
        f"{tag} stays as it is: the set before does not name its image"
        for outcome in outcomes
        if isinstance(outcome, Published)
        for tag in outcome.beyond
    ]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise UsageError(f"--order {text!r} is no number", hint="write --order 1742")
    return int(text)
