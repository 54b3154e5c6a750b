"""Lowering: from a parsed Dockerfile to what BuildKit would execute for one target and platform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve

from hashtag.dockerfile.expansion import expand
from hashtag.dockerfile.instruction import Copy, Mount, Onbuild, Run, StageInstruction
from hashtag.dockerfile.parser import parse_trigger
from hashtag.dockerfile.stage import Dockerfile, Stage
from hashtag.errors import (
    Cycle,
    DockerfileError,
    HashtagError,
    Location,
    UnknownStage,
    UnsupportedConstruct,
    did_you_mean,
)
from hashtag.images.config import ImageConfig
from hashtag.images.dispatch import StageState, dispatch
from hashtag.images.lowered import (
    External,
    FromStage,
    Internal,
    Lowered,
    LoweredStage,
    NamedContext,
    Origin,
    Scratch,
    StageBase,
)
from hashtag.images.origins import BuildRequest, World, context_origin, image_origin
from hashtag.images.scope import BuildEnvironment, global_scope, platform_arguments
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference

_EPOCH = "SOURCE_DATE_EPOCH"
_DOCKERS_OWN_SYNTAX = "docker.io/docker/dockerfile"


def lower(dockerfile: Dockerfile, request: BuildRequest, world: World) -> Lowered:
    """
    Return what BuildKit would execute.

    Images that `world` does not know yet count as having an empty config: call again when they
    are known. FROM lines are expanded in all stages, instructions only in the reachable ones.

    Raises:
        DockerfileError: BuildKit would refuse the build; `UnknownStage`, `Cycle` and
            `ExpansionError` among them.
    """
    return _Lowering(dockerfile, request, world).run()


class _Lowering:
    """One lowering: the stages as far as they are known."""

    def __init__(self, dockerfile: Dockerfile, request: BuildRequest, world: World) -> None:
        self.dockerfile = dockerfile
        self.world = world
        self.epoch, arguments = _source_date_epoch(dockerfile, request)
        self.request = evolve(request, arguments=arguments)
        name = request.target or dockerfile.stages[-1].name or ""
        predefined = platform_arguments(request.platform, request.build_platform, name)
        self.globals = global_scope(dockerfile, predefined, arguments)
        self.names = {stage.name: stage.index for stage in dockerfile.stages if stage.name}
        self.bases = {stage.index: self._base(stage) for stage in dockerfile.stages}
        self.lowered: dict[int, LoweredStage] = {}
        self.environments: dict[int, BuildEnvironment] = {}

    def run(self) -> Lowered:
        target = self._target()
        self._check_indices()
        for index in sorted(self._reachable(target)):
            self._lower_stage(self.dockerfile.stages[index])
        config = self.lowered[target].config
        return Lowered(
            platform=self.request.platform,
            stages=self.lowered,
            target=target,
            config=evolve(config, labels={**config.labels, **self.request.labels}),
            syntax=self._syntax(),
        )

    # ── names ────────────────────────────────────────────────────────────────────────────────────

    def _target(self) -> int:
        wanted = self.request.target
        if wanted is None:
            return len(self.dockerfile.stages) - 1
        if wanted.lower() not in self.names:
            raise UnknownStage(
                f"there is no stage {wanted!r}",
                where=self.dockerfile.path,
                hint=did_you_mean(wanted, filter(None, self.names)),
            )
        return self.names[wanted.lower()]

    def _platform(self, stage: Stage) -> Platform:
        written = stage.base.platform
        if written is None:
            return self.request.platform
        at = stage.base.location
        text = expand(written, self.globals, escape=self.dockerfile.escape, location=at)
        if not text:
            raise DockerfileError(f"FROM --platform={written} is empty", where=at)
        try:
            return Platform.parse(text)
        except HashtagError as error:
            raise DockerfileError(f"FROM --platform={written}: {error.what}", where=at) from error

    def _base(self, stage: Stage) -> StageBase:
        at = stage.base.location
        name = expand(stage.base.image, self.globals, escape=self.dockerfile.escape, location=at)
        platform = self._platform(stage)
        if not name:
            raise DockerfileError(
                f"FROM {stage.base.image} is empty",
                where=at,
                hint="give its ARG a default or a build argument",
            )
        context = self.request.context(stage.name, platform) if stage.name else None
        if context is not None:
            return _as_base(context_origin(context, platform, self.request, self.world, at))
        # Only an earlier stage, and only in its own spelling: names are in lower case.
        earlier = [s.index for s in self.dockerfile.stages[: stage.index] if s.name == name]
        if earlier:
            return FromStage(earlier[-1])
        return _as_base(image_origin(name, platform, self.request, self.world, at))

    def _is_replaced(self, stage: Stage) -> bool:
        return bool(stage.name and self.request.context(stage.name, self._platform(stage)) is not None)

    def _stage_index(self, name: str, at: Location, *, numeric: bool) -> int | None:
        if numeric and name.lstrip("+-").isdecimal():
            if not 0 <= int(name) < len(self.dockerfile.stages):
                raise UnknownStage(f"there is no stage {name}: they are counted from 0", where=at)
            return int(name)
        return self.names.get(name.lower())

    def _check_indices(self) -> None:
        # An index out of range is an error in an unreachable stage, too.
        for stage in self.dockerfile.stages:
            for instruction in stage.instructions:
                if isinstance(instruction, Copy) and instruction.source is not None:
                    self._stage_index(instruction.source, instruction.location, numeric=True)

    def _syntax(self) -> External | None:
        written = self.request.arguments.get("BUILDKIT_SYNTAX") or self.dockerfile.syntax
        if not written:
            return None
        at = Location(self.dockerfile.path, 1)
        name = written.split()[0]
        try:
            reference = Reference.parse(name)
        except HashtagError as error:
            raise DockerfileError(f"# syntax={name} is not an image", where=at) from error
        if str(reference.repository) == _DOCKERS_OWN_SYNTAX and _is_version_1(reference.tag):
            return None
        platform = self.request.build_platform
        return External(reference, platform, self.world.base(reference, name, platform), name, at)

    # ── what is needed ───────────────────────────────────────────────────────────────────────────

    def _reachable(self, target: int) -> set[int]:
        found: set[int] = set()
        waiting = [target]
        while waiting:
            index = waiting.pop()
            if index not in found:
                found.add(index)
                waiting.extend(self._needed_by(self.dockerfile.stages[index]))
        return found

    def _needed_by(self, stage: Stage) -> Iterable[int]:
        base = self.bases[stage.index]
        if isinstance(base, FromStage):
            yield base.index
        for name, at, numeric in _sources(self._instructions(stage)):
            index = self._stage_index(name, at, numeric=numeric)
            if index is None:
                continue
            if index == stage.index:
                raise Cycle(f"stage {name!r} reads from itself", where=at)
            if index > stage.index:
                raise UnknownStage(f"stage {name!r} has to be defined before it is read", where=at)
            yield index

    def _instructions(self, stage: Stage) -> tuple[StageInstruction, ...]:
        """Return the triggers of the base, then the stage's own instructions."""
        if self._is_replaced(stage):
            return ()
        at = stage.base.location
        triggers = tuple(parse_trigger(trigger, at) for trigger in self._triggers(stage))
        return triggers + stage.instructions

    def _triggers(self, stage: Stage) -> tuple[str, ...]:
        match self.bases[stage.index]:
            case FromStage(index):
                base = self.dockerfile.stages[index]
                own = () if self._is_replaced(base) else base.instructions
                return tuple(i.trigger for i in own if isinstance(i, Onbuild))
            case base:
                return self._config(base).onbuild

    def _config(self, base: StageBase) -> ImageConfig:
        """Return the config that a stage inherits."""
        match base:
            case External(image=image):
                return ImageConfig.from_oci(image.config) if image else ImageConfig()
            case Internal(name, platform):
                return self.world.config(name, platform) or ImageConfig()
            case FromStage(index):
                return self.lowered[index].config
            case Scratch() | NamedContext():
                return ImageConfig()

    # ── stages ───────────────────────────────────────────────────────────────────────────────────

    def _lower_stage(self, stage: Stage) -> None:
        base = self.bases[stage.index]
        platform = self._stage_platform(stage, base)
        # A base's triggers run here and now, and are not handed on.
        config = evolve(self._config(base).with_path(platform.os), onbuild=())
        state = StageState(
            platform=platform,
            escape=self.dockerfile.escape,
            config=config,
            environment=self._environment(base, config),
            arguments=self.request.arguments,
            globals=self.globals,
            origin=lambda name, at: self._origin(name, at, platform),
            epoch=self.epoch,
        )
        for instruction in self._instructions(stage):
            dispatch(state, instruction)
        self.environments[stage.index] = state.environment
        self.lowered[stage.index] = LoweredStage(
            base=base, operations=tuple(state.operations), config=state.config, platform=platform
        )

    def _stage_platform(self, stage: Stage, base: StageBase) -> Platform:
        match base:
            case FromStage(index):
                return self.lowered[index].platform
            case Scratch():  # resolveReachableStages: --platform means nothing for scratch
                return self.request.platform
            case _:
                return self._platform(stage)

    def _environment(self, base: StageBase, config: ImageConfig) -> BuildEnvironment:
        # A stage inherits the ARGs of the stage it is FROM; the config's variables are set again on top.
        environment = (
            self.environments[base.index].copy() if isinstance(base, FromStage) else BuildEnvironment({})
        )
        for name, value in config.environment:
            environment.set(name, value)
        return environment

    def _origin(self, name: str, at: Location, platform: Platform) -> Origin:
        index = self._stage_index(name, at, numeric=True)
        if index is not None:
            return FromStage(index)
        return image_origin(name, platform, self.request, self.world, at)


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
            case Copy(source=str(name), location=at):
                yield name, at, True
            case Run(mounts=mounts):
                for mount in mounts:
                    if name := _mount_source(mount):
                        yield name, mount.location, False
            case _:
                continue


