"""Checking that the files still are what a plan was made from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from hashtag.context.fingerprint import joined
from hashtag.errors import HashtagError, MissingParent, RegistryError, StalePlan, UnknownImage
from hashtag.images.model import Image
from hashtag.oci.ports import Home
from hashtag.planning.known import known_bases
from hashtag.planning.plan import Failed, Plan, Target
from hashtag.project.project import Project
from hashtag.project.workspace import Hashed
from hashtag.registry.origin import shown
from hashtag.worktree.changes import changed_since, differences

_AGAIN = "plan again: hashtag plan"


def hash_as_planned(project: Project, plan: Plan, names: Collection[str], registry: Home) -> Hashed:
    """
    Return the images hashed with the bases, the salts and the time of a plan.

    Raises:
        StalePlan: An image of the plan is not in the project.
    """
    targets = [action.target for action in plan if not isinstance(action, Failed)]
    try:
        placed = project.placed(registry, {target.name: target.salt for target in targets})
        at = datetime.fromisoformat(plan.at)
        return placed.workspace.hash(names, known_bases(plan), registry, at=at)
    except UnknownImage as error:
        raise StalePlan(error.what, hint=_AGAIN) from error


def check(target: Target, hashed: Hashed, planned_at: str) -> None:
    """
    Do nothing if an image still has the fingerprint that was planned.

    Raises:
        StalePlan: It has another; with the path of a changed file, where one can be told.
    """
    error = hashed.errors.get(target.name)
    if error is not None:
        _raise_stale(error)
    found = hashed.fingerprints.found[target.name]
    if joined({platform: each.text for platform, each in found.items()}) == target.fingerprint:
        return
    image = hashed.resolved.sources[target.name].image
    raise _stale(target.name, _changed(target, image, hashed, datetime.fromisoformat(planned_at)))


def check_again(target: Target, before: Hashed, after: Hashed, planned_at: str) -> None:
    """Do nothing if an image still has its fingerprint; else raise `StalePlan` with the changed paths."""
    try:
        check(target, after, planned_at)
    except StalePlan:
        image = before.resolved.sources[target.name].image
        builds = before.resolved.resolution.lowered[target.name].values()
        if target.name in after.errors:
            raise
        _check_remotes(target.name, before, after)
        paths = differences(before.hashing.view(image), after.hashing.view(image), builds)
        if not paths:
            raise
        raise _stale(target.name, _inside(before, paths)) from None


def _check_remotes(name: str, before: Hashed, after: Hashed) -> None:
    """Raise `StalePlan` for the first remote source of ADD that is not what it was."""
    was, now = before.hashing.remotes.get(name, {}), after.hashing.remotes.get(name, {})
    for lowered in after.resolved.resolution.lowered[name].values():
        for operation in lowered.remote_copies():
            for remote in operation.remotes:
                key = (remote, operation.checksum)
                if was.get(key) != now.get(key):
                    raise StalePlan(
                        f"ADD {shown(remote)} is another content than when {name} was planned",
                        where=operation.location,
                        hint=_AGAIN,
                    )


def _raise_stale(error: HashtagError) -> None:
    if isinstance(error, RegistryError):
        raise error
    if isinstance(error, MissingParent):
        raise StalePlan(error.what, where=error.where, hint=_AGAIN) from error
    raise StalePlan(f"{error.what}, unlike when the plan was made", where=error.where, hint=_AGAIN) from error


def _stale(name: str, paths: list[str]) -> StalePlan:
    more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
    return StalePlan(
        f"it changed after {name} was planned{more}" if paths else f"{name} is not what was planned any more",
        where=paths[0] if paths else "",
        hint=_AGAIN,
    )


def _changed(target: Target, image: Image, hashed: Hashed, moment: datetime) -> list[str]:
    """Return what explains another fingerprint, as messages show it: files, or the Dockerfile."""
    lowered = hashed.resolved.resolution.lowered[target.name]
    known = {digest for record in target.records.values() for digest in _file_sets(record)}
    view = hashed.hashing.view(image)
    paths = changed_since(view, lowered.values(), known, moment)
    fresh = {str(platform): each.record for platform, each in hashed.fingerprints.found[target.name].items()}
    if target.records and _without_files(target.records) != _without_files(fresh):
        paths.insert(0, str(hashed.hashing.folder / image.dockerfile))
    return _inside(hashed, paths)


def _inside(hashed: Hashed, paths: Iterable[str]) -> list[str]:
    """Return paths as messages show them: relative to the project's folder."""
    folder = f"{hashed.hashing.folder}/"
    return [path.removeprefix(folder) for path in paths]


def _file_sets(document: Any) -> Iterator[str]:
    for key, value in _members(document):
        if key == "files":
            yield value["digest"]
        else:
            yield from _file_sets(value)


def _members(document: Any) -> Iterator[tuple[str, Any]]:
    match document:
        case dict():
            yield from document.items()
        case list():
            yield from (("", value) for value in document)
        case _:
            return


def _without_files(records: Mapping[str, Any]) -> Any:
    """Return what stands in records besides file sets and what is computed from them."""
    return [_flat(records[platform].get("stages")) for platform in sorted(records)]


def _flat(document: Any) -> Any:
    match document:
        case dict():
            # Stages stand under their own digests, which file sets are part of.
            found = [(key if len(key) < 64 else "", _flat(value)) for key, value in document.items()]
            return sorted(
                (pair for pair in found if pair[0] not in ("files", "stage", "fingerprint")), key=repr
            )
        case list():
            return [_flat(value) for value in document]
        case _:
            return document
