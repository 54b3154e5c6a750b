"""Changes: all that hashtag itself may do to a registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from attrs import field, frozen

from hashtag.oci.digest import Digest
from hashtag.oci.reference import Reference, Repository

# Of a stored plan: until when a pipeline that was run again counts as young.
LAST_USE = "hashtag.last-use"


@frozen
class AddTag:
    """
    A manifest gets one more tag in the repository where it is.

    Attributes:
        target: The tag; it holds the digest afterwards.
    """

    digest: Digest
    target: Reference

    @property
    def source(self) -> Reference:
        """Where the manifest is read."""
        return self.target.repository.at(self.digest)


@frozen
class CopyImage:
    """
    An image comes from another repository, with all that belongs to it.

    Attributes:
        source: The other repository; only read.
        target: The tag; it holds the digest afterwards.
    """

    digest: Digest
    source: Repository
    target: Reference

    @property
    def reference(self) -> Reference:
        """The image in the other repository."""
        return self.source.at(self.digest)


@frozen
class PutArtifact:
    """
    A small document is stored as an OCI artifact of its own media type under a tag.

    Attributes:
        content: At most 16 MiB.
        annotations: Of its manifest; other ones make it another manifest.
    """

    target: Reference
    artifact_type: str
    content: bytes
    annotations: Mapping[str, str] = field(factory=dict, hash=False)


@frozen
class RemoveTag:
    """
    A tag of ours goes.

    Attributes:
        digest: What it holds; a tag that holds something else by then is left.
    """

    target: Reference
    digest: Digest


Change: TypeAlias = AddTag | CopyImage | PutArtifact | RemoveTag
