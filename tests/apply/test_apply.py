"""Changes carried out on a registry."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.apply import Receipt, apply, apply_plan, artifact_manifest
from hashtag.errors import InvalidDocument, RegistryError, SeveralErrors, StalePlan
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import EMPTY_TYPE, OCI_INDEX, OCI_MANIFEST, Manifest
from hashtag.oci.reference import Repository
from hashtag.planning.change import AddTag, PutArtifact
from hashtag.planning.plan import Alias, Reason
from hashtag.testing import MemoryRegistry
from planning.plan_strategies import plan_of, target

WEB = Repository.parse("registry.example.com/group/project/web")
# Bytes that no JSON writer would make again: an alias has to keep them.
IMAGE = Manifest(OCI_INDEX, b'{ "schemaVersion": 2,\n\t"manifests": [ ] }\n')
OTHER = Manifest(OCI_INDEX, b'{"schemaVersion":2,"manifests":[],"annotations":{"a":"b"}}')
PLAN_TYPE = "application/vnd.hashtag.plan.v1+json"
PLAN = PutArtifact(WEB.child("plans").tagged("h1-plan-1742"), PLAN_TYPE, b'{"format_version": "1.0"}')


class Watched:
    """A registry that writes down what it is asked; `forget` lets a written tag be lost."""

    def __init__(self, registry, *, loses=()):
        self.registry = registry
        self.loses = set(loses)
        self.asked = []

    def resolve(self, reference):
        self.asked.append(("resolve", str(reference)))
        return self.registry.resolve(reference)

    def manifest(self, reference):
        self.asked.append(("manifest", str(reference)))
        return self.registry.manifest(reference)

    def blob(self, repository, digest):
        self.asked.append(("blob", str(digest)))
        return self.registry.blob(repository, digest)

    def put_blob(self, repository, content):
        self.asked.append(("put_blob", str(repository)))
        return self.registry.put_blob(repository, content)

    def put_manifest(self, manifest, reference):
        self.asked.append(("put_manifest", str(reference)))
        if reference in self.loses:
            return manifest.digest
        return self.registry.put_manifest(manifest, reference)

    def writes(self):
        return [what for what in self.asked if what[0].startswith("put")]


@pytest.fixture
def registry():
    memory = MemoryRegistry()
    memory.put_manifest(IMAGE, WEB.tagged("h1-1"))
    return Watched(memory)


def test_an_existing_image_gets_the_tag_with_its_very_bytes(registry):
    change = AddTag(IMAGE.digest, WEB.tagged("1742"))

    receipt = apply([change], registry)

    assert receipt == Receipt(moved=(change,), unchanged=())
    assert registry.registry.manifest(change.target) == IMAGE


def test_a_tag_costs_four_requests_and_no_blob(registry):
    apply([AddTag(IMAGE.digest, WEB.tagged("1742"))], registry)

    assert registry.asked == [
        ("resolve", f"{WEB}:1742"),
        ("manifest", f"{WEB}@{IMAGE.digest}"),
        ("put_manifest", f"{WEB}:1742"),
        ("resolve", f"{WEB}:1742"),
    ]


def test_a_tag_that_is_right_already_is_not_written(registry):
    change = AddTag(IMAGE.digest, WEB.tagged("h1-1"))

    assert apply([change], registry) == Receipt(moved=(), unchanged=(change,))
    assert registry.asked == [("resolve", f"{WEB}:h1-1")]


def test_a_tag_that_holds_something_else_is_moved(registry):
    registry.registry.put_manifest(OTHER, WEB.tagged("1742"))

    apply([AddTag(IMAGE.digest, WEB.tagged("1742"))], registry)

    assert registry.resolve(WEB.tagged("1742")).digest == IMAGE.digest


def test_a_plan_whose_source_has_vanished_is_stale_and_nothing_is_written(registry):
    there = AddTag(IMAGE.digest, WEB.tagged("1742"))
    gone = AddTag(OTHER.digest, WEB.tagged("1743"))

    with pytest.raises(StalePlan) as caught:
        apply([there, gone], registry)

    assert caught.value.where == f"{WEB}@{OTHER.digest}"
    assert caught.value.status == 5
    assert registry.writes() == []


def test_all_vanished_sources_are_named_together(registry):
    gone = [AddTag(Digest.of(text), WEB.tagged("1742")) for text in (b"1", b"2")]

    with pytest.raises(SeveralErrors) as caught:
        apply(gone, registry)

    assert [error.where for error in caught.value.errors] == [f"{WEB}@{change.digest}" for change in gone]
    assert caught.value.status == 5


def test_a_tag_that_does_not_hold_what_was_written_is_an_error(registry):
    registry.loses.add(WEB.tagged("1742"))

    with pytest.raises(RegistryError, match="does not hold") as caught:
        apply([AddTag(IMAGE.digest, WEB.tagged("1742"))], registry)

    assert caught.value.where == f"{WEB}:1742"


@pytest.mark.parametrize("held", [None, OTHER, IMAGE], ids=["nothing", "something else", "the image"])
def test_a_tag_that_is_known_to_be_free_is_written_and_read_back_without_a_look(registry, held):
    change = AddTag(IMAGE.digest, WEB.tagged("1742"))
    if held:
        registry.registry.put_manifest(held, change.target)

    assert apply([change], registry, free=[change.target]) == Receipt(moved=(change,), unchanged=())
    assert registry.asked == [
        ("manifest", f"{WEB}@{IMAGE.digest}"),
        ("put_manifest", f"{WEB}:1742"),
        ("resolve", f"{WEB}:1742"),
    ]


# ── plans ────────────────────────────────────────────────────────────────────────────────────────

web = target("web", repository=WEB, fingerprint="1" * 64)


def planned(reason=Reason.HIT):
    return plan_of(Alias(web, reason, IMAGE.digest))


def test_a_plan_is_applied_after_a_look_at_its_cache_tags(registry):
    registry.registry.put_manifest(IMAGE, web.cache_reference)

    apply_plan(planned(), registry)

    assert registry.asked[0] == ("manifest", str(web.cache_reference))
    assert registry.resolve(web.pipeline_reference).digest == IMAGE.digest


@pytest.mark.parametrize(
    ("held", "message"),
    [
        pytest.param(None, "it is gone", id="the cache tag is gone"),
        pytest.param(OTHER, f"it holds {OTHER.digest} by now", id="the cache tag holds another image"),
    ],
)
def test_a_plan_whose_cache_tag_changed_is_refused_though_its_image_is_still_there(registry, held, message):
    if held:
        registry.registry.put_manifest(held, web.cache_reference)

    with pytest.raises(StalePlan, match=message) as caught:
        apply_plan(planned(), registry)

    assert caught.value.where == str(web.cache_reference)
    assert registry.writes() == []


def test_an_image_of_a_repository_that_the_plan_does_not_name_is_refused(registry):
    with pytest.raises(StalePlan, match="it is gone"):
        apply_plan(planned(Reason.HIT_UPSTREAM), registry)

    assert registry.writes() == []


# ── artifacts ────────────────────────────────────────────────────────────────────────────────────


def test_a_document_is_stored_as_an_artifact_of_its_own_type(registry):
    assert apply([PLAN], registry) == Receipt(moved=(PLAN,), unchanged=())

    stored = registry.manifest(PLAN.target)
    document = stored.document()
    (layer,) = document["layers"]
    assert stored.media_type == OCI_MANIFEST
    assert document["artifactType"] == layer["mediaType"] == PLAN_TYPE
    assert document["config"] == {"mediaType": EMPTY_TYPE, "digest": str(Digest.of(b"{}")), "size": 2}
    assert registry.blob(PLAN.target.repository, Digest(layer["digest"])) == PLAN.content
    assert registry.blob(PLAN.target.repository, Digest.of(b"{}")) == b"{}"


def test_a_document_that_is_stored_already_is_not_stored_again(registry):
    apply([PLAN], registry)
    registry.asked.clear()

    assert apply([PLAN], registry) == Receipt(moved=(), unchanged=(PLAN,))
    assert registry.writes() == []


def test_the_artifact_of_a_document_is_always_the_same():
    assert artifact_manifest(PLAN_TYPE, b"x") == artifact_manifest(PLAN_TYPE, b"x")
    # Frozen: other versions of this library have to find their documents again.
    assert json.loads(artifact_manifest(PLAN_TYPE, b"x").content)["schemaVersion"] == 2
    assert artifact_manifest(PLAN_TYPE, b"x").content.startswith(b'{"artifactType":"application/vnd.hashtag')


def test_a_document_that_no_registry_takes_is_refused(registry):
    with pytest.raises(InvalidDocument, match="too large"):
        apply([PutArtifact(PLAN.target, PLAN_TYPE, bytes(16 * 1024 * 1024 + 1))], registry)

    assert registry.writes() == []


# ── twice is once ────────────────────────────────────────────────────────────────────────────────

tags = st.sampled_from(["1742", "1743", "h1-1", "latest"])
changes = st.lists(
    st.one_of(
        st.builds(AddTag, st.sampled_from([IMAGE.digest, OTHER.digest]), tags.map(WEB.tagged)),
        st.builds(
            PutArtifact, tags.map(WEB.child("plans").tagged), st.just(PLAN_TYPE), st.binary(max_size=8)
        ),
    ),
    max_size=6,
    unique_by=lambda change: change.target,
)


def stored():
    memory = MemoryRegistry()
    memory.put_manifest(IMAGE, WEB.tagged("h1-1"))
    memory.put_manifest(OTHER, WEB.tagged("h1-2"))
    return Watched(memory)


@given(changes)
def test_applying_twice_changes_nothing_the_second_time(wanted):
    registry = stored()
    first = apply(wanted, registry)
    registry.asked.clear()

    second = apply(wanted, registry)

    assert second == Receipt(moved=(), unchanged=tuple(wanted))
    assert registry.writes() == []
    assert {*first.moved, *first.unchanged} == {*wanted}


@given(changes)
def test_no_change_asks_for_a_blob_of_an_image(wanted):
    registry = stored()

    apply([change for change in wanted if isinstance(change, AddTag)], registry)

    assert not [what for what in registry.asked if "blob" in what[0]]
