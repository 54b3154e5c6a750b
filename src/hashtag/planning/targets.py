"""Targets: all that is known of an image before a registry is asked. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hashtag.context.fingerprint import Fingerprint, cache_tag, joined
from hashtag.errors import ConfigError
from hashtag.images.graph import Resolution
from hashtag.images.lowered import External, Lowered, RunOperation
from hashtag.images.model import Image
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference
from hashtag.planning.plan import BuildSpec, PlannedBase, Target


def target(
    image: Image,
    resolution: Resolution,
    fingerprints: Mapping[Platform, Fingerprint],
    pipeline_tag: str | None,
    stages: tuple[str, ...],
) -> Target:
    """
    Return what a plan says of one image.

    Args:
        stages: The names of the stages of its Dockerfile.

    Raises:
        ConfigError: The project has no repository.
    """
    if image.repository is None:
        raise ConfigError(
            "there is no repository to look in",
            hint='give --repository, set CI_REGISTRY_IMAGE, or write repository = "…" into hashtag.toml',
        )
    builds = resolution.lowered[image.name]
    fingerprint = joined({platform: found.text for platform, found in fingerprints.items()})
    return Target(
        name=image.name,
        fingerprint=fingerprint,
        fingerprints={str(platform): found.text for platform, found in fingerprints.items()},
        cache_reference=image.repository.tagged(cache_tag(fingerprint)),
        pipeline_reference=image.repository.tagged(pipeline_tag) if pipeline_tag else None,
        parents=resolution.parents(image.name),
        parent_references={link.written: link.name for link in resolution.internals(image.name)},
        bases=tuple(planned_bases(resolution.bases(image.name))),
        build=_build_spec(image, tuple(builds.values()), stages),
        salt=image.salt,
        records={str(platform): found.record for platform, found in fingerprints.items()},
    )


def planned_bases(bases: tuple[External, ...]) -> Iterator[PlannedBase]:
    """Yield each external base once, with what it is on each platform."""
    by_reference: dict[Reference, list[External]] = {}
    for base in bases:
        by_reference.setdefault(base.reference, []).append(base)
    for reference, same in by_reference.items():
        images = {str(base.platform): base.image for base in same if base.image}
        first = next(iter(images.values()))
        yield PlannedBase(
            reference=str(reference.without_digest()),
            digest=reference.digest or first.pinned_digest,
            platforms={platform: image.digest for platform, image in images.items()},
            configs={platform: image.config for platform, image in images.items()},
            is_written_by_digest=reference.digest is not None,
        )


def _build_spec(image: Image, builds: tuple[Lowered, ...], stages: tuple[str, ...]) -> BuildSpec:
    return BuildSpec(
        dockerfile=image.dockerfile,
        context=image.context,
        target=image.target,
        arguments=dict(image.arguments),
        labels=dict(image.labels),
        platforms=image.platforms,
        contexts=dict(image.contexts),
        secrets=tuple(dict.fromkeys(secret for build in builds for secret in _secrets(build))),
        stages=stages,
    )


def _secrets(build: Lowered) -> Iterator[str]:
    for stage in build.stages.values():
        for operation in stage.operations:
            if isinstance(operation, RunOperation):
                for mount in operation.mounts:
                    if mount.kind == "secret":
                        yield dict(mount.options).get("id") or mount.target.rpartition("/")[2]
