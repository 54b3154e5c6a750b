"""Platforms: which image of an index is taken. Pure; as containerd/platforms, `Only`, decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hashtag.oci.manifest import Descriptor
from hashtag.oci.platform import Platform

_UNKNOWN = Platform("unknown", "unknown")
_ATTESTATION = "vnd.docker.reference.type"


def choose_child(children: Sequence[Descriptor], platform: Platform) -> Descriptor | None:
    """Return the child for the platform or, failing it, for the nearest that its machines run too."""
    images = _images(children)
    for wanted in runnable(platform):
        for child in images:
            if child.platform == wanted:
                return child
    # An index with one image that does not say for what: some tools wrap a single image so.
    return images[0] if len(images) == 1 and images[0].platform is None else None


def platforms_of(children: Sequence[Descriptor]) -> tuple[Platform, ...]:
    """Return the platforms of an index, in its order, without attestations."""
    return tuple(dict.fromkeys(child.platform for child in _images(children) if child.platform))


def runnable(platform: Platform) -> Iterator[Platform]:
    """Yield what the machines of a platform run, the best first."""
    yield platform
    match platform.architecture:
        case "amd64":
            yield from _below(platform, lowest=1)
            yield Platform(platform.os, "386")
        case "arm":
            yield from _below(platform, lowest=5)
        case "arm64":
            if platform.variant:
                yield Platform(platform.os, "arm64")
            yield from (Platform(platform.os, "arm", f"v{number}") for number in (8, 7, 6, 5))
        case _:
            return


def _below(platform: Platform, *, lowest: int) -> Iterator[Platform]:
    number = platform.variant.removeprefix("v")
    if not (number.isascii() and number.isdigit()):
        return
    for lower in range(int(number[:3]) - 1, lowest - 1, -1):
        # Platform.parse writes amd64/v1 as amd64.
        yield Platform.parse(f"{platform.os}/{platform.architecture}/v{lower}")


def _images(children: Sequence[Descriptor]) -> list[Descriptor]:
    return [
        child for child in children if child.platform != _UNKNOWN and _ATTESTATION not in child.annotations
    ]
