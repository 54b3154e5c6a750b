"""Publications as JSON: what is stored of a published tag. Pure."""

from __future__ import annotations

import json

from attrs import frozen
from cattrs.errors import BaseValidationError

from hashtag.errors import HashtagError, InvalidDocument
from hashtag.planning import strict_json
from hashtag.planning.converter import converter, first_problem
from hashtag.planning.promotion import Publication, Set

FORMAT_VERSION = "1.0"
SET_TYPE = "application/vnd.hashtag.set.v1+json"


@frozen(kw_only=True)
class PublicationForm:
    """The whole document."""

    format_version: str
    tag: str
    set: Set
    before: tuple[Set, ...] = ()


def to_json(publication: Publication) -> bytes:
    """Return the document's bytes; the same publication has the same ones."""
    form = PublicationForm(
        format_version=FORMAT_VERSION,
        tag=publication.tag,
        set=publication.current,
        before=publication.before,
    )
    document = converter().unstructure(form)
    return json.dumps(document, indent=2, sort_keys=True, allow_nan=False).encode() + b"\n"


def from_json(content: bytes) -> Publication:
    """
    Read a stored publication; unknown fields are ignored.

    Raises:
        InvalidDocument: It is malformed, or of another major version.
    """
    try:
        document = strict_json.parse(content.decode())
        form = converter().structure(document, PublicationForm)
    except UnicodeDecodeError as error:
        raise InvalidDocument("not a stored set: not UTF-8") from error
    except BaseValidationError as error:
        raise InvalidDocument(f"not a stored set: {first_problem(error)}") from error
    except HashtagError as error:
        raise InvalidDocument(f"not a stored set: {error}") from error
    if form.format_version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise InvalidDocument(
            f"the set has format {form.format_version!r}; this hashtag reads {FORMAT_VERSION}",
            hint="use the same version of hashtag everywhere",
        )
    return Publication(tag=form.tag, current=form.set, before=form.before)
