"""Plans as JSON: what scripts read, and what a saved plan holds. Pure."""

from __future__ import annotations

import json
from typing import Any

from cattrs.errors import BaseValidationError

from hashtag.errors import HashtagError, InvalidDocument
from hashtag.planning import strict_json
from hashtag.planning.converter import converter, first_problem
from hashtag.planning.decide import parent_images
from hashtag.planning.forms import FORMAT_VERSION, BaseForm, BuildForm, ImageForm, PlanForm
from hashtag.planning.plan import (
    Action,
    Alias,
    Build,
    BuildSpec,
    Failed,
    OnUpstreamHit,
    Plan,
    PlannedBase,
    Reason,
    Target,
    Upstream,
)


def to_json(plan: Plan, *, saved: bool = False) -> str:
    """
    Return a plan as JSON, in ASCII, with a line end.

    Args:
        plan: Values of build arguments never stand in the document, only their names.
        saved: Whether it also holds what `from_json` needs: records, the bases' configs and how
            existing images are built.
    """
    form = PlanForm(
        format_version=FORMAT_VERSION,
        repository=plan.repository,
        pipeline_tag=plan.pipeline_tag,
        ref=plan.ref,
        commit=plan.commit,
        commit_time=plan.commit_time,
        at=plan.at,
        tool_version=plan.tool_version,
        warnings=plan.warnings,
        images=tuple(_image_form(action, saved=saved) for action in plan),
    )
    text = json.dumps(converter().unstructure(form), indent=2, allow_nan=False)
    # DEL is the one control character that JSON leaves as it is.
    return text.replace("\x7f", "\\u007f") + "\n"


def from_json(text: str) -> Plan:
    """
    Read a saved plan; unknown fields are ignored.

    Raises:
        InvalidDocument: It is malformed, of another major version, or was not saved in full.
    """
    document = strict_json.parse(text)
    _check_version(document)
    try:
        form = converter().structure(document, PlanForm)
        return _plan(form)
    except BaseValidationError as error:
        raise InvalidDocument(f"not a saved plan: {first_problem(error)}") from error
    except HashtagError as error:
        raise InvalidDocument(f"not a saved plan: {error}", hint=error.hint) from error


def _check_version(document: Any) -> None:
    version = document.get("format_version") if isinstance(document, dict) else None
    if not isinstance(version, str):
        raise InvalidDocument("not a saved plan: it has no format_version")
    if version.split(".")[0] != FORMAT_VERSION.split(".")[0]:
        raise InvalidDocument(
            f"the plan has format {version!r}; this hashtag reads {FORMAT_VERSION}",
            hint="plan and apply with the same version of hashtag",
        )


# ── from a plan ──────────────────────────────────────────────────────────────────────────────────


def _image_form(action: Action, *, saved: bool) -> ImageForm:
    match action:
        case Build(target, reason, replaces=replaces):
            build = _build_form(target.build)
            return _target_form(target, "build", reason, saved=saved, build=build, replaces=replaces)
        case Alias(target, reason, digest, upstream):
            spec = _build_form(target.build) if saved else None
            where = (upstream.repository, upstream.on_hit) if upstream else (None, None)
            return _target_form(
                target,
                "alias",
                reason,
                saved=saved,
                digest=digest,
                spec=spec,
                upstream=where[0],
                on_upstream_hit=where[1],
            )
        case Failed(name, error, code):
            return ImageForm(name=name, action="failed", reason=Reason.FAILED, error=error, code=code)


def _target_form(target: Target, action: str, reason: Reason, *, saved: bool, **more: Any) -> ImageForm:
    return ImageForm(
        name=target.name,
        action=action,
        reason=reason,
        fingerprint=target.fingerprint,
        cache_tag=target.cache_tag,
        cache_reference=target.cache_reference,
        pipeline_reference=target.pipeline_reference,
        parents=target.parents,
        bases=tuple(_base_form(base, saved=saved) for base in target.bases),
        fingerprints=target.fingerprints,
        parent_references=target.parent_references,
        salt=target.salt,
        records=target.records if saved else {},
        **more,
    )


