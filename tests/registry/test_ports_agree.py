"""A folder and a registry in memory answer alike, whatever is done to both."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hashtag.errors import HashtagError
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Manifest
from hashtag.oci.reference import Repository
from hashtag.registry.layout import Layout
from hashtag.testing import MemoryRegistry

_REPOSITORY = Repository.parse("oci-layout:images:web")
_CONFIGS = [b"{}", b'{"config": {}}']
_TAGS = st.sampled_from(["1", "2", "latest", "h1-" + "0" * 64])


def _image(config: bytes, media_type: str) -> Manifest:
    descriptor = {"mediaType": "application/x", "digest": str(Digest.of(config)), "size": len(config)}
    document = {"schemaVersion": 2, "mediaType": media_type, "config": descriptor, "layers": []}
    return Manifest(media_type, json.dumps(document).encode())


_IMAGES = [
    _image(config, media_type) for config in _CONFIGS for media_type in (OCI_MANIFEST, DOCKER_MANIFEST)
]
_INDEXES = [
    Manifest(
        OCI_INDEX, json.dumps({"mediaType": OCI_INDEX, "manifests": [child.descriptor.to_json()]}).encode()
    )
    for child in _IMAGES
]
_MANIFESTS = st.sampled_from(_IMAGES + _INDEXES)


class PortsAgree(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.registries = [MemoryRegistry(), Layout("images", Path(self.folder.name) / "images")]

    def teardown(self) -> None:
        self.folder.cleanup()

    def agree(self, operation: str, *arguments: object) -> None:
        answers = []
        for registry in self.registries:
            try:
                answers.append(getattr(registry, operation)(*arguments))
            except HashtagError as error:
                answers.append(type(error))
        assert answers[0] == answers[1]

    @rule(config=st.sampled_from(_CONFIGS))
    def put_blob(self, config: bytes) -> None:
        self.agree("put_blob", _REPOSITORY, config)

    @rule(manifest=_MANIFESTS, tag=_TAGS)
    def put_under_a_tag(self, manifest: Manifest, tag: str) -> None:
        self.agree("put_manifest", manifest, _REPOSITORY.tagged(tag))

    @rule(manifest=_MANIFESTS, named=_MANIFESTS)
    def put_under_a_digest(self, manifest: Manifest, named: Manifest) -> None:
        self.agree("put_manifest", manifest, _REPOSITORY.at(named.digest))

    @rule(tag=_TAGS, manifest=_MANIFESTS)
    def read(self, tag: str, manifest: Manifest) -> None:
        tagged, pinned = _REPOSITORY.tagged(tag), _REPOSITORY.at(manifest.digest)
        for reference in (tagged, pinned, tagged.with_digest(manifest.digest)):
            self.agree("resolve", reference)
            self.agree("manifest", reference)

    @rule(config=st.sampled_from(_CONFIGS))
    def read_blob(self, config: bytes) -> None:
        self.agree("blob", _REPOSITORY, Digest.of(config))

    @invariant()
    def tags_are_the_same(self) -> None:
        memory, layout = (sorted(registry.tags(_REPOSITORY)) for registry in self.registries)
        assert memory == layout

    @invariant()
    def every_tag_leads_to_a_whole_image(self) -> None:
        for registry in self.registries:
            for tag in registry.tags(_REPOSITORY):
                manifest = registry.manifest(_REPOSITORY.tagged(tag))
                for child in manifest.children():
                    manifest = registry.manifest(_REPOSITORY.at(child.digest))
                assert registry.blob(_REPOSITORY, manifest.config().digest)


PortsAgree.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
test_a_folder_and_memory_answer_alike = PortsAgree.TestCase
