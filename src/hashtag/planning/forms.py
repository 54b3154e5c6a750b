"""Forms: the plan document's objects, field for field as they stand in the JSON.

Fields with a default are written only where they say something; without one, always.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from hashtag.oci.digest import Digest
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.plan import OnUpstreamHit, Reason

# Minor: fields are added, readers ignore what they do not know. Major: readers refuse.
FORMAT_VERSION = "1.0"


@frozen(kw_only=True)
class BaseForm:
    """An external base as pinned."""

    reference: str
    digest: Digest
    platforms: Mapping[str, Digest]
    configs: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    is_written_by_digest: bool = False


@frozen(kw_only=True)
class BuildForm:
    """How an image is built; `arguments` are names alone."""

    dockerfile: str
    context: str
    target: str | None = None
    arguments: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(factory=dict)
    platforms: tuple[Platform, ...] = ()
    contexts: Mapping[str, str] = field(factory=dict)
    secrets: tuple[str, ...] = ()
    stages: tuple[str, ...] | None = None


@frozen(kw_only=True)
class ImageForm:
    """
    An image and what is done about it.

    Attributes:
        build: How it is built; null where it is not.
        replaces: What the cache tag of an image that is built holds, and nobody can use.
        spec: How an existing image would be built; stands in saved plans alone.
        upstream: Where an existing image is, if that is not our own repository.
        on_upstream_hit: Whether it is copied or used there.
    """

    name: str
    action: str
    reason: Reason
    fingerprint: str | None = None
    cache_tag: str | None = None
    cache_reference: Reference | None = None
    pipeline_reference: Reference | None = None
    digest: Digest | None = None
    parents: tuple[str, ...] = ()
    bases: tuple[BaseForm, ...] = ()
    build: BuildForm | None = None
    fingerprints: Mapping[str, str] = field(factory=dict)
    parent_references: Mapping[str, str] = field(factory=dict)
    salt: str = ""
    replaces: Digest | None = None
    spec: BuildForm | None = None
    records: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    upstream: Repository | None = None
    on_upstream_hit: OnUpstreamHit | None = None
    error: str | None = None
    code: str | None = None


@frozen(kw_only=True)
class PlanForm:
    """The whole document."""

    format_version: str
    repository: Repository
    pipeline_tag: str | None = None
    ref: str | None = None
    commit: str | None = None
    commit_time: str | None = None
    at: str
    tool_version: str = ""
    images: tuple[ImageForm, ...]
    warnings: tuple[str, ...] = ()


# Fields that stand in the JSON only where they say something; inner forms before those that hold them.
EXTRAS = {
    BaseForm: ("configs", "is_written_by_digest"),
    BuildForm: ("stages",),
    ImageForm: (
        *("fingerprints", "parent_references", "salt", "replaces", "spec", "records"),
        *("upstream", "on_upstream_hit", "error", "code"),
    ),
}
