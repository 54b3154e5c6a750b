"""Pins: the named contexts that make a builder use exactly the bases and parents of a plan. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from hashtag.errors import InvalidReference, UnsupportedBuild
from hashtag.oci.reference import DOCKER_HUB, Reference
from hashtag.planning.plan import Build

NamesOf = Callable[[Reference], Iterable[str]]


def buildkit_names(reference: Reference) -> tuple[str, ...]:
    """Return the one name under which BuildKit looks for a context that replaces an image."""
    # BuildKit dockerui/namedcontext.go: FamiliarString without ":latest".
    return (reference.familiar.removesuffix(":latest"),)


def written_names(reference: Reference) -> tuple[str, ...]:
    """Return the ways people write a reference: buildah compares with the Dockerfile's text."""
    # buildah imagebuildah/stage_executor.go: additionalBuildContexts is asked by the text of FROM.
    full = str(reference)
    texts = [full, reference.familiar]
    if reference.repository.registry == DOCKER_HUB:
        texts.append(full.removeprefix(f"{DOCKER_HUB}/"))
    texts += [text.removesuffix(":latest") for text in texts]
    return tuple(dict.fromkeys(texts))


def pinned_contexts(
    build: Build, names_of: NamesOf, parent_contexts: Mapping[str, str] | None = None
) -> dict[str, str]:
    """
    Return named contexts, name → `docker-image://…`, for the external bases and the parents.

    A name without `:` or `/` could be a stage's, whose body it would replace: it is left out while
    the stages' names are not known.

    Args:
        build: Of a plan.
        names_of: The names of the contexts that replace a reference.
        parent_contexts: For parents, by name, other values than where the plan has them.

    Raises:
        UnsupportedBuild: A stage has the name of a base.
    """
    stages = build.target.build.stages
    contexts: dict[str, str] = {}
    for reference, source in _sources(build, parent_contexts or {}):
        for name in names_of(reference):
            if stages is not None and name.lower() in {stage.lower() for stage in stages}:
                raise UnsupportedBuild(
                    f"{build.name!r} has a stage with the name of its base {name!r}, which cannot be pinned",
                    where=build.target.build.dockerfile,
                    hint="rename the stage",
                )
            if stages is not None or ":" in name or "/" in name:
                contexts[name] = source
    return contexts


def _sources(build: Build, parent_contexts: Mapping[str, str]) -> Iterator[tuple[Reference, str]]:
    for base in build.target.bases:
        reference = Reference.parse(base.reference)
        yield reference, image_context(reference.with_digest(base.digest))
    for written, parent in build.target.parent_references.items():
        if parent in parent_contexts:
            yield _reference(written), parent_contexts[parent]
        elif parent in build.parent_images:
            yield _reference(written), image_context(build.parent_images[parent])


def _reference(written: str) -> Reference:
    try:
        return Reference.parse(written)
    except InvalidReference as error:
        raise UnsupportedBuild(f"the base {written!r} cannot be pinned: {error.what}") from error


def image_context(reference: Reference) -> str:
    """Return the value of a named context that is this image."""
    if not reference.repository.is_layout:
        return f"docker-image://{reference}"
    if reference.digest is None:
        raise UnsupportedBuild(f"no builder reads a tag of a layout: {reference}", hint="run: hashtag build")
    return f"oci-layout://{reference.repository.layout_folder}@{reference.digest}"
