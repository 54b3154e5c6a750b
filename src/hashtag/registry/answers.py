"""Answers: what a registry's answer means. Pure."""

from __future__ import annotations

import json
from typing import Any

from hashtag.errors import (
    HashtagError,
    InvalidDigest,
    ManifestMissing,
    RegistryError,
    RegistryUnreachable,
    UntrustedAnswer,
)
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import MEDIA_TYPES, Descriptor, Manifest
from hashtag.oci.reference import check_tag
from hashtag.registry.hiding import hiding, scrubbed
from hashtag.registry.messages import Answer
from hashtag.registry.origin import Origin, joined, shown

_SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
_TEXT_LIMIT = 300


def is_web_page(answer: Answer) -> bool:
    """Return whether this is no registry's answer, but a login form, or a proxy's excuse."""
    return answer.media_type == "text/html" and not is_of_registry(answer) and answer.status in (200, 404)


def is_of_registry(answer: Answer) -> bool:
    """Return whether an answer says that it is a registry's."""
    return "docker-distribution-api-version" in answer.headers


def web_page(answer: Answer, where: str) -> RegistryUnreachable:
    """Return the error for a web page."""
    return RegistryUnreachable(
        f"not a registry's answer but a web page ({answer.status})",
        where=where,
        hint="check the host's name, and whether a proxy or a login page stands in between",
    )


def digest_header(answer: Answer, where: str) -> Digest | None:
    """Return the Docker-Content-Digest; raise `RegistryError` where it is malformed."""
    text = answer.headers.get("docker-content-digest")
    if text is None:
        return None
    try:
        return Digest(text)
    except InvalidDigest as error:
        start = scrubbed(text, answer.secrets)[:100]
        raise RegistryError(f"malformed Docker-Content-Digest {start!r}", where=where) from error


def descriptor_of(answer: Answer, where: str) -> Descriptor | None:
    """Return what a HEAD says, or None where it does not say all, so that a GET has to."""
    digest, size = digest_header(answer, where), answer.headers.get("content-length", "")
    if digest is None or not (size.isascii() and size.isdigit()):
        return None
    with hiding(answer.secrets):
        return Descriptor(check_media_type(answer.media_type, where), digest, int(size))


def manifest_of(answer: Answer, expected: Digest | None, where: str) -> Manifest:
    """
    Return the manifest of a GET.

    Raises:
        RegistryError: Its bytes are not those of the digest, its media type is not what the
            header says, or it is index and image at once.
    """
    with hiding(answer.secrets):
        return _checked(answer, expected, where)


def check_media_type(media_type: str, where: str) -> str:
    """Return one of the four media types; raise `RegistryError` for any other."""
    if media_type in MEDIA_TYPES:
        return media_type
    if media_type in _SCHEMA_1:
        raise _schema_1(where)
    raise RegistryError(f"a manifest of the unknown media type {media_type[:100]!r}", where=where)


def refusal(answer: Answer, where: str) -> HashtagError:
    """Return the error for a status that is neither success nor «missing» nor a matter of rights."""
    codes = error_codes(answer)
    what = f"the registry answered {answer.status}{error_text(answer)}"
    if "MANIFEST_BLOB_UNKNOWN" in codes or "BLOB_UNKNOWN" in codes:
        return ManifestMissing(
            f"content has vanished from the registry: {what}", where=where, hint="build it again"
        )
    if answer.status == 404:
        return ManifestMissing(
            what, where=where, hint="check the name; some registries want repositories made first"
        )
    return RegistryError(what, where=where)


def error_codes(answer: Answer) -> set[str]:
    """Return the codes of an error body: `MANIFEST_UNKNOWN`."""
    return {code for code, _ in _errors(answer)}


def error_text(answer: Answer) -> str:
    """Return `: CODE message` for a message, printable and not long; nothing where there is none."""
    texts = [f"{code} {message}".strip() for code, message in _errors(answer)]
    text = scrubbed("; ".join(dict.fromkeys(texts)), answer.secrets)[:_TEXT_LIMIT]
    return ": " + "".join(c if c.isprintable() else "�" for c in text) if text else ""


def tag_page(answer: Answer, where: str) -> list[str]:
    """Return the tags of one page; names that no registry may have are left out."""
    try:
        tags = json.loads(answer.content)["tags"] or []
        return [tag for tag in tags if _is_tag(tag)]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RegistryError("not a list of tags", where=where) from None


def next_page(answer: Answer, where: str) -> str | None:
    """
    Return the URL of the next page.

    Raises:
        UntrustedAnswer: It is on another host.
    """
    # RFC 8288; the distribution specification knows this one relation.
    for part in answer.headers.get("link", "").split(","):
        target, _, parameters = part.strip().partition(">")
        if target.startswith("<") and 'rel="next"' in parameters.replace("rel=next", 'rel="next"'):
            with hiding(answer.secrets):
                return _same_origin(answer.url, target[1:], where)
    return None


def _checked(answer: Answer, expected: Digest | None, where: str) -> Manifest:
    manifest = Manifest(check_media_type(answer.media_type, where), answer.content)
    for said in (expected, digest_header(answer, where)):
        if said is not None and said != manifest.digest:
            raise RegistryError(f"the bytes are {manifest.digest}, not {said} as they should", where=where)
    document = manifest.document()
    inner = document.get("mediaType", manifest.media_type)
    if inner != manifest.media_type:
        raise RegistryError(f"Content-Type is {manifest.media_type}, but mediaType {inner!r}", where=where)
    if document.get("schemaVersion") == 1:
        raise _schema_1(where)
    return manifest


def _same_origin(url: str, target: str, where: str) -> str:
    following = joined(url, target)
    if Origin.of(following) != Origin.of(url):
        raise UntrustedAnswer(f"the next page of tags is elsewhere: {shown(following)}", where=where)
    return following


def _is_tag(tag: Any) -> bool:
    try:
        return isinstance(tag, str) and bool(check_tag(tag))
    except HashtagError:
        return False


def _errors(answer: Answer) -> list[tuple[str, str]]:
    try:
        errors = json.loads(answer.content)["errors"]
        return [(str(error.get("code") or ""), str(error.get("message") or "")) for error in errors]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def _schema_1(where: str) -> RegistryError:
    return RegistryError(
        "a manifest of Docker's schema 1, which has no digest of its own",
        where=where,
        hint="pull the image and push it again with a tool of this decade",
    )
