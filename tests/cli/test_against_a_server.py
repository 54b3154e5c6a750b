"""The command against a real registry: what it asks for, and how it ends where it is refused."""

from __future__ import annotations

import json
import socket

import pytest

from cli.conftest import DEBIAN
from hashtag.oci.manifest import OCI_MANIFEST, Manifest
from hashtag.oci.reference import Reference
from hashtag.registry import Registry
from servers.docker_registry import start_registry

pytestmark = pytest.mark.integration
KNOWN = ("--base", f"debian:12={DEBIAN}")


def push(reference, content="layer"):
    """Put an image with one layer."""
    target = Reference.parse(reference)
    with Registry.from_environment(str(target.repository), environ={}) as registry:
        blobs = [b'{"architecture": "amd64", "os": "linux"}', content.encode() * 1000]
        config, layer = (
            {"digest": str(registry.put_blob(target.repository, blob)), "size": len(blob)} for blob in blobs
        )
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **layer}],
        }
        registry.put_manifest(Manifest(OCI_MANIFEST, json.dumps(document, indent=3).encode()), target)


def test_an_alias_moves_the_manifest_alone(hashtag, folder, docker_registry):
    where = ("--repository", f"{docker_registry.host}/alias", "--pipeline-tag", "1742")
    base, _ = hashtag("plan", *KNOWN, *where, "-o", "json").json()["images"]
    push(base["cache_reference"])
    seen = len(docker_registry.access_log())

    ran = hashtag("plan", *KNOWN, *where, "--save", "plan.json")

    assert "alias" in ran.out
    assert {line.split()[0] for line in docker_registry.access_log()[seen:]} == {"HEAD"}
    assert hashtag("apply", "plan.json").out == f"{docker_registry.host}/alias/base:1742\n"
    log = docker_registry.access_log()[seen:]
    assert not [line for line in log if "/alias/base/blobs/" in line]
    plan = next(
        i for i, line in enumerate(log) if line.startswith("PUT /v2/alias/plans/manifests/h1-plan-1742")
    )
    tag = next(i for i, line in enumerate(log) if line.startswith("PUT /v2/alias/base/manifests/1742"))
    assert plan < tag, "the plan is stored before anything is tagged"
    assert hashtag("apply", "plan.json").err == "Tags: 0 moved, 1 right already.\n"


def test_a_pipelines_tag_that_somebody_else_holds_is_not_moved(hashtag, folder, docker_registry):
    where = ("--repository", f"{docker_registry.host}/held", "--pipeline-tag", "latest")
    base, _ = hashtag("plan", *KNOWN, *where, "-o", "json").json()["images"]
    push(base["pipeline_reference"], content="another")
    push(base["cache_reference"])

    ran = hashtag("plan", *KNOWN, *where, "--apply")

    assert ran.status == 5
    assert "error[HT061]" in ran.err


def test_a_registry_that_is_not_there_is_not_an_empty_one(hashtag, folder, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"

    ran = hashtag("plan", *KNOWN, "--repository", f"{host}/app", "--budget", "1")

    assert (ran.status, ran.out) == (4, "")
    assert "error[HT052]" in ran.err


def test_a_refused_password_is_neither_missing_nor_shown(hashtag, folder, tmp_path_factory):
    server = start_registry(tmp_path_factory.mktemp("private"), htpasswd=("ci", "right"))
    where = ("--repository", f"{server.host}/app")
    try:
        wrong = hashtag("plan", *KNOWN, *where, "--creds", "ci:wr0ng-s3cret")
        right = hashtag("plan", *KNOWN, *where, "--creds", "ci:right")
    finally:
        server.stop()

    assert (wrong.status, wrong.out) == (3, "")
    assert "wr0ng-s3cret" not in wrong.err
    assert right.status == 0
