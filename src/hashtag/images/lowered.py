"""A lowered build: what BuildKit would execute, without the words it was written in."""

from __future__ import annotations

from typing import TypeAlias

from attrs import field, frozen

from hashtag.errors import Location
from hashtag.images.bases import BaseImage
from hashtag.images.config import ImageConfig
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference

# ── what a stage starts from, what a copy or mount reads ─────────────────────────────────────────


@frozen
class Scratch:
    """Nothing."""


@frozen
class External:
    """
    An image of somebody else.

    Attributes:
        reference: Normalised; with a digest only where the Dockerfile writes one.
        image: None as long as it is not pinned.
        written: The text in the Dockerfile, after expansion.
    """

    reference: Reference
    platform: Platform
    image: BaseImage | None
    written: str = field(eq=False)
    location: Location = field(eq=False)


@frozen
class Internal:
    """An image of this project, by name."""

    name: str
    platform: Platform
    written: str = field(eq=False)
    location: Location = field(eq=False)


@frozen
class FromStage:
    """A stage of the same Dockerfile, by its index."""

    index: int


@frozen
class NamedContext:
    """A named build context that is a folder."""

    name: str


@frozen
class MainContext:
    """The build context."""


StageBase: TypeAlias = Scratch | External | Internal | FromStage | NamedContext
Origin: TypeAlias = MainContext | StageBase

# ── operations ───────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True)
class MountOperation:
    """
    A `RUN --mount`.

    Attributes:
        kind: `bind`, `cache`, `tmpfs`, `secret` or `ssh`.
        origin: What is mounted; None where the kind has no source.
        source: A path in the origin; empty for all of it.
        options: What else can change the result, sorted.
    """

    kind: str
    origin: Origin | None
    source: str
    target: str
    read_only: bool
    options: tuple[tuple[str, str], ...]
    location: Location = field(eq=False)


@frozen(kw_only=True)
class RunOperation:
    """
    A `RUN`.

    Attributes:
        arguments: The process, with the shell in front where the form is the shell's.
        script: Name and content of a here-document that is executed by its own `#!` line.
        environment: In order, ARGs in scope included.
    """

    arguments: tuple[str, ...]
    script: tuple[str, str] | None
    environment: tuple[tuple[str, str], ...]
    folder: str
    user: str
    mounts: tuple[MountOperation, ...]
    network: str | None
    security: str | None
    devices: tuple[str, ...]
    hostname: str | None
    location: Location = field(eq=False)


@frozen
class Inline:
    """A file whose content stands in the Dockerfile."""

    name: str
    content: str


@frozen(kw_only=True)
class CopyOperation:
    """
    A `COPY` or `ADD` of paths.

    Attributes:
        sources: The paths, expanded, as written otherwise.
        source_locations: Where each of them stands.
        remotes: The sources of an ADD that are URLs or Git references.
        written: Both, in their order; empty where there is only one kind.
        destination: Absolute; a trailing `/` is kept.
        unpack: Whether archives among the paths are extracted.
        unpack_remotes: Whether fetched archives are extracted.
    """

    origin: Origin
    sources: tuple[str, ...]
    remotes: tuple[str, ...]
    inline: tuple[Inline, ...]
    destination: str
    chown: str
    chmod: str
    link: bool
    parents: bool
    exclude: tuple[str, ...]
    unpack: bool
    checksum: str
    keep_git_dir: bool
    written: tuple[str, ...] = ()
    unpack_remotes: bool = False
    location: Location = field(eq=False)
    source_locations: tuple[Location, ...] = field(eq=False, default=())


@frozen
class FolderOperation:
    """
    A `WORKDIR` that makes its folder.

    Attributes:
        created: The value of SOURCE_DATE_EPOCH, which is the folder's time.
    """

    path: str
    user: str
    created: str


Operation: TypeAlias = RunOperation | CopyOperation | FolderOperation

# ── the whole ────────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True)
class LoweredStage:
    """A stage: what it starts from, what it does, and the config after it."""

    base: StageBase
    operations: tuple[Operation, ...]
    config: ImageConfig
    platform: Platform


@frozen(kw_only=True)
class Lowered:
    """
    A build of one target for one platform.

    Attributes:
        stages: The reachable ones, by their index in the Dockerfile.
        target: The index of the one that becomes the image.
        config: The image's, with the labels of the command line.
        syntax: The frontend image, where it is not Docker's own.
    """

    platform: Platform
    stages: dict[int, LoweredStage] = field(hash=False)
    target: int
    config: ImageConfig
    syntax: External | None

    def origins(self) -> tuple[Origin, ...]:
        """Return all that the stages start from or read, in order of first use, each once."""
        found: dict[Origin, None] = {}
        if self.syntax:
            found[self.syntax] = None
        for index in sorted(self.stages):
            stage = self.stages[index]
            found[stage.base] = None
            for operation in stage.operations:
                found.update(dict.fromkeys(_origins(operation)))
        return tuple(found)

    def externals(self) -> tuple[External, ...]:
        """Return the external images among the origins."""
        return tuple(origin for origin in self.origins() if isinstance(origin, External))

    def remote_copies(self) -> tuple[CopyOperation, ...]:
        """Return the ADDs with remote sources."""
        operations = (o for index in sorted(self.stages) for o in self.stages[index].operations)
        return tuple(o for o in operations if isinstance(o, CopyOperation) and o.remotes)

    def internals(self) -> tuple[Internal, ...]:
        """Return the images of this project among the origins."""
        return tuple(origin for origin in self.origins() if isinstance(origin, Internal))


def _origins(operation: Operation) -> tuple[Origin, ...]:
    match operation:
        case RunOperation():
            return tuple(mount.origin for mount in operation.mounts if mount.origin is not None)
        case CopyOperation():
            return (operation.origin,)
        case FolderOperation():
            return ()
