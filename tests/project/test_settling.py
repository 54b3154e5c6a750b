"""First image wins."""

from __future__ import annotations

import pytest

from hashtag.errors import AccessDenied, RegistryError, TagOccupied
from hashtag.oci.reference import Reference
from hashtag.planning.plan import Build, Reason
from hashtag.project.settling import settle
from hashtag.testing import MemoryRegistry
from planning.plan_strategies import target

WEB = target("web")
CACHE, PIPELINE = str(WEB.cache_reference), str(WEB.pipeline_reference)


@pytest.fixture
def registry():
    return MemoryRegistry("registry.example.com/group/project")


def held(registry, reference):
    return registry.resolve(Reference.parse(reference)).digest


def test_the_first_image_gets_the_cache_tag(registry):
    ours = registry.add_image(PIPELINE, layers=[b"ours"])

    assert settle(Build(WEB, Reason.NEVER_BUILT), ours, registry) == ours
    assert held(registry, CACHE) == ours


def test_the_second_image_gives_way(registry):
    first = registry.add_image(CACHE, layers=[b"first"])
    ours = registry.add_image(PIPELINE, layers=[b"ours"])

    assert settle(Build(WEB, Reason.NEVER_BUILT), ours, registry) == first
    assert held(registry, CACHE) == held(registry, PIPELINE) == first


class Racing(MemoryRegistry):
    """A registry in which another pipeline is a little faster: right after we write the cache tag."""

    def put_manifest(self, manifest, reference):
        digest = super().put_manifest(manifest, reference)
        if reference == WEB.cache_reference:
            self.theirs = self.add_image(CACHE, layers=[b"theirs"])
        return digest


def test_one_who_writes_at_the_same_time_wins():
    registry = Racing("registry.example.com/group/project")
    ours = registry.add_image(PIPELINE, layers=[b"ours"])

    assert settle(Build(WEB, Reason.NEVER_BUILT), ours, registry) == registry.theirs
    assert held(registry, PIPELINE) == registry.theirs


def test_a_rebuild_replaces_the_first(registry):
    registry.add_image(CACHE, layers=[b"first"])
    ours = registry.add_image(PIPELINE, layers=[b"ours"])

    assert settle(Build(WEB, Reason.REBUILD_ASKED), ours, registry) == ours
    assert held(registry, CACHE) == ours


def test_a_rebuild_where_tags_are_immutable_says_what_to_commit(registry):
    registry.add_image(CACHE, layers=[b"first"])
    ours = registry.add_image(PIPELINE, layers=[b"ours"])
    registry.fail("put_manifest", TagOccupied("immutable", where=CACHE))

    with pytest.raises(TagOccupied) as caught:
        settle(Build(WEB, Reason.REBUILD_ASKED), ours, registry)

    assert 'salt = "1"' in caught.value.hint


@pytest.mark.parametrize("error", [AccessDenied("no", where=CACHE), RegistryError("no", where=CACHE)])
def test_a_cache_tag_that_cannot_be_written_is_an_error(registry, error):
    ours = registry.add_image(PIPELINE, layers=[b"ours"])
    registry.fail("put_manifest", error)

    with pytest.raises(type(error)):
        settle(Build(WEB, Reason.NEVER_BUILT), ours, registry)
