"""The `index.json` of an OCI image layout: image-spec v1.1.0, «OCI Image Layout». Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, field, frozen

from hashtag.errors import RegistryError
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_INDEX, Descriptor
from hashtag.oci.reference import Reference, Repository

REF_NAME = "org.opencontainers.image.ref.name"
_OWN_NAME = "image"


@frozen
class LayoutIndex:
    """
    What a layout holds: descriptors of manifests, named by an annotation.

    Attributes:
        document: As read; what other tools wrote there is kept.
    """

    document: Mapping[str, Any] = field(factory=lambda: {"schemaVersion": 2, "mediaType": OCI_INDEX})

    @classmethod
    def parse(cls, content: bytes, where: str) -> LayoutIndex:
        """Read the file's bytes; raise `RegistryError`."""
        try:
            document = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise RegistryError("not JSON", where=where) from error
        entries = document.get("manifests") if isinstance(document, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise RegistryError("not the index of an OCI image layout", where=where)
        return cls(document)

    def named(self, name: str) -> Descriptor | None:
        """Return the descriptor of a name; as skopeo, the first of several."""
        found = next((entry for entry in self._entries if _name(entry) == name), None)
        return None if found is None else Descriptor.from_json(found)

    def names(self) -> tuple[str, ...]:
        """Return all names, in the file's order; empty ones of what has none."""
        return tuple(_name(entry) for entry in self._entries)

    def only(self) -> Descriptor | None:
        """Return the descriptor of the only manifest, None where there are more or none."""
        match self._entries:
            case [entry]:
                return Descriptor.from_json(entry)
            case _:
                return None

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return what stands behind `repository:`, in the file's order."""
        parts = (_name(entry).rpartition(":") for entry in self._entries)
        return tuple(dict.fromkeys(tag for head, _, tag in parts if head == repository))

    def with_name(self, name: str, descriptor: Descriptor) -> LayoutIndex:
        """Return the index in which `name` is this manifest, and nothing else is."""
        named = evolve(descriptor, annotations={REF_NAME: name}).to_json()
        entries = [*(entry for entry in self._entries if _name(entry) != name), named]
        return LayoutIndex({**self.document, "manifests": entries})

    def without(self, unwanted: Callable[[str, Digest], bool]) -> LayoutIndex:
        """Return the index without the entries of whose name and digest `unwanted` says so."""
        kept = [
            entry for entry in self._entries if not unwanted(_name(entry), Descriptor.from_json(entry).digest)
        ]
        return LayoutIndex({**self.document, "manifests": kept})

    def to_json(self) -> bytes:
        """Return the file's bytes."""
        return json.dumps({"manifests": [], **self.document}, indent=2).encode() + b"\n"

    @property
    def _entries(self) -> list[dict[str, Any]]:
        return list(self.document.get("manifests", []))


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


def _name(entry: dict[str, Any]) -> str:
    annotations = entry.get("annotations")
    name = annotations.get(REF_NAME) if isinstance(annotations, dict) else None
    return name if isinstance(name, str) else ""
