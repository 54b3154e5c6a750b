"""`hashtag.testing.MemoryRegistry`, beyond the contract of all registries."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from hashtag.errors import AccessDenied, RegistryUnreachable
from hashtag.oci.manifest import OCI_INDEX, OCI_MANIFEST
from hashtag.oci.reference import Reference, Repository
from hashtag.testing import MemoryRegistry

_WEB = Reference.parse("registry.example/app/web:1")


def test_its_own_repository_may_be_chosen():
    assert MemoryRegistry().repository == Repository.parse("registry.example/app")
    assert MemoryRegistry("other.example/x").repository == Repository.parse("other.example/x")
    assert repr(MemoryRegistry("other.example/x")) == "MemoryRegistry('other.example/x')"


def test_every_request_is_logged_in_order(memory_registry):
    digest = memory_registry.add_image(str(_WEB))
    manifest = memory_registry.manifest(_WEB)
    memory_registry.resolve(_WEB)
    memory_registry.blob(_WEB.repository, manifest.config().digest)
    blob = memory_registry.put_blob(_WEB.repository, b"x")
    memory_registry.put_manifest(manifest, _WEB.repository.tagged("2"))
    memory_registry.tags(_WEB.repository)

    assert digest == manifest.digest
    assert memory_registry.requests == [
        ("GET", "registry.example/app/web:1"),
        ("HEAD", "registry.example/app/web:1"),
        ("GET", f"registry.example/app/web@{manifest.config().digest}"),
        ("POST", f"registry.example/app/web@{blob}"),
        ("PUT", "registry.example/app/web:2"),
        ("GET", "registry.example/app/web/tags/list"),
    ]


def test_an_image_has_its_config_platform_and_layers(memory_registry):
    memory_registry.add_image(str(_WEB), config={"User": "x"}, platforms=["linux/arm/v7"], layers=[b"layer"])
    manifest = memory_registry.manifest(_WEB)
    config = json.loads(memory_registry.blob(_WEB.repository, manifest.config().digest))

    assert manifest.media_type == OCI_MANIFEST
    assert config["config"] == {"User": "x"}
    assert (config["os"], config["architecture"], config["variant"]) == ("linux", "arm", "v7")
    assert [memory_registry.blob(_WEB.repository, digest) for digest in manifest.references()[:1]] == [
        b"layer"
    ]


def test_an_image_for_several_platforms_is_an_index(memory_registry):
    memory_registry.add_image(str(_WEB), platforms=["linux/amd64", "linux/arm64"])
    index = memory_registry.manifest(_WEB)

    assert index.media_type == OCI_INDEX
    assert [str(child.platform) for child in index.children()] == ["linux/amd64", "linux/arm64"]
    for child in index.children():
        assert memory_registry.resolve(_WEB.repository.at(child.digest)).digest == child.digest


def test_the_same_image_has_the_same_digest_and_another_another(memory_registry):
    first = memory_registry.add_image("a:1", config={"User": "x"})

    assert memory_registry.add_image("b:1", config={"User": "x"}) == first
    assert memory_registry.add_image("c:1", config={"User": "y"}) != first


def test_a_fault_is_raised_as_often_as_asked_and_the_request_is_logged(memory_registry):
    memory_registry.fail("resolve", RegistryUnreachable("down"), times=2)

    for _ in range(2):
        with pytest.raises(RegistryUnreachable):
            memory_registry.resolve(_WEB)

    assert memory_registry.resolve(_WEB) is None
    assert len(memory_registry.requests) == 3


def test_a_fault_may_be_for_one_reference_alone(memory_registry):
    memory_registry.fail("resolve", AccessDenied("no"), reference="registry.example/app/web:2")

    assert memory_registry.resolve(_WEB) is None
    with pytest.raises(AccessDenied):
        memory_registry.resolve(_WEB.repository.tagged("2"))


def test_faults_come_in_the_order_they_were_set(memory_registry):
    memory_registry.fail("manifest", AccessDenied("first"))
    memory_registry.fail("manifest", RegistryUnreachable("second"))

    with pytest.raises(AccessDenied):
        memory_registry.manifest(_WEB)
    with pytest.raises(RegistryUnreachable):
        memory_registry.manifest(_WEB)


@pytest.mark.parametrize("operation", ["resolve", "manifest", "blob", "put_manifest", "put_blob", "tags"])
def test_every_operation_can_fail(memory_registry, operation):
    memory_registry.add_image(str(_WEB))
    manifest = memory_registry.manifest(_WEB)
    memory_registry.fail(operation, RegistryUnreachable("down"))
    arguments = {
        "resolve": (_WEB,),
        "manifest": (_WEB,),
        "blob": (_WEB.repository, manifest.config().digest),
        "put_manifest": (manifest, _WEB),
        "put_blob": (_WEB.repository, b"x"),
        "tags": (_WEB.repository,),
    }

    with pytest.raises(RegistryUnreachable):
        getattr(memory_registry, operation)(*arguments[operation])


def test_no_request_is_lost_when_threads_ask_at_once(memory_registry):
    memory_registry.add_image(str(_WEB))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(memory_registry.resolve, [_WEB] * 200))

    assert memory_registry.requests == [("HEAD", str(_WEB))] * 200
