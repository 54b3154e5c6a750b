"""What is to be published: the set of a plan, or of one image, and by which policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hashtag.errors import HashtagError, PromotionRefused, UnknownImage, UsageError, did_you_mean
from hashtag.oci.digest import Digest
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.plan import Plan
from hashtag.planning.promotion import Member, Set, order_of
from hashtag.planning.publishing import Policy
from hashtag.project.members import Chosen
from hashtag.project.project import Project
from hashtag.worktree import git, naming

LATEST_BRANCH = "HASHTAG_LATEST_BRANCH"


def policy_of(project: Project, environ: Mapping[str, str]) -> Policy:
    """
    Return what a project may publish.

    Raises:
        PromotionRefused: This pipeline is not trusted, and so publishes nothing.
    """
    if not project.zone.is_trusted:
        raise PromotionRefused(
            f"this pipeline (zone {project.zone.name}) is not trusted, and publishes nothing",
            hint='publish from a protected branch, or set trust = "single"',
        )
    publish = dict(project.settings.publish)
    latest = environ.get(LATEST_BRANCH)
    if latest:
        publish[latest] = (*publish.get(latest, ()), "latest")
    return Policy(
        publish=publish,
        default_branch=environ.get("CI_DEFAULT_BRANCH") or None,
        is_ci=bool(environ.get("CI")),
        slug=naming.slug,
    )


def ref_of(project: Project, environ: Mapping[str, str]) -> str | None:
    """Return the branch or tag that this pipeline runs for; None where it is not known."""
    return git.facts(project.settings.folder, environ).ref


def set_of_plan(plan: Plan, chosen: list[Chosen], *, order: int | None, at: datetime) -> Set:
    """Return the set that a plan's images are."""
    return Set(
        images=tuple(each.member for each in chosen),
        ref=plan.ref,
        pipeline_tag=plan.pipeline_tag,
        order=order if order is not None else order_of(plan.pipeline_tag),
        commit=plan.commit,
        commit_time=plan.commit_time,
        at=rfc3339(at),
    )


def set_of_one(
    project: Project, member: Member, environ: Mapping[str, str], *, order: int | None, at: datetime
) -> Set:
    """Return the set of one image, published from this checkout."""
    facts = git.facts(project.settings.folder, environ)
    tag = project.settings.pipeline_tag
    return Set(
        images=(member,),
        ref=facts.ref,
        pipeline_tag=tag,
        order=order if order is not None else order_of(tag),
        commit=facts.commit,
        commit_time=rfc3339(facts.commit_time) if facts.commit_time else None,
        at=rfc3339(at),
    )


def member_of(project: Project, text: str) -> Member:
    """
    Read `IMAGE@DIGEST`: the name of an image, or its repository.

    Raises:
        UsageError: It is neither.
        UnknownImage: The project has no such image.
    """
    name, _, digest_text = text.partition("@")
    known: dict[str, Any] = {image.name: image.repository for image in project.images}
    by_repository = {str(repository): image for image, repository in known.items() if repository}
    try:
        digest = Digest(digest_text)
        if name not in known:
            name = by_repository.get(str(Reference.parse(name).repository), name)
    except HashtagError as error:
        raise UsageError(error.what, where=text, hint="write IMAGE@sha256:…") from error
    repository = known.get(name)
    if not isinstance(repository, Repository):
        hint = did_you_mean(name, known) or "hashtag list"
        raise UnknownImage(f"there is no image {name!r}", where=text, hint=hint)
    return Member(name=name, repository=repository, digest=digest)


def rfc3339(moment: datetime) -> str:
    """Return a time as documents write it: `2024-05-01T12:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
