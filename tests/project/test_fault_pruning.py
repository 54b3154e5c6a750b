"""Faults during a cleanup, with the numbers that `test_faults` uses; more stand in `test_pruning`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hashtag.errors import AccessDenied, HashtagError, PruneStopped, RegistryUnreachable
from hashtag.oci.manifest import OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.reference import Repository
from hashtag.oci.removal import Pending
from hashtag.project.pruning import PruneOptions, prune
from hashtag.testing import MemoryRegistry
from project.stored import NOW, OLD, pipeline, survey

MODES = ["tags", "digests"]
DENIED = AccessDenied("denied", where="r")
DOWN = RegistryUnreachable("gone", where="r")


def deletions(registry: MemoryRegistry) -> list[tuple[str, str]]:
    return [request for request in registry.requests if request[0] == "DELETE"]


def run(registry: MemoryRegistry, **more):
    return prune(survey(registry), PruneOptions(now=NOW, **more), is_dry=False)


class Paged(MemoryRegistry):
    """A registry whose lists of tags of one repository end with an error: of a later page."""

    broken: Repository | None = None

    def tags(self, repository: Repository) -> Iterator[str]:
        yield from super().tags(repository)
        if repository == self.broken:
            raise DOWN


@pytest.mark.parametrize("name", ["web", "plans"])
@pytest.mark.parametrize("deletes", MODES)
def test_50_a_list_that_ends_with_an_error_deletes_nothing(deletes, name):
    registry = Paged(deletes=deletes)
    pipeline(registry, 1, {"web": "a"}, days=OLD)
    registry.broken = registry.repository.child(name)

    with pytest.raises(RegistryUnreachable):
        run(registry)

    assert deletions(registry) == []


@pytest.mark.parametrize("deletes", MODES)
@pytest.mark.parametrize(
    "created", ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2999-01-01T00:00:00Z", None]
)
def test_53_the_time_that_an_image_says_it_was_made_counts_for_nothing(deletes, created):
    registry = MemoryRegistry(deletes=deletes)
    pipeline(registry, 1, {"web": "a"}, days=1)
    repository = registry.repository.child("web")
    config = json.dumps({"os": "linux", "architecture": "amd64", "created": created}).encode()
    blob = Descriptor(
        "application/vnd.oci.image.config.v1+json", registry.put_blob(repository, config), len(config)
    )
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": blob.to_json(), "layers": []}
    registry.put_manifest(Manifest(OCI_MANIFEST, json.dumps(document).encode()), repository.tagged("1"))
    registry.put_manifest(
        Manifest(OCI_MANIFEST, json.dumps(document).encode()), repository.tagged("h1-" + "e" * 64)
    )

    assert run(registry).retention.deleted == ()
    assert deletions(registry) == []


def test_54_a_tag_that_is_to_be_deleted_later_is_said_to_be_pending():
    registry = MemoryRegistry()
    plan = pipeline(registry, 1, {"web": "a"}, days=OLD)
    registry.remove_tag = lambda reference: Pending()

    report = run(registry)

    assert report.retention.deleted == ()
    reasons = {each.reference: each.reason for each in report.retention.kept}
    assert "has not yet" in reasons[plan.aliases[0].target.pipeline_reference]


@pytest.mark.parametrize("fault", [DENIED, DOWN], ids=["403", "5xx"])
@pytest.mark.parametrize(
    ("deletes", "operation"),
    [
        pytest.param("tags", "resolve", id="its digest"),
        pytest.param("digests", "resolve", id="its digest, where manifests go"),
        # A tag that is deleted alone takes nothing with it: there, what is kept is not read.
        pytest.param("digests", "manifest", id="its manifest, where manifests go"),
    ],
)
def test_59_a_kept_tag_that_cannot_be_read_stops_before_anything_goes(deletes, operation, fault):
    registry = MemoryRegistry(deletes=deletes)
    pipeline(registry, 1, {"web": "a"}, days=OLD)
    kept = registry.repository.child("web").tagged("mine")
    digest = registry.add_image(str(kept), layers=[b"mine"])
    before = list(registry.tags(kept.repository))
    where = kept if operation == "resolve" else kept.repository.at(digest)
    registry.fail(operation, fault, reference=str(where), times=100)

    assert _error(registry) is fault
    assert list(registry.tags(kept.repository)) == before


@pytest.mark.parametrize("fault", [DENIED, DOWN], ids=["403", "5xx"])
def test_59_a_tag_that_cannot_be_read_any_more_stops_in_the_middle(fault):
    registry = MemoryRegistry()
    plan = pipeline(registry, 1, {"web": "a", "base": "a"}, days=OLD)
    (first, *others) = [str(alias.target.pipeline_reference) for alias in plan.aliases]
    real = registry.remove_tag

    def then_it_breaks(reference):
        removal = real(reference)
        for what in [*others, *(str(alias.target.cache_reference) for alias in plan.aliases)]:
            registry.fail("resolve", fault, reference=what, times=100)
        return removal

    registry.remove_tag = then_it_breaks

    report = run(registry)

    assert report.error is fault
    assert len(deletions(registry)) == 1
    assert [str(each.reference) for each in report.retention.deleted] == [first]


def test_59_an_index_of_a_kept_tag_that_lost_a_child_stops_all():
    registry = MemoryRegistry(deletes="digests")
    pipeline(registry, 1, {"web": "a"}, days=OLD)
    repository = registry.repository.child("web")
    index = registry.add_image(f"{repository}:mine", platforms=["linux/amd64", "linux/arm64"])
    registry.lose(repository, registry.manifest(repository.at(index)).children()[0].digest)

    assert isinstance(_error(registry), PruneStopped)
    assert not [what for _, what in deletions(registry) if "@" in what]


def _error(registry: MemoryRegistry) -> HashtagError | None:
    """Return what a cleanup ends with, before the first deletion or in its report."""
    try:
        return run(registry).error
    except HashtagError as error:
        return error
