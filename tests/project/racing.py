"""A pipeline in a process of its own, that starts at a given moment."""

from __future__ import annotations

import json
import time

from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_MANIFEST, Descriptor, Manifest
from hashtag.planning.plan import Build, Reason
from hashtag.project.plans import PlanStore
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
