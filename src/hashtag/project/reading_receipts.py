"""Receipts of builds, read again: `hashtag build --receipt FILE`."""

from __future__ import annotations

from typing import Any

from hashtag.errors import HashtagError, InvalidDocument, PromotionRefused, UnreadableFile, raise_all
from hashtag.oci.digest import Digest
from hashtag.oci.reference import Reference
from hashtag.planning import strict_json
from hashtag.planning.file import PathText, read_text
from hashtag.project.receipt import FORMAT_VERSION


def load_receipt(path: PathText) -> dict[str, Reference]:
    """
    Return by name the cache reference of each image, with the digest that was built or found.

    Raises:
        UnreadableFile: The file cannot be read.
        InvalidDocument: It is no receipt.
        PromotionRefused: An image was not made.
    """
    try:
        text = read_text(path)
    except OSError as error:
        raise UnreadableFile(f"the receipt cannot be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise InvalidDocument(str(error), where=str(path)) from error
    try:
        return _images(strict_json.parse(text))
    except (InvalidDocument, KeyError, TypeError, AttributeError) as error:
        raise InvalidDocument(f"not a receipt of a build: {error}", where=str(path)) from error


def _images(document: Any) -> dict[str, Reference]:
    if document["format_version"].partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise InvalidDocument(f"it has format {document['format_version']!r}")
    images = document["images"]
    raise_all(
        PromotionRefused("it was not built", where=str(image["name"]), hint="see the job that built it")
        for image in images
        if image["digest"] is None
    )
    return {image["name"]: _reference(image) for image in images}


def _reference(image: Any) -> Reference:
    try:
        return Reference.parse(image["cache_reference"]).with_digest(Digest(image["digest"]))
    except HashtagError as error:
        raise InvalidDocument(str(error)) from error
