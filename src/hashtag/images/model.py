"""Images: what a project says of each of its images."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import field, frozen

from hashtag.oci.platform import LINUX_AMD64, Platform
from hashtag.oci.reference import Repository


class Modes(Enum):
    """Which permission bits count."""

    GIT = "git"
    FULL = "full"


class ContextFiles(Enum):
    """Which files of a context count: those that the Dockerfile uses, or all."""

    USED = "used"
    ALL = "all"


class RemoteAdd(Enum):
    """What stands for `ADD https://…` without a checksum."""

    FETCH = "fetch"
    URL = "url"
    REFUSE = "refuse"


class MissingSources(Enum):
    """What a source that is not in the context means."""

    ERROR = "error"
    WARN = "warn"


@frozen(kw_only=True)
class Image:
    """
    A Dockerfile, its context and its settings, under a name.

    Attributes:
        dockerfile: Relative to the project's folder, with `/`.
        context: A folder, relative to the project's folder; `.` is the project's folder itself.
        repository: Where the image lives; None where the project has no repository.
        arguments: The build arguments.
        contexts: Named contexts: a folder relative to the project's, `docker-image://…` or `oci-layout://…`.
        known_as: Patterns of the references that mean this image, `{name}` filled in.
        salt: Any text that changes the fingerprint.
        refresh: A period in seconds after which the fingerprint changes by itself.
        is_discovered: It was found, not configured: where it cannot be planned it is skipped.
    """

    name: str
    dockerfile: str
    context: str
    repository: Repository | None = None
    target: str | None = None
    arguments: Mapping[str, str] = field(factory=dict, hash=False, repr=False)
    labels: Mapping[str, str] = field(factory=dict, hash=False)
    platforms: tuple[Platform, ...] = (LINUX_AMD64,)
    contexts: Mapping[str, str] = field(factory=dict, hash=False)
    known_as: tuple[str, ...] = ()
    salt: str = ""
    refresh: int | None = None
    is_discovered: bool = False
    modes: Modes = Modes.GIT
    context_files: ContextFiles = ContextFiles.USED
    remote_add: RemoteAdd = RemoteAdd.FETCH
    missing_sources: MissingSources = MissingSources.ERROR


@frozen
class Node:
    """
    An image in the graph.

    Attributes:
        parents: The names of the images of this project that it is built from, in order of first use.
        bases: The references of its external bases, normalised, in order of first use.
    """

    image: Image
    parents: tuple[str, ...]
    bases: tuple[str, ...]


@frozen
class Graph:
    """The images of a project, parents before children."""

    nodes: tuple[Node, ...]
