"""Stored sets: what published tags stand for, in the registry."""

from __future__ import annotations

from attrs import field, frozen

from hashtag.apply import artifact_manifest
from hashtag.errors import InvalidDocument
from hashtag.oci.digest import Digest
from hashtag.oci.ports import Writer
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.promotion import Publication
from hashtag.planning.publication_document import SET_TYPE, from_json, to_json
from hashtag.planning.zone import TRUSTED
from hashtag.project.artifacts import read_artifact

_EMPTY = b"{}"  # the config that an artifact's manifest names


@frozen
class SetStore:
    """
    The publications of a project, one for each published tag.

    Attributes:
        repository: Where they are stored: that of the plans.
    """

    registry: Writer
    repository: Repository
    _seen: dict[str, Digest | None] = field(factory=dict, init=False, eq=False, repr=False)

    def reference(self, tag: str) -> Reference:
        """Return where the set of a published tag is stored."""
        return self.repository.tagged(TRUSTED.set_tag(tag))

    def load(self, tag: str) -> Publication | None:
        """Return what a published tag stands for; None where it was never published."""
        reference = self.reference(tag)
        stored = read_artifact(self.registry, reference, SET_TYPE)
        self._seen[tag] = stored.digest if stored else None
        if stored is None:
            return None
        publication = from_json(stored.content)
        if publication.tag != tag:
            raise InvalidDocument(f"it is the set of {publication.tag!r}", where=str(reference))
        return publication

    def put(self, publication: Publication) -> bool:
        """
        Store a publication, by one write of its manifest.

        Nothing stands between the last look and that write: a registry offers no closer one. Return
        False, with nothing written, where another publication is there than was loaded.
        """
        tag, content = self.reference(publication.tag), to_json(publication)
        for blob in (_EMPTY, content):
            self.registry.put_blob(self.repository, blob)
        manifest = artifact_manifest(SET_TYPE, content)
        held = self._held(tag)
        if held != self._seen.get(publication.tag, held):
            return False
        self.registry.put_manifest(manifest, tag)
        return True

    def _held(self, reference: Reference) -> Digest | None:
        found = self.registry.resolve(reference)
        return found.digest if found else None
