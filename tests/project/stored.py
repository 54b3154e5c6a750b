"""Pipelines as they are stored: plans with their images, at a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hashtag.apply import apply
from hashtag.oci.digest import Digest
from hashtag.planning.change import AddTag, PutArtifact
from hashtag.planning.document import to_json
from hashtag.planning.plan import Alias, Plan, Reason, Target
from hashtag.planning.zone import TRUSTED, Zone
from hashtag.project.plans import PLAN_TYPE
from hashtag.project.survey import Survey
from planning.plan_strategies import target

NOW = datetime(2024, 5, 20, 12, tzinfo=UTC)
OLD, YOUNG = 10, 2


def image(registry, name: str, content: str, number: object, zone: Zone = TRUSTED) -> Target:
    """Return a target of the registry's repository whose fingerprint stands for its content."""
    fingerprint = Digest.of(f"{name}: {content}".encode()).hex
    repository = registry.repository.child(name)
    made = target(name, tag=str(number), fingerprint=fingerprint, repository=repository)
    return made if zone.is_trusted else _in_zone(made, zone)


def _in_zone(made: Target, zone: Zone) -> Target:
    from attrs import evolve

    return evolve(made, cache_reference=made.repository.tagged(zone.cache_tag(made.fingerprint)))


def plan_of(
    registry, number: object, images: Iterable[Target], *, days: float = YOUNG, ref: str = "main"
) -> Plan:
    """Return the plan that a pipeline made so many days ago."""
    at = (NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    aliases = tuple(Alias(each, Reason.HIT, Digest.of(each.fingerprint.encode())) for each in images)
    return Plan(
        actions=aliases,
        repository=registry.repository,
        pipeline_tag=str(number),
        ref=ref,
        commit=f"commit of {number}",
        at=at,
    )


def store(registry, plan: Plan, zone: Zone = TRUSTED, tag: str = "") -> None:
    """Store a plan."""
    target = registry.repository.child("plans").tagged(tag or zone.plan_tag(str(plan.pipeline_tag)))
    apply([PutArtifact(target, PLAN_TYPE, to_json(plan, saved=True).encode())], registry)


def put(registry, made: Target) -> Digest:
    """Put an image under its cache tag, if there is none, and under its pipeline's."""
    import json

    from hashtag.oci.manifest import OCI_MANIFEST, Descriptor, Manifest

    if held := registry.resolve(made.cache_reference):
        digest = held.digest
    else:
        config = json.dumps({"os": "linux", "architecture": "amd64", "author": made.fingerprint}).encode()
        registry.put_blob(made.repository, config)
        descriptor = Descriptor("application/vnd.oci.image.config.v1+json", Digest.of(config), len(config))
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor.to_json(),
            "layers": [],
        }
        manifest = Manifest(OCI_MANIFEST, json.dumps(document).encode())
        digest = registry.put_manifest(manifest, made.cache_reference)
    apply([AddTag(digest, made.pipeline_reference)], registry)
    return digest


def pipeline(registry, number: object, contents: dict[str, str], *, days: float = YOUNG) -> Plan:
    """Run a pipeline: its plan is stored, its images get their tags; return the plan."""
    images = [image(registry, name, content, number) for name, content in contents.items()]
    plan = plan_of(registry, number, images, days=days)
    store(registry, plan)
    for each in images:
        put(registry, each)
    return plan


def survey(registry, zone: Zone = TRUSTED) -> Survey:
    """Look at the registry's repository, with its plans where they are by default."""
    own = registry.repository
    return Survey(registry=registry, own=own, records=own.child("plans"), zone=zone)