def _mount_source(mount: Mount) -> str:
    return next((value or "" for key, value in reversed(mount.options) if key == "from"), "")


def _is_version_1(tag: str | None) -> bool:
    # docker/dockerfile, docker/dockerfile:1, :1.7, :1-labs, …: the language that this package knows.
    return tag is None or tag in ("latest", "labs") or tag == "1" or tag.startswith(("1.", "1-"))


def _source_date_epoch(dockerfile: Dockerfile, request: BuildRequest) -> tuple[str, Mapping[str, str]]:
    """Return the time of the build's folders, and the build arguments with it normalised."""
    arguments = dict(request.arguments)
    text = arguments.get(_EPOCH)
    if text is None:
        defaults = (value for arg in dockerfile.arguments for name, value in arg.pairs if name == _EPOCH)
        text = next((value for value in defaults if value), "")
        if "$" in text:
            raise UnsupportedConstruct(f"{_EPOCH} is computed", where=dockerfile.arguments[0].location)
    if not text:
        arguments.pop(_EPOCH, None)
        return "", arguments
    if not text.lstrip("+-").isdecimal():
        raise UnsupportedConstruct(
            f"{_EPOCH}={text} is not a number of seconds",
            where=dockerfile.path,
            hint=f"--build-arg {_EPOCH}=$(git log -1 --format=%ct)",
        )
    if _EPOCH in arguments:
        arguments[_EPOCH] = str(int(text))
    return str(int(text)), arguments
