"""Bases: the digests and configs of images that others made, and what tags hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from hashtag.errors import HashtagError, ManifestMissing, RegistryError, UnknownBase, raise_all
from hashtag.images.bases import BaseImage
from hashtag.oci.manifest import Descriptor, Manifest
from hashtag.oci.platform import Platform
from hashtag.oci.ports import Reader, Resolver
from hashtag.oci.reference import Reference, Repository
from hashtag.registry.platforms import choose_child, platforms_of

K = TypeVar("K")
V = TypeVar("V")

IN_FLIGHT = 16
_NESTING = 4


def pin(registry: Reader, reference: Reference, platform: Platform) -> BaseImage:
    """
    Return the image that BuildKit would build from.

    Raises:
        UnknownBase: It is not there, or not for this platform.
    """
    return _pinned(registry, reference, platform, _named(registry, reference))


def pin_all(
    registry: Reader, bases: Iterable[tuple[Reference, Platform]], in_flight: int = IN_FLIGHT
) -> dict[tuple[Reference, Platform], BaseImage]:
    """Return each base pinned; all that fail are reported together."""
    answers = pin_each(registry, bases, in_flight)
    raise_all({str(a): a for a in answers.values() if isinstance(a, HashtagError)}.values())
    return {base: answer for base, answer in answers.items() if isinstance(answer, BaseImage)}


def pin_each(
    registry: Reader, bases: Iterable[tuple[Reference, Platform]], in_flight: int = IN_FLIGHT
) -> dict[tuple[Reference, Platform], BaseImage | HashtagError]:
    """
    Return each base pinned, or why it cannot be.

    A reference is read once, so that all its platforms come from one index.
    """
    wanted = list(dict.fromkeys(bases))
    with ThreadPoolExecutor(max_workers=in_flight) as pool:
        references = list(dict.fromkeys(reference for reference, _ in wanted))
        named = dict(
            zip(references, pool.map(lambda r: _caught(_named, registry, r), references), strict=True)
        )
        answers = pool.map(lambda base: _answer(registry, base[0], base[1], named[base[0]]), wanted)
        return dict(zip(wanted, answers, strict=True))


def _answer(
    registry: Reader, reference: Reference, platform: Platform, named: Manifest | HashtagError
) -> BaseImage | HashtagError:
    if isinstance(named, HashtagError):
        return named
    return _caught(_pinned, registry, reference, platform, named)


def _caught(ask: Callable[..., V], *question: object) -> V | HashtagError:
    """Return the answer, or what users and registries caused; a bug is raised."""
    try:
        return ask(*question)
    except HashtagError as error:
        return error


def find(
    registry: Resolver, references: Iterable[Reference], in_flight: int = IN_FLIGHT
) -> dict[Reference, Descriptor]:
    """Return what the registry holds, in the order given; what it says 404 to is left out."""
    wanted = list(dict.fromkeys(references))
    answers = _in_parallel(registry.resolve, wanted, in_flight)
    return {reference: found for reference, found in zip(wanted, answers, strict=True) if found}


def _in_parallel(ask: Callable[[K], V], questions: Sequence[K], in_flight: int) -> list[V]:
    """Return the answers in order; the first error is raised, and nothing more is asked after it."""
    pool = ThreadPoolExecutor(max_workers=in_flight)
    try:
        futures: list[Future[V]] = [pool.submit(ask, question) for question in questions]
        return [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)


def _named(registry: Reader, reference: Reference) -> Manifest:
    try:
        return registry.manifest(reference)
    except ManifestMissing as missing:
        raise _unknown(reference) from missing


def _pinned(registry: Reader, reference: Reference, platform: Platform, named: Manifest) -> BaseImage:
    try:
        manifest = _manifest_for(registry, reference, named, platform)
        config = _config(registry, reference.repository, manifest)
    except ManifestMissing as missing:
        raise _unknown(reference) from missing
    return BaseImage(manifest.digest, config, named.digest if named.is_index else None)


def _unknown(reference: Reference) -> UnknownBase:
    return UnknownBase(
        f"base {reference.familiar} is not in its registry",
        hint=f"check the name, or give it with --base {reference.familiar}=DIGEST",
    )


def _manifest_for(registry: Reader, reference: Reference, named: Manifest, platform: Platform) -> Manifest:
    manifest = named
    for _ in range(_NESTING):
        if not manifest.is_index:
            # BuildKit takes an image without an index for whatever platform is built, and warns.
            return manifest
        children = manifest.children()
        child = choose_child(children, platform)
        if child is None:
            raise _other_platforms(reference, platform, children)
        manifest = registry.manifest(reference.repository.at(child.digest))
    raise RegistryError(f"an index in an index, {_NESTING} deep", where=str(reference))


def _config(registry: Reader, repository: Repository, manifest: Manifest) -> Mapping[str, Any]:
    content = registry.blob(repository, manifest.config().digest)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RegistryError(
            "the image's config is not JSON", where=f"{repository}@{manifest.digest}"
        ) from error
    config = document.get("config") if isinstance(document, dict) else None
    return config if isinstance(config, dict) else {}


def _other_platforms(reference: Reference, platform: Platform, children: Sequence[Descriptor]) -> UnknownBase:
    there = ", ".join(str(each) for each in platforms_of(children)) or "none"
    return UnknownBase(
        f"base {reference.familiar} is not made for {platform}; it is for: {there}",
        hint="build for one of these platforms, or use another base",
    )
