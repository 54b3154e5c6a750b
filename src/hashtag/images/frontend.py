"""The frontend: the image that understands a Dockerfile, where it is not Docker's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hashtag.dockerfile.stage import Dockerfile
from hashtag.errors import DockerfileError, HashtagError, Location
from hashtag.images.lowered import External
from hashtag.images.origins import World
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference

_DOCKERS_OWN: Final = "docker.io/docker/dockerfile"


def frontend_image(
    dockerfile: Dockerfile, arguments: Mapping[str, str], platform: Platform, world: World
) -> External | None:
    """Return the image of `# syntax=` or BUILDKIT_SYNTAX; None for the language this package knows."""
    written = (arguments.get("BUILDKIT_SYNTAX") or dockerfile.syntax or "").split()
    if not written:
        return None
    at = Location(dockerfile.path, 1)
    try:
        reference = Reference.parse(written[0])
    except HashtagError as error:
        raise DockerfileError(f"# syntax={written[0]} is not an image", where=at) from error
    if str(reference.repository) == _DOCKERS_OWN and _is_version_1(reference.tag):
        return None
    return External(reference, platform, world.base(reference, written[0], platform), written[0], at)


def _is_version_1(tag: str | None) -> bool:
    # docker/dockerfile, docker/dockerfile:1, :1.7, :1-labs, …: the language that this package knows.
    return tag is None or tag in ("latest", "labs") or tag == "1" or tag.startswith(("1.", "1-"))
