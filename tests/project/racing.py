"""A pipeline in a process of its own, that starts at a given moment."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_MANIFEST, Descriptor, Manifest
from hashtag.planning.plan import Build, Reason
from hashtag.project.members import choose
from hashtag.project.plans import PlanStore
from hashtag.project.promotable import set_of_plan
from hashtag.project.promoting import Promotion, Published
from hashtag.project.sets import SetStore
from hashtag.project.settling import held, settle
from hashtag.registry import Registry
from project.stored import image, plan_of


def run_pipeline(repository: str, number: int, content: str, start: float) -> str:
    """Plan, build bytes that no other pipeline makes, push and settle; return the digest that counts."""
    with Registry.from_environment(repository, environ={}) as registry:
        target = image(registry, "web", content, number)
        while time.time() < start:
            pass
        PlanStore(registry, registry.repository.child("plans")).begin(plan_of(registry, number, [target]))
        assert held(registry, target.pipeline_reference) is None
        config = json.dumps({"os": "linux", "architecture": "amd64", "author": f"pipeline {number}"}).encode()
        registry.put_blob(target.repository, config)
        descriptor = Descriptor("application/vnd.oci.image.config.v1+json", Digest.of(config), len(config))
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor.to_json(),
            "layers": [],
        }
        manifest = Manifest(OCI_MANIFEST, json.dumps(document).encode())
        pushed = registry.put_manifest(manifest, target.pipeline_reference)
        return str(settle(Build(target, Reason.NEVER_BUILT), pushed, registry))


def run_promotion(repository: str, number: int, start: float) -> str:
    """Publish what a pipeline stored; return what became of it."""
    with Registry.from_environment(repository, environ={}) as registry:
        plans = registry.repository.child("plans")
        plan = PlanStore(registry, plans).load(str(number))
        assert plan is not None
        wanted = set_of_plan(plan, choose(plan, registry, {}), order=None, at=datetime.now(UTC))
        promotion = Promotion(registry=registry, store=SetStore(registry, plans))
        while time.time() < start:
            pass
        (outcome,) = promotion.publish(["latest"], wanted)
        return "published" if isinstance(outcome, Published) else "left"
