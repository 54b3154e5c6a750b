"""What an alias costs, as a registry's log and a counting proxy tell; and what a look-up takes in time."""

from __future__ import annotations

import json
import time
from hashlib import sha256

import pytest

from hashtag.apply import apply_plan
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.reference import Reference
from hashtag.planning.plan import Alias, BuildSpec, Plan, Reason, Target
from hashtag.registry import Registry, find
from registry.trees import LAYER, put_image
from servers.docker_registry import RunningRegistry
from servers.proxy import proxied

pytestmark = pytest.mark.integration
_SIZE = 500_000_000
_PIECE = bytes(1_000_000)


def zeros():
    return (_PIECE for _ in range(_SIZE // len(_PIECE)))


def put_large_image(registry: Registry, reference: Reference) -> Digest:
    """Put an image with a layer of 500 MB, for half of a second of processor time."""
    hasher = sha256()
    for piece in zeros():
        hasher.update(piece)
    layer = Descriptor(LAYER, Digest(f"sha256:{hasher.hexdigest()}"), _SIZE)
    registry.put_blob_pieces(reference.repository, layer, zeros)
    small = put_image(registry, reference.repository)
    document = small.document() | {"layers": [layer.to_json()]}
    manifest = Manifest(OCI_MANIFEST, json.dumps(document).encode())
    return registry.put_manifest(manifest, reference)


def logged(running: RunningRegistry, request: str) -> int:
    """Return how long the log is once a request stands in it: it is written after the answer."""
    end = time.monotonic() + 10
    while request not in (log := running.access_log()) and time.monotonic() < end:
        time.sleep(0.05)
    return len(log)


def plan_of(digest: Digest, cache: Reference, tag: str) -> Plan:
    target = Target(
        name="web",
        fingerprint="0" * 64,
        fingerprints={"linux/amd64": "0" * 64},
        cache_reference=cache,
        pipeline_reference=cache.repository.tagged(tag),
        build=BuildSpec(dockerfile="Dockerfile", context="."),
    )
    return Plan(
        actions=(Alias(target, Reason.HIT, digest),),
        repository=cache.repository,
        pipeline_tag=tag,
        at="2024-05-01T12:00:00Z",
    )


def test_a_tag_costs_four_requests_no_blob_and_a_few_kilobytes_for_an_image_of_500_mb(
    docker_registry: RunningRegistry,
) -> None:
    with Registry.from_environment(f"{docker_registry.host}/large/web", environ={}) as registry:
        digest = put_large_image(registry, registry.repository.tagged("h1-x"))
    before = logged(docker_registry, "PUT /v2/large/web/manifests/h1-x")

    with (
        proxied(docker_registry.host) as proxy,
        Registry.from_environment(f"{proxy.host}/large/web", environ={}) as registry,
    ):
        plan = plan_of(digest, registry.repository.tagged("h1-x"), "1742")
        assert registry.resolve(registry.repository.tagged("other")) is None  # connected, TLS tried
        proxy.sent = proxy.received = 0
        assert len(apply_plan(plan, registry).moved) == 1
        traffic = proxy.sent + proxy.received

    log = docker_registry.access_log()[before:]
    requests = [line for line in log if "other" not in line]
    assert len(requests) <= 4, requests
    assert not [line for line in requests if "/blobs/" in line]
    assert traffic < 20_000


def test_a_tag_that_is_right_costs_two_looks_and_nothing_is_written(docker_registry: RunningRegistry) -> None:
    with Registry.from_environment(f"{docker_registry.host}/right/web", environ={}) as registry:
        manifest = put_image(registry, registry.repository)
        for tag in ("h1-x", "1742"):
            registry.put_manifest(manifest, registry.repository.tagged(tag))
    with Registry.from_environment(f"{docker_registry.host}/right/web", environ={}) as registry:
        before = logged(docker_registry, "PUT /v2/right/web/manifests/1742")
        apply_plan(plan_of(manifest.digest, registry.repository.tagged("h1-x"), "1742"), registry)

    log = docker_registry.access_log()[before:]
    assert len(log) == 2
    assert {line.split()[0] for line in log} <= {"HEAD", "GET"}


def look_up(running: RunningRegistry, round_trip: float) -> float:
    """Return how many seconds two hundred look-ups take over a network with this round trip."""
    with (
        proxied(running.host, round_trip_seconds=round_trip) as proxy,
        Registry.from_environment(f"{proxy.host}/looked/up", environ={}) as registry,
    ):
        wanted = [registry.repository.tagged(str(number)) for number in range(200)]
        start = time.monotonic()
        assert find(registry, wanted) == {}
        seconds = time.monotonic() - start
        assert proxy.connections <= 2 * 16
    return seconds


def test_two_hundred_look_ups_take_at_most_twenty_round_trips(docker_registry: RunningRegistry) -> None:
    # What this machine needs without any delay is not the network's time.
    work = min(look_up(docker_registry, 0.0) for _ in range(2))
    delayed = min(look_up(docker_registry, 0.05) for _ in range(3))

    assert (delayed - work) / 0.05 <= 20
