"""The pinned Dockerfile: the same text, with every image it reads named by digest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from hashtag.dockerfile.parser import parse
from hashtag.dockerfile.places import Place, image_places
from hashtag.dockerfile.stage import Dockerfile
from hashtag.errors import Location, UnsupportedBuild
from hashtag.images.lowered import CopyOperation, External, Internal, Lowered, Operation, RunOperation

Image: TypeAlias = External | Internal
PlaceKey: TypeAlias = tuple[int, int]


def place_key(location: Location) -> PlaceKey:
    """Return what tells one place of a Dockerfile from another: its line and column."""
    return location.line, location.column


def named_images(lowered: Lowered, dockerfile: Dockerfile) -> dict[PlaceKey, Image]:
    """Return the images that a build reads, by the place where the Dockerfile names them."""
    found: dict[PlaceKey, Image] = {}
    for index, stage in lowered.stages.items():
        start = dockerfile.stages[index].base.location
        if isinstance(stage.base, External | Internal):
            found[place_key(start)] = stage.base
        for location, image in _read(stage.operations):
            if location != start:
                found[place_key(location)] = image
    return found


def triggered_images(lowered: Lowered, dockerfile: Dockerfile) -> tuple[Image, ...]:
    """Return the images that only ONBUILD of a base names, which no text of the Dockerfile can pin."""
    found: dict[Image, None] = {}
    for index, stage in lowered.stages.items():
        start = dockerfile.stages[index].base.location
        # A trigger's instructions stand where the stage starts: images.lower.
        found.update((image, None) for location, image in _read(stage.operations) if location == start)
    return tuple(found)


def pinned_dockerfile(text: str, dockerfile: Dockerfile, replacements: Mapping[PlaceKey, str]) -> str:
    """
    Return a Dockerfile's text with the names at these places replaced; all else stays byte for byte.

    Args:
        text: Bytes that are not UTF-8 are surrogates (PEP 383).
        dockerfile: What was parsed from it.
        replacements: What to write, by the places of FROM, `COPY --from` and mounts.

    Raises:
        UnsupportedBuild: A name is written so that it cannot be replaced.
    """
    places = image_places(text, dockerfile.path)
    if unknown := replacements.keys() - {place_key(place.location) for place in places}:
        raise UnsupportedBuild(
            "no image is named there", where=":".join(map(str, (dockerfile.path, *min(unknown))))
        )
    edits = [
        edit
        for place in places
        if (new := replacements.get(place_key(place.location))) is not None
        for edit in _edits(place, new)
    ]
    pinned = _edited(text, edits)
    _check(pinned, dockerfile, places, replacements)
    return pinned


def _read(operations: Iterable[Operation]) -> Iterator[tuple[Location, Image]]:
    for operation in operations:
        match operation:
            case CopyOperation(origin=External() | Internal() as image, location=location):
                yield location, image
            case RunOperation(mounts=mounts):
                for mount in mounts:
                    if isinstance(mount.origin, External | Internal):
                        yield mount.location, mount.origin
            case _:
                continue


def _edits(place: Place, new: str) -> Iterator[tuple[int, int, str]]:
    if not place.spans:
        raise UnsupportedBuild(
            f"the name {place.name!r} cannot be replaced by one with a digest",
            where=place.location,
            hint="write it without quotes and escapes",
        )
    (start, end), *continued = place.spans
    yield start, end, new
    for start, end in continued:
        yield start, end, ""


def _edited(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(edits):
        parts += [text[at:start], new]
        at = end
    return "".join([*parts, text[at:]])


def _check(
    pinned: str, dockerfile: Dockerfile, places: Iterable[Place], replacements: Mapping[PlaceKey, str]
) -> None:
    """Read the text back: it says what was meant, or nothing is built."""
    wanted = [replacements.get(place_key(place.location), place.name) for place in places]
    found = [place.name for place in image_places(pinned, dockerfile.path)]
    stages = parse(pinned, dockerfile.path).stages
    if wanted != found or [stage.name for stage in stages] != [stage.name for stage in dockerfile.stages]:
        raise UnsupportedBuild(
            "its images cannot be pinned: the text with digests reads otherwise",
            where=dockerfile.path,
            hint="write the names of images without quotes, escapes and continued lines",
        )
