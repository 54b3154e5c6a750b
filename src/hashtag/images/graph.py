"""The graph: all images of a project lowered, parents before children."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

from attrs import define, field, frozen

from hashtag.dockerfile.stage import Dockerfile
from hashtag.errors import Cycle, HashtagError, MissingParent, UnsupportedConstruct
from hashtag.images.bases import BaseImage
from hashtag.images.config import ImageConfig
from hashtag.images.linking import Links
from hashtag.images.lower import lower
from hashtag.images.lowered import External, Internal, Lowered
from hashtag.images.model import Graph, Image, Node
from hashtag.images.origins import BuildRequest, World
from hashtag.oci.platform import LINUX_AMD64, Platform
from hashtag.oci.reference import Reference

BaseLookup: TypeAlias = Callable[[Reference, str, Platform], BaseImage | None]


@frozen
class Source:
    """An image and its Dockerfile, or why there is none."""

    image: Image
    dockerfile: Dockerfile | HashtagError


@define
class Resolution:
    """
    All images that could be lowered, and why the others could not.

    Attributes:
        order: The names of all images, parents before children.
        lowered: By name and platform.
        errors: By name; an image whose parent failed is here, too.
    """

    order: tuple[str, ...] = ()
    lowered: dict[str, dict[Platform, Lowered]] = field(factory=dict)
    errors: dict[str, HashtagError] = field(factory=dict)

    def internals(self, name: str) -> tuple[Internal, ...]:
        """Return the references to an image's parents, in order of first use."""
        return tuple(dict.fromkeys(o for build in self._builds(name) for o in build.internals()))

    def parents(self, name: str) -> tuple[str, ...]:
        """Return the names of an image's parents, in order of first use."""
        return tuple(dict.fromkeys(origin.name for origin in self.internals(name)))

    def bases(self, name: str) -> tuple[External, ...]:
        """Return an image's external bases, in order of first use, one for each platform."""
        return tuple(dict.fromkeys(o for build in self._builds(name) for o in build.externals()))

    def unpinned(self) -> dict[tuple[Reference, Platform], External]:
        """Return the external bases without a digest, each with its first place."""
        found: dict[tuple[Reference, Platform], External] = {}
        for name in self.lowered:
            for base in self.bases(name):
                if base.image is None:
                    found.setdefault((base.reference, base.platform), base)
        return found

    def graph(self, images: Iterable[Image]) -> Graph:
        """Return the graph of the images that could be lowered."""
        by_name = {image.name: image for image in images}
        return Graph(tuple(self._node(by_name[name]) for name in self.order if name not in self.errors))

    def _node(self, image: Image) -> Node:
        bases = dict.fromkeys(str(base.reference) for base in self.bases(image.name))
        return Node(image, self.parents(image.name), tuple(bases))

    def _builds(self, name: str) -> Iterable[Lowered]:
        return self.lowered.get(name, {}).values()


def resolve(sources: Sequence[Source], links: Links, bases: BaseLookup) -> Resolution:
    """
    Lower every image for each of its platforms.

    A child needs its parent's computed config, and which images are parents shows only in the
    lowered child: so the images are lowered until no new parent appears. External bases that
    `bases` does not know stand unpinned in the result.
    """
    resolution = Resolution()
    edges: dict[str, tuple[str, ...]] = {source.image.name: () for source in sources}
    by_name = {source.image.name: source for source in sources}
    while True:
        resolution.order = _order(edges, resolution)
        for name in resolution.order:
            _lower_image(by_name[name], resolution, links, bases)
        found = {name: tuple(p for p in resolution.parents(name) if p in by_name) for name in edges}
        if found == edges:
            _fail_children(resolution, by_name)
            return resolution
        edges = found


def _order(edges: Mapping[str, tuple[str, ...]], resolution: Resolution) -> tuple[str, ...]:
    try:
        return tuple(TopologicalSorter(edges).static_order())
    except CycleError as error:
        # graphlib names a cycle from an image over its children back to it.
        names = list(reversed(error.args[1]))
        link = next(o for o in resolution.internals(names[0]) if o.name == names[1])
        raise Cycle(
            f"images are built from each other: {' → '.join(names)}",
            where=link.location,
            hint="one of these FROM lines means another image: list it under external",
        ) from None


def _lower_image(source: Source, resolution: Resolution, links: Links, bases: BaseLookup) -> None:
    if isinstance(source.dockerfile, HashtagError):
        resolution.errors[source.image.name] = source.dockerfile
        return
    image, dockerfile = source.image, source.dockerfile
    world = World(
        base=bases,
        parent=lambda reference: links.parent(reference, image.name),
        config=lambda name, platform: _config(resolution, name, platform),
    )
    resolution.errors.pop(image.name, None)
    try:
        resolution.lowered[image.name] = {
            platform: lower(dockerfile, _request(image, platform), world) for platform in image.platforms
        }
    except HashtagError as error:
        resolution.errors[image.name] = error
        resolution.lowered.pop(image.name, None)


def _request(image: Image, platform: Platform) -> BuildRequest:
    return BuildRequest(
        target=image.target,
        arguments=image.arguments,
        labels=image.labels,
        platform=platform,
        build_platform=LINUX_AMD64,
        contexts=image.contexts,
    )


def _config(resolution: Resolution, name: str, platform: Platform) -> ImageConfig | None:
    lowered = resolution.lowered.get(name, {}).get(platform)
    return lowered.config if lowered else None


def _fail_children(resolution: Resolution, by_name: Mapping[str, Source]) -> None:
    """Give an error to each image whose parent cannot be planned, or not for the platform needed."""
    for name in resolution.order:
        for link in resolution.internals(name):
            error = _parent_error(link, resolution, by_name)
            if error is not None and name not in resolution.errors:
                resolution.errors[name] = error


def _parent_error(
    link: Internal, resolution: Resolution, by_name: Mapping[str, Source]
) -> HashtagError | None:
    if link.name not in by_name:
        return MissingParent(f"there is no image {link.name!r} in this project", where=link.location)
    if link.name in resolution.errors:
        return MissingParent(f"its parent {link.name} cannot be planned", where=link.location)
    if link.platform not in resolution.lowered[link.name]:
        return UnsupportedConstruct(
            f"its parent {link.name} is not built for {link.platform}",
            where=link.location,
            hint=f'add "{link.platform}" to the platforms of {link.name}',
        )
    return None
