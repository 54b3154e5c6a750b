"""Stages: what their names mean, what they start from, and which of them a target needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Final

from hashtag.dockerfile.expansion import expand, variables_in
from hashtag.dockerfile.instruction import Copy, Mount, Onbuild, Run, StageInstruction
from hashtag.dockerfile.parser import parse_trigger
from hashtag.dockerfile.stage import Dockerfile, Stage
from hashtag.errors import (
    Cycle,
    DockerfileError,
    HashtagError,
    Location,
    UnknownStage,
    UnsetBase,
    did_you_mean,
)
from hashtag.images.lowered import External, FromStage, Internal, NamedContext, Origin, Scratch, StageBase
from hashtag.images.origins import BuildRequest, World, context_origin, image_origin
from hashtag.oci.platform import Platform

# Go strconv.Atoi; a number that no machine holds is no number.
_INDEX: Final = re.compile(r"[+-]?[0-9]{1,18}")
# dockerfile2llb, namedContextFunc.
_NEVER_REPLACED: Final = ("scratch", "context")


class Stages:
    """
    The stages of a Dockerfile for one request.

    FROM lines are expanded in all stages, so that a malformed one is an error wherever it stands.

    Attributes:
        bases: What each stage starts from.
    """

    def __init__(
        self, dockerfile: Dockerfile, request: BuildRequest, variables: Mapping[str, str], world: World
    ) -> None:
        self._dockerfile = dockerfile
        self._request = request
        self._globals = variables
        self._world = world
        self._stages = dockerfile.stages
        self._replaced: set[int] = set()
        self._triggered: dict[int, tuple[StageInstruction, ...]] = {}
        self._names: dict[str, int] = {}
        self.platforms: list[Platform] = []
        self.bases: list[StageBase] = []
        for stage in self._stages:
            # A name means the stages before: it is known from the next one on.
            self.platforms.append(self._platform(stage))
            self.bases.append(self._base(stage))
            if stage.name:
                self._names[stage.name] = stage.index
        self._check_sources()

    def target(self) -> int:
        """Return the index of the stage that is asked for."""
        wanted = self._request.target
        if wanted is None:
            return len(self._stages) - 1
        if wanted.lower() not in self._names:
            raise UnknownStage(
                f"there is no stage {wanted!r}",
                where=self._dockerfile.path,
                hint=did_you_mean(wanted, self._names),
            )
        return self._names[wanted.lower()]

    def index(self, name: str, at: Location, *, numeric: bool) -> int | None:
        """
        Return the stage that `--from` or a mount's `from` means, None where it means none.

        Args:
            numeric: Whether a number is an index: it is in COPY, not in a mount.
        """
        if numeric and _INDEX.fullmatch(name):
            if not 0 <= int(name) < len(self._stages):
                raise UnknownStage(f"there is no stage {name}: they are counted from 0", where=at)
            return int(name)
        return self._names.get(name.lower())

    def origin(self, name: str, at: Location, *, numeric: bool) -> Origin:
        """Return what the name behind `--from` or a mount's `from` means."""
        index = self.index(name, at, numeric=numeric)
        if index is not None:
            return FromStage(index)
        # dockerfile2llb, toCommand: such an image has no platform of its own, but the target's.
        return image_origin(name, self._request.platform, self._request, self._world, at)

    # ── what is needed ───────────────────────────────────────────────────────────────────────────

    def reachable(self, target: int, onbuild: Callable[[StageBase], tuple[str, ...]]) -> list[int]:
        """
        Return the stages that a target needs, in order.

        Args:
            onbuild: Returns the triggers of a base that is no stage.
        """
        found: set[int] = set()
        waiting = [target]
        while waiting:
            index = waiting.pop()
            if index not in found:
                found.add(index)
                waiting.extend(self._needed_by(self._stages[index], onbuild))
        return sorted(found)

    def instructions(
        self, stage: Stage, onbuild: Callable[[StageBase], tuple[str, ...]]
    ) -> tuple[StageInstruction, ...]:
        """Return the triggers of the base, then the stage's own instructions; none of a replaced stage."""
        if stage.index in self._replaced:
            return ()
        if stage.index not in self._triggered:
            triggers = self._triggers(self.bases[stage.index], onbuild)
            at = stage.base.location
            self._triggered[stage.index] = tuple(parse_trigger(trigger, at) for trigger in triggers)
        return self._triggered[stage.index] + stage.instructions

    def _triggers(self, base: StageBase, onbuild: Callable[[StageBase], tuple[str, ...]]) -> tuple[str, ...]:
        if isinstance(base, FromStage):
            # Of a stage that a named context replaces, too: dockerfile2llb, resolveStages.
            instructions = self._stages[base.index].instructions
            return tuple(i.trigger for i in instructions if isinstance(i, Onbuild))
        return onbuild(base)

    def _needed_by(self, stage: Stage, onbuild: Callable[[StageBase], tuple[str, ...]]) -> Iterable[int]:
        base = self.bases[stage.index]
        if isinstance(base, FromStage):
            yield base.index
        for name, at, numeric in _sources(self.instructions(stage, onbuild)):
            index = self.index(name, at, numeric=numeric)
            if index is None:
                continue
            if index == stage.index:
                raise Cycle(f"stage {name!r} reads from itself", where=at)
            if index > stage.index:
                raise UnknownStage(f"stage {name!r} has to be defined before it is read", where=at)
            yield index

    # ── checks and bases ─────────────────────────────────────────────────────────────────────────

    def _check_sources(self) -> None:
        """Refuse indices out of range and circles, in stages that nothing needs, too."""
        edges: dict[int, dict[int, Location]] = {}
        for stage in self._stages:
            for name, at, numeric in _sources(stage.instructions):
                index = self.index(name, at, numeric=numeric)
                if index is not None:
                    edges.setdefault(stage.index, {}).setdefault(index, at)
        circle = _circle(edges)
        if circle:
            first, second = circle
            raise Cycle("stages read from each other in a circle", where=edges[second][first])

    def _platform(self, stage: Stage) -> Platform:
        written = stage.base.platform
        if written is None:
            return self._request.platform
        at = stage.base.location
        text = expand(written, self._globals, escape=self._dockerfile.escape, location=at)
        if not text:
            raise DockerfileError(f"FROM --platform={written} is empty", where=at)
        try:
            # containerd/platforms, Parse: a word alone has to be known.
            return Platform.parse(text) if "/" in text else Platform.asked(text)
        except HashtagError as error:
            raise DockerfileError(
                f"FROM --platform={written}: {error.what}", where=at, hint=error.hint
            ) from error

    def _base(self, stage: Stage) -> StageBase:
        at = stage.base.image_location
        written, escape = stage.base.image, self._dockerfile.escape
        name = expand(written, self._globals, escape=escape, location=at)
        platform = self.platforms[stage.index]
        if stage.name and stage.name not in _NEVER_REPLACED:
            context = self._request.context(stage.name, platform)
            if context is not None:
                self._replaced.add(stage.index)
                return _as_base(context_origin(context, platform, self._request, self._world, at))
        # Only an earlier stage, and only in its own spelling: names are in lower case.
        if name in self._names:
            return FromStage(self._names[name])
        try:
            return _as_base(image_origin(name, platform, self._request, self._world, at))
        except DockerfileError as error:
            unset = sorted(variables_in(written, escape=escape) - self._globals.keys())
            if not unset:
                raise
            raise UnsetBase(
                f"FROM {written} names no image: {unset[0]} has no value",
                where=at,
                hint=f'give its ARG a default, or args = {{ {unset[0]} = "…" }}',
            ) from error


def _circle(edges: Mapping[int, Mapping[int, Location]]) -> tuple[int, int] | None:
    """Return two neighbours of a circle, the second of which reads from the first; None without one."""
    if all(source < reader for reader, sources in edges.items() for source in sources):
        return None
    for reader, sources in edges.items():
        if reader in sources:
            return reader, reader
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        first, second = error.args[1][:2]
        return first, second
    return None


def _as_base(origin: Origin) -> StageBase:
    match origin:
        case Scratch() | External() | Internal() | FromStage() | NamedContext():
            return origin
        case _:
            raise AssertionError(origin)


def _sources(instructions: Iterable[StageInstruction]) -> Iterable[tuple[str, Location, bool]]:
    """Yield the names that COPY and mounts read from, and whether a number is a stage's index."""
    for instruction in instructions:
        match instruction:
            case Copy(source=str(name), source_location=at, location=start):
                yield name, at or start, True
            case Run(mounts=mounts):
                for mount in mounts:
                    if name := _mount_source(mount):
                        yield name, mount.location, False
            case _:
                continue


def _mount_source(mount: Mount) -> str:
    return next((value or "" for key, value in reversed(mount.options) if key == "from"), "")
