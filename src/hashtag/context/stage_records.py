"""The records of stages: what each starts from and does, by the SHA-256 of its own canonical JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from attrs import frozen

from hashtag.context.canonical import canonical, hidden, present
from hashtag.context.fileset import FileSet
from hashtag.context.uses import Use, WholeUse, context_of, copy_uses, mount_use
from hashtag.errors import UnknownBase
from hashtag.images.lowered import (
    CopyOperation,
    External,
    FolderOperation,
    FromStage,
    Internal,
    Lowered,
    LoweredStage,
    MainContext,
    MountOperation,
    NamedContext,
    Operation,
    Origin,
    RunOperation,
    Scratch,
)
from hashtag.oci.platform import Platform

# How many operations of a stage that stands in the record stand again in the stages that are FROM it.
_MOST_REPEATED = 100


@frozen(kw_only=True)
class Inputs:
    """
    What a lowered build does not hold itself.

    Attributes:
        file_sets: For each use of a context what it takes.
        parents: The fingerprint of an image of this project for a platform.
        remotes: For each source of ADD that is remote, with its checksum, what stands for its content.
        salt: Any text; empty is none.
        refresh: The period in seconds and its number, or None.
        whole_contexts: Contexts of which every visible file counts, used or not.
    """

    file_sets: Mapping[Use, FileSet]
    parents: Callable[[str, Platform], str]
    remotes: Mapping[tuple[str, str], str]
    salt: str = ""
    refresh: tuple[int, int] | None = None
    whole_contexts: tuple[str, ...] = ()


class StageRecords:
    """
    The records of the stages that are the target or that others read, by their keys.

    A stage that is FROM another holds the other's operations, unless those are many and the other
    stands in the record itself: else a long chain of stages would be written down again and again.
    """

    def __init__(self, lowered: Lowered, inputs: Inputs) -> None:
        self.documents: dict[str, Any] = {}
        self._lowered = lowered
        self._inputs = inputs
        self._read = _read(lowered)
        self._keys: dict[int, str] = {}
        self._counts: dict[int, int] = {}
        self._own: dict[int, list[dict[str, Any]]] = {}
        for index in sorted(lowered.stages):  # a stage only reads earlier ones
            self._add(index, lowered.stages[index])

    def key(self, index: int) -> str:
        """Return the key of a stage that others read."""
        return self._keys[index]

    def _add(self, index: int, stage: LoweredStage) -> None:
        self._own[index] = [_operation(operation, self, self._inputs) for operation in stage.operations]
        self._counts[index] = len(self._own[index])
        if isinstance(stage.base, FromStage) and not self._is_referred_to(stage.base.index):
            self._counts[index] += self._counts[stage.base.index]
        if index in self._read:
            document = self._document(index)
            self._keys[index] = sha256(canonical(document)).hexdigest()
            self.documents[self._keys[index]] = document

    def _is_referred_to(self, index: int) -> bool:
        return index in self._read and self._counts[index] > _MOST_REPEATED

    def _document(self, index: int) -> dict[str, Any]:
        """Return the record of a stage, with the operations of those that it is FROM."""
        chain = [index]
        base = self._lowered.stages[index].base
        while isinstance(base, FromStage) and not self._is_referred_to(base.index):
            chain.append(base.index)
            base = self._lowered.stages[base.index].base
        operations = [operation for stage in reversed(chain) for operation in self._own[stage]]
        document: dict[str, Any] = {
            "base": origin_document(base, self, self._inputs),
            "operations": operations,
        }
        platform = self._lowered.stages[index].platform
        if platform != self._lowered.platform and not isinstance(base, FromStage):
            document["platform"] = str(platform)
        return document


def _read(lowered: Lowered) -> set[int]:
    """Return the stages that are the target, or that another one copies from or mounts."""
    copied = {
        origin.index
        for stage in lowered.stages.values()
        for operation in stage.operations
        for origin in _operation_origins(operation)
        if isinstance(origin, FromStage)
    }
    return copied | {lowered.target}


def _operation_origins(operation: Operation) -> tuple[Origin | None, ...]:
    match operation:
        case RunOperation(mounts=mounts):
            return tuple(mount.origin for mount in mounts)
        case CopyOperation(origin=origin):
            return (origin,)
        case FolderOperation():
            return ()


def origin_document(origin: Origin, stages: StageRecords, inputs: Inputs) -> dict[str, Any]:
    """Return what stands in a record for what a stage starts from or reads; raise `UnknownBase`."""
    match origin:
        case Scratch():
            return {"scratch": True}
        case External(image=None, reference=reference, location=at):
            raise UnknownBase(f"base {reference.familiar} is not known", where=at)
        case External(image=image):
            assert image is not None  # the case before  # noqa: S101
            return {"image": str(image.digest)}
        case Internal(name, platform):
            return {"fingerprint": inputs.parents(name, platform)}
        case FromStage(index):
            return {"stage": stages.key(index)}
        case NamedContext(name):
            return {"files": inputs.file_sets[WholeUse(name)].to_json()}
        case MainContext():
            return {"files": inputs.file_sets[WholeUse("")].to_json()}


def _operation(operation: Operation, stages: StageRecords, inputs: Inputs) -> dict[str, Any]:
    match operation:
        case RunOperation():
            return _run(operation, stages, inputs)
        case CopyOperation():
            return _copy(operation, stages, inputs)
        case FolderOperation(path, user, created):
            return present({"folder": hidden(path), "user": user and hidden(user), "created": created})


def _run(operation: RunOperation, stages: StageRecords, inputs: Inputs) -> dict[str, Any]:
    mounts = [_mount(mount, stages, inputs) for mount in operation.mounts]
    return present(
        {
            "run": list(operation.arguments),
            "script": list(operation.script or ()),
            "environment": [[name, hidden(value)] for name, value in operation.environment],
            "folder": hidden(operation.folder),
            "user": operation.user and hidden(operation.user),
            "mounts": sorted(mounts, key=canonical),  # the builder sorts them by their targets
            "network": operation.network,
            "security": operation.security,
            "devices": list(operation.devices),
            "hostname": operation.hostname and hidden(operation.hostname),
        }
    )


def _mount(mount: MountOperation, stages: StageRecords, inputs: Inputs) -> dict[str, Any]:
    document: dict[str, Any] = {"kind": mount.kind, "target": hidden(mount.target)}
    use = mount_use(mount)
    if use is not None:
        document["files"] = inputs.file_sets[use].to_json()
    elif mount.origin is not None:
        document["from"] = origin_document(mount.origin, stages, inputs)
        document["path"] = hidden(mount.source)
    if mount.read_only:
        document["read-only"] = True
    if mount.options:
        document["options"] = [[name, hidden(value)] for name, value in mount.options]
    return document


def _copy(operation: CopyOperation, stages: StageRecords, inputs: Inputs) -> dict[str, Any]:
    is_context = context_of(operation.origin) is not None
    return present(
        {
            "copy": _copied(operation, stages, inputs),
            "to": hidden(operation.destination),
            "owner": operation.chown and hidden(operation.chown),
            "mode": operation.chmod and hidden(operation.chmod),
            "link": operation.link,
            "parents": operation.parents,
            # Of a context, what is excluded is not in the file set.
            "exclude": [] if is_context else list(operation.exclude),
            "unpack": operation.unpack,
            "unpack-remotes": operation.unpack_remotes,
            "checksum": operation.checksum and hidden(operation.checksum),
            "keep-git-dir": operation.keep_git_dir,
        }
    )


def _copied(operation: CopyOperation, stages: StageRecords, inputs: Inputs) -> list[dict[str, Any]]:
    paths = iter(_paths(operation, stages, inputs))
    # The last one wins where two make the same file.
    written = operation.written or (*operation.remotes, *operation.sources)
    sources = [
        {"remote": inputs.remotes[word, operation.checksum]} if word in operation.remotes else next(paths)
        for word in written
    ]
    inline = [{"name": file.name, "content": hidden(file.content)} for file in operation.inline]
    return [*sources, *inline]


def _paths(operation: CopyOperation, stages: StageRecords, inputs: Inputs) -> list[dict[str, Any]]:
    if not operation.sources:
        return []
    if context_of(operation.origin) is not None:
        return [{"files": inputs.file_sets[use].to_json()} for use in copy_uses(operation)]
    origin = origin_document(operation.origin, stages, inputs)
    return [{"from": origin, "path": hidden(source)} for source in operation.sources]
