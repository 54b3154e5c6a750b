"""The `index.json` of an OCI image layout: image-spec v1.1.0, «OCI Image Layout». Pure."""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

from hashtag.errors import HashtagError, RegistryError
from hashtag.oci.manifest import OCI_INDEX, Descriptor
from hashtag.oci.reference import Reference, Repository

REF_NAME = "org.opencontainers.image.ref.name"
_OWN_NAME = "image"


@frozen
class LayoutIndex:
    """What a layout holds: the descriptors of its manifests, named by an annotation."""

    entries: tuple[Descriptor, ...] = ()

    @classmethod
    def parse(cls, content: bytes, where: str) -> LayoutIndex:
        """Read the file's bytes; raise `RegistryError`."""
        try:
            manifests = json.loads(content)["manifests"] or []
            return cls(tuple(Descriptor.from_json(entry) for entry in manifests))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise RegistryError("not the index of an OCI image layout", where=where) from error
        except HashtagError as error:
            raise RegistryError(error.what, where=where) from error

    def named(self, name: str) -> Descriptor | None:
        """Return the descriptor of a name; as skopeo, the first of several."""
        return next((entry for entry in self.entries if entry.annotations.get(REF_NAME) == name), None)

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return what stands behind `repository:`, in the file's order."""
        names = (entry.annotations.get(REF_NAME, "") for entry in self.entries)
        parts = (name.rpartition(":") for name in names)
        return tuple(dict.fromkeys(tag for head, _, tag in parts if head == repository))

    def with_name(self, name: str, descriptor: Descriptor) -> LayoutIndex:
        """Return the index in which `name` is this manifest, and nothing else is."""
        named = Descriptor(
            descriptor.media_type, descriptor.digest, descriptor.size, annotations={REF_NAME: name}
        )
        return LayoutIndex((*(entry for entry in self.entries if not _is_named(entry, name)), named))

    def to_json(self) -> bytes:
        """Return the file's bytes."""
        document: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [entry.to_json() for entry in self.entries],
        }
        return json.dumps(document, indent=2).encode() + b"\n"


def layout_name(reference: Reference, folder: str) -> str:
    """
    Return the name under which a reference stands in the layout `oci-layout:FOLDER`.

    `name:tag`, or `image:tag` for the layout itself; another registry's image its full reference.
    """
    return f"{repository_name(reference.repository, folder)}:{reference.tag or 'latest'}"


def repository_name(repository: Repository, folder: str) -> str:
    """Return the part of a layout's names before `:tag`."""
    if repository.registry == folder:
        return repository.name or _OWN_NAME
    return str(repository)


def _is_named(entry: Descriptor, name: str) -> bool:
    return entry.annotations.get(REF_NAME) == name
