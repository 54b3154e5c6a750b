"""The plan: for each image, whether it is built or exists already, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, TypeAlias

from attrs import field, frozen

from hashtag import __version__
from hashtag.errors import FileNotWritten, InvalidDocument, UnreadableFile
from hashtag.oci.digest import Digest
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.change import AddTag, Change, CopyImage
from hashtag.planning.file import PathText, read_text, replace_text

# RFC 3339, «Internet Date/Time Format», in UTC: the only form that sorts as text.
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")


class Reason(Enum):
    """Why an image is built, or not; the value is what people and documents read."""

    HIT = "hit"
    HIT_UPSTREAM = "hit upstream"
    NEVER_BUILT = "never built"
    PARENT_IS_BUILT = "parent is built"
    CACHE_IS_BROKEN = "cache is broken"
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
        is_written_by_digest: Whether the Dockerfile itself names it by its digest.
    """

    reference: str
    digest: Digest
    platforms: Mapping[str, Digest] = field(hash=False)
    configs: Mapping[str, Mapping[str, Any]] = field(factory=dict, hash=False)
    is_written_by_digest: bool = False


@frozen(kw_only=True)
class BuildSpec:
    """
    How an image is built, with paths relative to the project's folder.

    Attributes:
        arguments: Build arguments; a value of None is not known here (a saved plan keeps names only).
        contexts: Named contexts: a folder, `docker-image://…` or `oci-layout://…`.
        secrets: The ids of the secrets that RUN mounts ask for.
        stages: The names of the Dockerfile's stages; None where they are not known.
    """

    dockerfile: str
    context: str
    target: str | None = None
    arguments: Mapping[str, str | None] = field(factory=dict, hash=False, repr=False)
    labels: Mapping[str, str] = field(factory=dict, hash=False)
    platforms: tuple[Platform, ...] = ()
    contexts: Mapping[str, str] = field(factory=dict, hash=False)
    secrets: tuple[str, ...] = ()
    stages: tuple[str, ...] | None = None


@frozen(kw_only=True)
class Target:
    """
    One image, all known about it that does not depend on the registry's contents.

    Attributes:
        fingerprint: 64 hex digits; of several platforms, the fingerprint over theirs.
        fingerprints: For each platform its own.
        parents: Names of the images of this project that it is built from.
        parent_references: For each reference in the Dockerfile that links to a parent, the parent's name.
        salt: The text, of the settings or the command line, that is in the fingerprint too.
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
    salt: str = ""
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
    """
    The image is new and has to be built.

    Attributes:
        parent_images: For each parent in the plan, by name, where the build finds it: an existing
            one by digest, one that is built before by the tag that it is pushed to.
        replaces: What the cache tag holds and nobody can use: a part of it is missing.
    """

    target: Target
    reason: Reason
    parent_images: Mapping[str, Reference] = field(factory=dict, hash=False)
    replaces: Digest | None = None

    @property
    def name(self) -> str:
        """The image's name."""
        return self.target.name

    @property
    def reference(self) -> Reference:
        """Where the build is pushed: the pipeline's tag, without one the cache tag."""
        return self.target.pipeline_reference or self.target.cache_reference

    def command(self, builder: str) -> list[str]:
        """
        Return the command line that builds this image in the project's folder, from scratch.

        Args:
            builder: "buildx", "docker", "buildah", "podman" or "kaniko".

        Raises:
            UnsupportedBuild: The builder cannot do this build exactly.
            UsageError: There is no such builder.
        """
        from hashtag.planning.command import command  # it needs this module

        return command(self, builder)


class OnUpstreamHit(Enum):
    """What is done with an image that another repository holds."""

    COPY = "copy"
    USE = "use"


@frozen
class Upstream:
    """Another repository that holds an image, and whether it is copied or used where it is."""

    repository: Repository
    on_hit: OnUpstreamHit = OnUpstreamHit.COPY


