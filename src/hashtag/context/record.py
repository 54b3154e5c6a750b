"""The record: the inputs of one image on one platform, as canonical JSON (recipe `h1`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from attrs import frozen

from hashtag.context.fileset import FileSet
from hashtag.context.uses import Use, WholeUse, context_of, copy_uses, mount_use
from hashtag.errors import UnknownBase
from hashtag.images.config import ImageConfig
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

RECIPE = "h1"


@frozen(kw_only=True)
class Inputs:
    """
    What a lowered build does not hold itself.

    Attributes:
        file_sets: For each use of a context what it takes.
        parents: The fingerprint of an image of this project for a platform.
        remotes: For each source of ADD that is remote what stands for its content.
        salt: Any text; empty is none.
        refresh: The period in seconds and its number, or None.
        whole_contexts: Contexts of which every visible file counts, used or not.
    """

    file_sets: Mapping[Use, FileSet]
    parents: Callable[[str, Platform], str]
    remotes: Mapping[str, str]
    salt: str = ""
    refresh: tuple[int, int] | None = None
    whole_contexts: tuple[str, ...] = ()


def canonical(document: object) -> bytes:
    """Return the one JSON text of a document: sorted keys, UTF-8, no white space."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogateescape")


def hidden(text: str) -> str:
    """Return what stands in a record for a text that an ARG can influence."""
    return "sha256:" + sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def record(lowered: Lowered, inputs: Inputs) -> dict[str, Any]:
    """
    Return the record of a lowered build.

    Stages stand in it by the SHA-256 of their own canonical JSON, so that neither their names nor
    their order count; a stage that is FROM another holds the other's operations.

    Raises:
        UnknownBase: An external base has no digest.
    """
    stages = _Stages(lowered, inputs)
    document: dict[str, Any] = {
        "recipe": RECIPE,
        "platform": str(lowered.platform),
        "stage": stages.key(lowered.target),
        "stages": stages.documents,
        "config": config_document(lowered.config),
    }
    if lowered.syntax:
        document["syntax"] = _origin(lowered.syntax, stages, inputs)
    if inputs.salt:
        document["salt"] = hidden(inputs.salt)
    if inputs.refresh:
        document["refresh"] = list(inputs.refresh)
    if inputs.whole_contexts:
        document["contexts"] = {
            context: inputs.file_sets[WholeUse(context)].to_json() for context in inputs.whole_contexts
        }
    return document


class _Stages:
    """The records of the stages, by their keys."""

    def __init__(self, lowered: Lowered, inputs: Inputs) -> None:
        self.documents: dict[str, Any] = {}
        self._keys: dict[int, str] = {}
        self._flat: dict[int, dict[str, Any]] = {}
        for index in sorted(lowered.stages):  # a stage only reads earlier ones
            self._add(index, lowered.stages[index], lowered, inputs)
        for index in _read(lowered):
            self.documents[self._keys[index]] = self._flat[index]

    def key(self, index: int) -> str:
        return self._keys[index]

    def _add(self, index: int, stage: LoweredStage, lowered: Lowered, inputs: Inputs) -> None:
        operations = [_operation(operation, self, inputs) for operation in stage.operations]
        match stage.base:
            case FromStage(parent):
                flat = self._flat[parent]
                document = {**flat, "operations": [*flat["operations"], *operations]}
            case base:
                document = {"base": _origin(base, self, inputs), "operations": operations}
                if stage.platform != lowered.platform:
                    document["platform"] = str(stage.platform)
        self._flat[index] = document
        self._keys[index] = sha256(canonical(document)).hexdigest()


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


def _origin(origin: Origin, stages: _Stages, inputs: Inputs) -> dict[str, Any]:
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


def _operation(operation: Operation, stages: _Stages, inputs: Inputs) -> dict[str, Any]:
    match operation:
        case RunOperation():
            return _run(operation, stages, inputs)
        case CopyOperation():
            return _copy(operation, stages, inputs)
        case FolderOperation(path, user, created):
            return _present({"folder": hidden(path), "user": user and hidden(user), "created": created})


def _run(operation: RunOperation, stages: _Stages, inputs: Inputs) -> dict[str, Any]:
    mounts = [_mount(mount, stages, inputs) for mount in operation.mounts]
    return _present(
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


def _mount(mount: MountOperation, stages: _Stages, inputs: Inputs) -> dict[str, Any]:
    document: dict[str, Any] = {"kind": mount.kind, "target": hidden(mount.target)}
    use = mount_use(mount)
    if use is not None:
        document["files"] = inputs.file_sets[use].to_json()
    elif mount.origin is not None:
        document["from"] = _origin(mount.origin, stages, inputs)
        document["path"] = hidden(mount.source)
    if mount.read_only:
        document["read-only"] = True
    if mount.options:
        document["options"] = [[name, hidden(value)] for name, value in mount.options]
    return document


def _copy(operation: CopyOperation, stages: _Stages, inputs: Inputs) -> dict[str, Any]:
    is_context = context_of(operation.origin) is not None
    return _present(
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
            "checksum": operation.checksum and hidden(operation.checksum),
            "keep-git-dir": operation.keep_git_dir,
        }
    )


def _copied(operation: CopyOperation, stages: _Stages, inputs: Inputs) -> list[dict[str, Any]]:
    remotes = [{"remote": inputs.remotes[remote]} for remote in operation.remotes]
    inline = [{"name": file.name, "content": hidden(file.content)} for file in operation.inline]
    return [*remotes, *_paths(operation, stages, inputs), *inline]


def _paths(operation: CopyOperation, stages: _Stages, inputs: Inputs) -> list[dict[str, Any]]:
    if not operation.sources:
        return []
    if context_of(operation.origin) is not None:
        return [{"files": inputs.file_sets[use].to_json()} for use in copy_uses(operation)]
    origin = _origin(operation.origin, stages, inputs)
    return [{"from": origin, "path": hidden(source)} for source in operation.sources]


def config_document(config: ImageConfig) -> dict[str, Any]:
    """Return what stands in a record for the final config."""
    return _present(
        {
            "environment": [[name, hidden(value)] for name, value in config.environment],
            "folder": config.working_dir and hidden(config.working_dir),
            "user": config.user and hidden(config.user),
            "shell": list(config.shell),
            "onbuild": list(config.onbuild),
            "labels": {name: hidden(value) for name, value in config.labels.items()},
            "command": None if config.command is None else {"arguments": list(config.command)},
            "entrypoint": None if config.entrypoint is None else {"arguments": list(config.entrypoint)},
            "volumes": sorted(hidden(path) for path in config.volumes),
            "ports": sorted(hidden(port) for port in config.ports),
            "healthcheck": config.healthcheck,
            "stop-signal": config.stop_signal and hidden(config.stop_signal),
            "author": config.author,
        }
    )


def _present(document: dict[str, Any]) -> dict[str, Any]:
    """Return the members that say something: an absent one and an empty one are the same."""
    return {name: value for name, value in document.items() if value not in (None, "", [], {}, False)}
