"""Linking: which references mean an image of this project. It never guesses."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from hashtag.errors import DuplicateImage
from hashtag.images.model import Image
from hashtag.oci.reference import Reference


def matches(pattern: str, reference: Reference) -> bool:
    """
    Whether a pattern means a reference.

    A pattern without a tag means any tag, one without a host any host; `*` stands for anything.
    """
    name, colon, tag = pattern.rpartition(":")
    if not colon or "/" in tag:
        name, tag = pattern, "*"
    repository = reference.repository
    spellings = (
        str(repository),
        repository.familiar,
        repository.name,
        repository.name.removeprefix("library/"),
    )
    return fnmatchcase(reference.tag or "latest", tag) and any(
        fnmatchcase(spelling, name) for spelling in spellings
    )


class Links:
    """The images of a project by the references that mean them."""

    def __init__(self, images: Iterable[Image], external: Iterable[str] = ()) -> None:
        self._images = tuple(images)
        self._external = tuple(external)
        self._by_repository = {image.repository: image.name for image in self._images if image.repository}
        self._patterns = tuple(
            (pattern.replace("{name}", image.name), image.name)
            for image in self._images
            for pattern in image.known_as
        )
        self._names = frozenset(image.name for image in self._images)

    def parent(self, reference: Reference, child: str) -> str | None:
        """
        Return the name of the image that a FROM in `child` means, None for somebody else's.

        A reference with a digest is exact, and so never one of ours.

        Raises:
            DuplicateImage: The `known-as` patterns of two images mean this reference.
        """
        if reference.digest is not None or self._is_external(reference):
            return None
        found = {name for pattern, name in self._patterns if matches(pattern, reference)} - {child}
        named = self._by_repository.get(reference.repository)
        if named is not None and named != child:
            return named
        if len(found) > 1:
            raise DuplicateImage(
                f"{reference.familiar} is known as {' and as '.join(sorted(found))}",
                hint="make the known-as patterns tell them apart",
            )
        return next(iter(found), None)

    def looks_internal(self, reference: Reference, child: str) -> str:
        """Return the name of the image whose name is an unlinked reference's last part, else nothing."""
        last = reference.repository.name.rpartition("/")[2]
        is_candidate = last in self._names and last != child and reference.digest is None
        return last if is_candidate and not self._is_external(reference) else ""

    def _is_external(self, reference: Reference) -> bool:
        return any(matches(pattern, reference) for pattern in self._external)
