"""The plan: for each image, whether it is built or exists already, and why."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeAlias

from attrs import field, frozen

from hashtag.oci.digest import Digest
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference, Repository


class Reason(Enum):
    """Why an image is built, or not; the value is what people and documents read."""

    HIT = "hit"
    HIT_UPSTREAM = "hit upstream"
    NEVER_BUILT = "never built"
    PARENT_IS_BUILT = "parent is built"
    REBUILD_ASKED = "rebuild asked"
    FAILED = "failed"


@frozen(kw_only=True)
class PlannedBase:
    """
    An external base of an image, as pinned.

    Attributes:
        reference: Normalised, without its digest: `docker.io/library/debian:12`.
        digest: Of the index where there is one, else of the manifest.
        platforms: The manifest's digest for each platform.
        configs: For each platform the `config` object of its OCI configuration; stands in saved plans alone.
    """

    reference: str
    digest: Digest
    platforms: Mapping[str, Digest] = field(hash=False)
    configs: Mapping[str, Mapping[str, Any]] = field(factory=dict, hash=False)


@frozen(kw_only=True)
class BuildSpec:
    """
    How an image is built, with paths relative to the project's folder.

    Attributes:
        arguments: Build arguments; a value of None is not known here (a saved plan keeps names only).
        contexts: Named contexts: a folder, `docker-image://…` or `oci-layout://…`.
        secrets: The ids of the secrets that RUN mounts ask for.
    """

    dockerfile: str
    context: str
    target: str | None = None
    arguments: Mapping[str, str | None] = field(factory=dict, hash=False)
    labels: Mapping[str, str] = field(factory=dict, hash=False)
    platforms: tuple[Platform, ...] = ()
    contexts: Mapping[str, str] = field(factory=dict, hash=False)
    secrets: tuple[str, ...] = ()


@frozen(kw_only=True)
class Target:
    """
    One image, all known about it that does not depend on the registry's contents.

    Attributes:
        fingerprint: 64 hex digits; of several platforms, the fingerprint over theirs.
        fingerprints: For each platform its own.
        parents: Names of the images of this project that it is built from.
        parent_references: For each reference in the Dockerfile that links to a parent, the parent's name.
        records: For each platform the inputs behind the fingerprint; stands in saved plans alone.
    """

    name: str
    fingerprint: str
    fingerprints: Mapping[str, str] = field(hash=False)
    cache_reference: Reference
    pipeline_reference: Reference | None
    parents: tuple[str, ...] = ()
    parent_references: Mapping[str, str] = field(factory=dict, hash=False)
    bases: tuple[PlannedBase, ...] = ()
    build: BuildSpec
    records: Mapping[str, Mapping[str, Any]] = field(factory=dict, hash=False, repr=False)

    @property
    def cache_tag(self) -> str:
        """`h1-` and the fingerprint."""
        return str(self.cache_reference.tag)

    @property
    def repository(self) -> Repository:
        """Where this image lives."""
        return self.cache_reference.repository


@frozen
class Build:
    """The image is new and has to be built."""

    target: Target
    reason: Reason


@frozen
class Alias:
    """
    The image exists and only gets this pipeline's tag.

    Attributes:
        digest: What the cache tag holds.
    """

    target: Target
    reason: Reason
    digest: Digest


@frozen
class Failed:
    """
    The image cannot be planned (`--keep-going`).

    Attributes:
        error: The sentence, with its place.
        code: `HT0xx`.
    """

    name: str
    error: str
    code: str


Action: TypeAlias = Build | Alias | Failed
