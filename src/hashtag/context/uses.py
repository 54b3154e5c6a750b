"""Uses: what a lowered build takes from its build contexts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from attrs import frozen

from hashtag.errors import Location
from hashtag.images.lowered import (
    CopyOperation,
    Lowered,
    MainContext,
    MountOperation,
    NamedContext,
    Operation,
    Origin,
    RunOperation,
)

MAIN = ""


@frozen
class CopyUse:
    """One source of a COPY or ADD; `context` is a named context's name, or empty for the main one."""

    context: str
    source: str
    exclude: tuple[str, ...] = ()
    parents: bool = False


@frozen
class MountUse:
    """The source of a bind mount; empty for all of the context."""

    context: str
    source: str


@frozen
class WholeUse:
    """All of a context: a stage that is FROM it, or a setting."""

    context: str


Use: TypeAlias = CopyUse | MountUse | WholeUse


def context_of(origin: Origin | None) -> str | None:
    """Return the name of the context that an origin is, `""` for the main one, None for all else."""
    match origin:
        case MainContext():
            return MAIN
        case NamedContext(name):
            return name
        case _:
            return None


def copy_uses(operation: CopyOperation) -> tuple[CopyUse, ...]:
    """Return a use for each source, in order; none where the sources are not a context's."""
    context = context_of(operation.origin)
    if context is None:
        return ()
    return tuple(
        CopyUse(context, source, operation.exclude, operation.parents) for source in operation.sources
    )


def mount_use(mount: MountOperation) -> MountUse | None:
    """Return the use of a mount, None where it mounts no context."""
    context = context_of(mount.origin)
    return None if context is None else MountUse(context, mount.source)


def uses(lowered: Lowered) -> dict[Use, Location | None]:
    """Return all uses of all stages, each once, with the place of the first."""
    found: dict[Use, Location | None] = {}
    for index in sorted(lowered.stages):
        stage = lowered.stages[index]
        context = context_of(stage.base)
        if context is not None:
            found.setdefault(WholeUse(context), None)
        for operation in stage.operations:
            for use, location in _uses(operation):
                found.setdefault(use, location)
    return found


def _uses(operation: Operation) -> Iterator[tuple[Use, Location]]:
    if isinstance(operation, CopyOperation):
        places = operation.source_locations or (operation.location,) * len(operation.sources)
        yield from zip(copy_uses(operation), places, strict=False)  # no uses of what is not a context's
    elif isinstance(operation, RunOperation):
        for mount in operation.mounts:
            mounted = mount_use(mount)
            if mounted is not None:
                yield mounted, mount.location