def _base_form(base: PlannedBase, *, saved: bool) -> BaseForm:
    return BaseForm(
        reference=base.reference,
        digest=base.digest,
        platforms=base.platforms,
        configs=base.configs if saved else {},
        is_written_by_digest=base.is_written_by_digest if saved else False,
    )


def _build_form(spec: BuildSpec) -> BuildForm:
    return BuildForm(
        dockerfile=spec.dockerfile,
        context=spec.context,
        target=spec.target,
        arguments=tuple(spec.arguments),
        labels=spec.labels,
        platforms=spec.platforms,
        contexts=spec.contexts,
        secrets=spec.secrets,
        stages=spec.stages,
    )


# ── to a plan ────────────────────────────────────────────────────────────────────────────────────


def _plan(form: PlanForm) -> Plan:
    actions: dict[str, Action] = {}
    for index, image in enumerate(form.images):
        if image.name in actions:
            raise InvalidDocument(f"image {image.name!r} stands twice", where=f"$.images[{index}]")
        actions[image.name] = _action(image, actions, where=f"$.images[{index}]")
    return Plan(
        actions=tuple(actions.values()),
        repository=form.repository,
        pipeline_tag=form.pipeline_tag,
        ref=form.ref,
        commit=form.commit,
        commit_time=form.commit_time,
        at=form.at,
        warnings=form.warnings,
        tool_version=form.tool_version,
    )


def _action(form: ImageForm, before: dict[str, Action], where: str) -> Action:
    match form:
        case ImageForm(action="build", build=BuildForm() as build):
            target = _target(form, build, where)
            return Build(target, form.reason, parent_images(target, before), form.replaces)
        case ImageForm(action="alias", spec=BuildForm() as spec, digest=digest) if digest:
            on_hit = form.on_upstream_hit or OnUpstreamHit.COPY
            upstream = Upstream(form.upstream, on_hit) if form.upstream else None
            return Alias(_target(form, spec, where), form.reason, digest, upstream)
        case ImageForm(action="failed"):
            return Failed(form.name, form.error or "", form.code or "")
        case ImageForm(action="build" | "alias"):
            missing = "build" if form.action == "build" else "spec" if form.digest else "digest"
            raise InvalidDocument(
                f"the {missing} is missing",
                where=where,
                hint="apply takes what `hashtag plan --save FILE` writes",
            )
        case _:
            raise InvalidDocument(f"{form.action!r} is not build, alias or failed", where=f"{where}.action")


def _target(form: ImageForm, build: BuildForm, where: str) -> Target:
    if form.cache_reference is None or form.fingerprint is None:
        raise InvalidDocument("fingerprint and cache_reference are missing", where=where)
    if form.cache_reference.tag is None or form.cache_reference.tag != form.cache_tag:
        raise InvalidDocument("cache_reference has not the tag that cache_tag says", where=where)
    return Target(
        name=form.name,
        fingerprint=form.fingerprint,
        fingerprints=form.fingerprints,
        cache_reference=form.cache_reference,
        pipeline_reference=form.pipeline_reference,
        parents=form.parents,
        parent_references=form.parent_references,
        bases=tuple(_base(base) for base in form.bases),
        build=_spec(build),
        salt=form.salt,
        records=form.records,
    )


def _base(form: BaseForm) -> PlannedBase:
    return PlannedBase(
        reference=form.reference,
        digest=form.digest,
        platforms=form.platforms,
        configs=form.configs,
        is_written_by_digest=form.is_written_by_digest,
    )


def _spec(form: BuildForm) -> BuildSpec:
    return BuildSpec(
        dockerfile=form.dockerfile,
        context=form.context,
        target=form.target,
        arguments=dict.fromkeys(form.arguments),
        labels=form.labels,
        platforms=form.platforms,
        contexts=form.contexts,
        secrets=form.secrets,
        stages=form.stages,
    )
