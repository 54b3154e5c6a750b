"""Pins: what to write into a Dockerfile so that a builder reads exactly the images that were hashed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from hashtag.builders import Builder, Processes
from hashtag.errors import UnsupportedBuild
from hashtag.images.lowered import External, Internal
from hashtag.images.model import Image
from hashtag.oci.digest import Digest
from hashtag.oci.reference import Reference

if TYPE_CHECKING:
    from hashtag.registry import Registry


@define
class Pins:
    """
    The images of one build, by digest: for one platform that platform's own, for several the index.

    Attributes:
        image: That is built.
        parent: Returns a parent, by its digest.
        local: The images of layout folders; None where the project has none.
        used: The images that the builder fetches from registries.
    """

    image: Image
    parent: Callable[[Internal], Reference]
    local: LocalImages | None
    used: dict[Reference, None] = field(factory=dict)

    def __call__(self, named: External | Internal) -> str:
        """Return what stands for an image in the pinned Dockerfile."""
        reference = self._reference(named)
        name = self.local.name(reference) if self.local else None
        if name is not None:
            return name
        if reference.repository.is_layout:
            raise UnsupportedBuild(
                f"{named.written} is in a layout folder, and the builder reads none",
                where=named.location,
                hint="choose another builder: --builder buildah",
            )
        self.used[reference] = None
        return str(reference)

    def _reference(self, named: External | Internal) -> Reference:
        match named:
            case External(reference=reference, image=base):
                assert base is not None  # a record needs it  # noqa: S101
                one = len(self.image.platforms) == 1
                return reference.with_digest(base.digest if one else base.pinned_digest)
            case Internal():
                return self.parent(named)


@frozen(kw_only=True)
class LocalImages:
    """The images of layout folders, handed to the storage of buildah or podman; any thread may ask."""

    registry: Registry
    builder: Builder
    processes: Processes
    _known: dict[Digest, str] = field(factory=dict, init=False)
    _lock: Lock = field(factory=Lock, init=False, eq=False)

    def name(self, reference: Reference) -> str | None:
        """Return the builder's name for an image, if it is in its layout, or in the project's."""
        assert reference.digest is not None  # pinned  # noqa: S101
        if not (reference.repository.is_layout or self.registry.repository.is_layout):
            return None
        home = reference.repository if reference.repository.is_layout else self.registry.repository
        with self._lock:
            if reference.digest not in self._known:
                if self.registry.resolve(home.at(reference.digest)) is None:
                    return None
                self._known[reference.digest] = self._hand_over(home.at(reference.digest))
            return self._known[reference.digest]

    def _hand_over(self, reference: Reference) -> str:
        from hashtag.registry.exchange import lend

        manifest = self.registry.manifest(reference)
        with TemporaryDirectory(prefix="hashtag-") as folder:
            lend(self.registry.layout_path(reference.repository), manifest, Path(folder))
            line = [self.builder.kind, "pull", "--quiet", f"dir:{folder}"]
            return self.processes.output(self.builder.argv(line), self.builder.environ, str(reference))