@frozen
class Alias:
    """
    The image exists and only gets this pipeline's tag.

    Attributes:
        digest: What the cache tag holds.
        upstream: Where it is, if that is not our own repository.
    """

    target: Target
    reason: Reason
    digest: Digest
    upstream: Upstream | None = None

    @property
    def name(self) -> str:
        """The image's name."""
        return self.target.name

    @property
    def reference(self) -> Reference:
        """The image by digest: what every later reader gets, whatever happens to tags."""
        if self.upstream and self.is_used_elsewhere:
            return self.upstream.repository.at(self.digest)
        return self.target.repository.at(self.digest)

    @property
    def is_used_elsewhere(self) -> bool:
        """Whether the image stays in another repository."""
        return self.upstream is not None and self.upstream.on_hit is OnUpstreamHit.USE

    @property
    def changes(self) -> tuple[Change, ...]:
        """A copy where it is not here, and this pipeline's tag; nothing where it is used elsewhere."""
        cache, tag = self.target.cache_reference, self.target.pipeline_reference
        copies: tuple[Change, ...] = ()
        if self.is_used_elsewhere:
            return ()
        if self.upstream:
            copies = (CopyImage(self.digest, self.upstream.repository, cache),)
        return (*copies, AddTag(self.digest, tag)) if tag and tag != cache else copies


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


@frozen(kw_only=True)
class Plan:
    """
    What is to be done about each image, parents before children; iterating yields the actions.

    Attributes:
        repository: The project's.
        ref: The branch or tag the plan was made for, where it is known.
        commit_time: RFC 3339 in UTC, as `at`.
        at: When the plan was made: RFC 3339 in UTC, `2024-05-01T12:00:00Z`.
        warnings: Sentences for people, each once.
        tool_version: Of the hashtag that made the plan.
    """

    actions: tuple[Action, ...] = field()
    repository: Repository
    pipeline_tag: str | None = None
    ref: str | None = None
    commit: str | None = None
    commit_time: str | None = field(default=None)
    at: str = field()
    warnings: tuple[str, ...] = ()
    tool_version: str = __version__

    @actions.validator
    def _check_order(self, _: object, actions: tuple[Action, ...]) -> None:
        seen: set[str] = set()
        all_names = {action.name for action in actions}
        for action in actions:
            if action.name in seen:
                raise InvalidDocument(f"image {action.name!r} stands twice in the plan")
            if late := set(_parents(action)) & all_names - seen:
                raise InvalidDocument(f"image {action.name!r} stands before its parent {min(late)!r}")
            seen.add(action.name)

    @at.validator
    @commit_time.validator
    def _check_time(self, _: object, time: str | None) -> None:
        if time is not None and not _is_time(time):
            raise InvalidDocument(f"not a time: {time!r}", hint="write it in UTC: 2024-05-01T12:00:00Z")

    def __iter__(self) -> Iterator[Action]:
        return iter(self.actions)

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def builds(self) -> tuple[Build, ...]:
        """What is to be built, parents first."""
        return tuple(action for action in self if isinstance(action, Build))

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """What exists already."""
        return tuple(action for action in self if isinstance(action, Alias))

    @property
    def failed(self) -> tuple[Failed, ...]:
        """What could not be planned."""
        return tuple(action for action in self if isinstance(action, Failed))

    @property
    def changes(self) -> tuple[Change, ...]:
        """What the existing images get; nothing for builds, whose digests are not known yet."""
        return tuple(change for alias in self.aliases for change in alias.changes)

    def save(self, path: PathText) -> None:
        """Write the plan to a file, at once or not at all; raise `FileNotWritten`."""
        from hashtag.planning.document import to_json  # it needs this module

        try:
            replace_text(path, to_json(self, saved=True))
        except OSError as error:
            raise FileNotWritten(f"the plan is not saved: {error.strerror}", where=str(path)) from error

    @classmethod
    def load(cls, path: PathText) -> Plan:
        """Read a saved plan; raise `UnreadableFile` or `InvalidDocument`."""
        from hashtag.planning.document import from_json  # it needs this module

        try:
            text = read_text(path)
        except OSError as error:
            raise UnreadableFile(f"the plan cannot be read: {error.strerror}", where=str(path)) from error
        except ValueError as error:
            raise InvalidDocument(str(error), where=str(path)) from error
        try:
            return from_json(text)
        except InvalidDocument as error:
            raise InvalidDocument(error.what, where=str(path), hint=error.hint) from error


def _is_time(text: str) -> bool:
    try:
        return _UTC.fullmatch(text) is not None and datetime.fromisoformat(text) is not None
    except ValueError:  # a 13th month
        return False


def _parents(action: Action) -> tuple[str, ...]:
    return () if isinstance(action, Failed) else action.target.parents
