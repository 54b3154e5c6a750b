"""Plans that are given in a file: somebody says what they say, and it is looked at before it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hashtag.errors import UntrustedPlan
from hashtag.oci.reference import Repository
from hashtag.planning.belief import outside, why_doubted
from hashtag.planning.plan import Plan
from hashtag.project.project import Project
from hashtag.worktree import git

_HINT = "plan again; or take what a pipeline stored: --plan pipeline:TAG"


def check_given(plan: Plan, project: Project, environ: Mapping[str, str], where: str) -> None:
    """
    Do nothing if a plan could be one of this project's.

    In a project with zones, what another job hands on may be a merge request's: there the
    repository and what is copied from have to be the settings', too, and the ref this pipeline's.

    Args:
        plan: Of a file.
        project: The one that is to carry it out.
        environ: The variables that tell what this pipeline runs for.
        where: The file.

    Raises:
        UntrustedPlan: It moves tags that are not its own, or takes images from where it may not.
    """
    for doubt in _doubts(plan, project, environ):
        raise UntrustedPlan(doubt, where=where, hint=_HINT)


def _doubts(plan: Plan, project: Project, environ: Mapping[str, str]) -> Iterator[str]:
    if doubt := why_doubted(plan, project.zone):
        yield doubt
    named = [image.repository for image in project.images if image.repository]
    for repository in outside(plan, plan.repository, named):
        yield f"{repository} is outside of {plan.repository}"
    if project.settings.trust == "protected":
        yield from _foreign(plan, project)
        ref = git.facts(project.settings.folder, environ).ref
        if ref is not None and plan.ref != ref:
            yield f"it is of {plan.ref or 'no known branch'}, and this pipeline of {ref}"


def _foreign(plan: Plan, project: Project) -> Iterator[str]:
    from hashtag.registry.upstream import same_place

    own = project.settings.repository
    if own is not None and plan.repository != own:
        yield f"it is for {plan.repository}, and this project is {own}"
    allowed = [Repository.parse(text) for text in project.settings.look_in]
    for alias in plan.aliases:
        if alias.upstream is None:
            continue
        there = alias.upstream.repository
        if there not in (same_place(alias.target.repository, plan.repository, each) for each in allowed):
            yield f"{alias.name}: {there} is not in look-in"
