"""The client against Debian's docker-registry: passwords, TLS, and what its log says we asked."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from hashtag.errors import AccessDenied, RegistryUnreachable
from hashtag.oci.manifest import OCI_INDEX, OCI_MANIFEST, Manifest
from hashtag.oci.reference import Reference
from hashtag.registry import Registry, find
from servers.docker_registry import RunningRegistry, free_port, start_registry

pytestmark = pytest.mark.integration

_INDEX = Manifest(OCI_INDEX, b'{"schemaVersion":2,"mediaType":"%s","manifests":[]}' % OCI_INDEX.encode())


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """Return a server that wants TLS and a password."""
    folder = tmp_path_factory.mktemp("guarded")
    running = start_registry(folder, htpasswd=("bob", "pa:ss wörd"), tls=True)
    yield running
    running.stop()


def opened(running: RunningRegistry, name: str = "app", **more: object) -> Registry:
    more = {"environ": {}, "budget_seconds": 3, "ca": running.ca} | more
    return Registry.from_environment(f"{running.host}/{name}", **more)


def put_image(registry: Registry) -> Reference:
    """Put an image under the tag 1; return the reference."""
    digest = registry.put_blob(registry.repository, b"{}")
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": str(digest), "size": 2}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    reference = registry.repository.tagged("1")
    registry.put_manifest(Manifest(OCI_MANIFEST, json.dumps(document).encode()), reference)
    return reference


def config_of(host: str, login: str) -> str:
    return json.dumps({"auths": {host: {"auth": b64encode(login.encode()).decode()}}})


def test_with_certificate_and_password_an_image_goes_in_and_out(guarded):
    with opened(guarded, creds="bob:pa:ss wörd") as registry:
        reference = put_image(registry)

        assert registry.resolve(reference) == registry.manifest(reference).descriptor


def test_the_certificate_may_be_text(guarded):
    with opened(guarded, creds="bob:pa:ss wörd", ca=guarded.ca.read_text()) as registry:
        assert registry.resolve(registry.repository.tagged("absent")) is None


def test_the_certificate_may_come_from_ssl_cert_file(guarded):
    environ = {
        "SSL_CERT_FILE": str(guarded.ca),
        "DOCKER_AUTH_CONFIG": config_of(guarded.host, "bob:pa:ss wörd"),
    }
    with opened(guarded, ca=None, environ=environ) as registry:
        assert registry.resolve(registry.repository.tagged("absent")) is None


def test_certificate_and_login_may_be_handed_over(guarded):
    host, _, port = guarded.host.rpartition(":")
    handed = {
        "host": host,
        "port": int(port),
        "username": "bob",
        "password": "pa:ss wörd",
        "cert": guarded.ca.read_text(),
    }
    with opened(guarded, ca=None, environ={"HASHTAG_REGISTRY": json.dumps(handed)}) as registry:
        assert registry.resolve(registry.repository.tagged("absent")) is None


def test_without_its_authority_the_certificate_is_named_at_once(guarded):
    start = time.monotonic()
    with opened(guarded, ca=None) as registry, pytest.raises(RegistryUnreachable, match="certificate"):
        registry.resolve(registry.repository.tagged("1"))

    assert time.monotonic() - start < 2


@pytest.mark.parametrize("creds", ["bob:wrong", "alice:pa:ss wörd", None], ids=["password", "user", "nobody"])
def test_a_wrong_login_is_denied_and_never_missing(guarded, creds):
    with opened(guarded, creds=creds) as registry, pytest.raises(AccessDenied) as caught:
        registry.resolve(registry.repository.tagged("absent"))

    assert caught.value.status == 3
    assert "wrong" not in str(caught.value)


def test_looking_up_costs_one_head_each_and_writes_nothing(docker_registry):
    with opened(docker_registry, "looked-up") as registry:
        put_image(registry)
        before = len(docker_registry.access_log())
        references = [registry.repository.tagged(str(number)) for number in range(40)]

        found = find(registry, references)

    assert list(found) == [references[1]]
    log = docker_registry.access_log()[before:]
    assert sorted(log) == sorted(f"HEAD /v2/looked-up/manifests/{number}" for number in range(40))


def test_a_tag_costs_one_put_and_no_blob(docker_registry):
    with opened(docker_registry, "aliased") as registry:
        reference = put_image(registry)
        before = len(docker_registry.access_log())
        registry.put_manifest(registry.manifest(reference), registry.repository.tagged("2"))

    assert docker_registry.access_log()[before:] == [
        "GET /v2/aliased/manifests/1",
        "PUT /v2/aliased/manifests/2",
    ]


def test_24_an_index_is_found_though_the_server_hides_it_from_clients_that_do_not_name_its_type(
    docker_registry,
):
    with opened(docker_registry, "index") as registry:
        registry.put_manifest(_INDEX, registry.repository.tagged("1"))

        assert registry.resolve(registry.repository.tagged("1")) == _INDEX.descriptor


def test_51_a_tag_whose_manifest_was_deleted_is_missing(docker_registry):
    import httpx

    with opened(docker_registry, "deleted") as registry:
        reference = put_image(registry)
        digest = registry.resolve(reference).digest
        url = f"http://{docker_registry.host}/v2/deleted/manifests/{digest}"
        assert httpx.delete(url).status_code == 202

        assert registry.resolve(reference) is None


def test_a_server_that_is_down_is_unreachable_within_the_budget():
    start = time.monotonic()
    registry = Registry.from_environment(f"127.0.0.1:{free_port()}/app", environ={}, budget_seconds=1.5)
    with registry, pytest.raises(RegistryUnreachable, match=r"127\.0\.0\.1") as caught:
        registry.resolve(registry.repository.tagged("1"))

    assert caught.value.status == 4
    assert time.monotonic() - start < 5


def test_a_server_that_comes_up_in_time_is_waited_for(tmp_path: Path):
    port = free_port()
    started: list[RunningRegistry] = []
    timer = threading.Timer(1.0, lambda: started.append(start_registry(tmp_path / "late", port=port)))
    timer.start()
    try:
        with Registry.from_environment(f"127.0.0.1:{port}/app", environ={}) as registry:
            assert registry.resolve(registry.repository.tagged("1")) is None
    finally:
        timer.join()
        started[0].stop()
