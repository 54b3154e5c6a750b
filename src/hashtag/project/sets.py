"""Stored sets: what published tags stand for, in the registry."""

from __future__ import annotations

from attrs import frozen

from hashtag.apply import apply
from hashtag.errors import InvalidDocument
from hashtag.oci.ports import Writer
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.change import PutArtifact
from hashtag.planning.promotion import Publication
from hashtag.planning.publication_document import SET_TYPE, from_json, to_json
from hashtag.planning.zone import TRUSTED
from hashtag.project.artifacts import read_artifact


@frozen
class SetStore:
    """
    The publications of a project, one for each published tag.

    Attributes:
        repository: Where they are stored: that of the plans.
    """

    registry: Writer
    repository: Repository

    def reference(self, tag: str) -> Reference:
        """Return where the set of a published tag is stored."""
        return self.repository.tagged(TRUSTED.set_tag(tag))

    def load(self, tag: str) -> Publication | None:
        """Return what a published tag stands for; None where it was never published."""
        reference = self.reference(tag)
        stored = read_artifact(self.registry, reference, SET_TYPE)
        if stored is None:
            return None
        publication = from_json(stored.content)
        if publication.tag != tag:
            raise InvalidDocument(f"it is the set of {publication.tag!r}", where=str(reference))
        return publication

    def put(self, publication: Publication) -> None:
        """Store a publication, by one write of its manifest."""
        change = PutArtifact(self.reference(publication.tag), SET_TYPE, to_json(publication))
        apply([change], self.registry)
