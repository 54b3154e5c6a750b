"""Lowering: from a parsed Dockerfile to what BuildKit would execute for one target and platform."""

from __future__ import annotations

from attrs import evolve

from hashtag.dockerfile.stage import Dockerfile, Stage
from hashtag.errors import InvalidDocument, UnsupportedConstruct
from hashtag.images.config import ImageConfig
from hashtag.images.dispatch import dispatch
from hashtag.images.epoch import source_date_epoch
from hashtag.images.frontend import frontend_image
from hashtag.images.lowered import (
    External,
    FromStage,
    Internal,
    Lowered,
    LoweredStage,
    NamedContext,
    RunOperation,
    Scratch,
    StageBase,
)
from hashtag.images.origins import BuildRequest, World
from hashtag.images.paths import working_folder
from hashtag.images.scope import BuildEnvironment, global_scope, platform_arguments
from hashtag.images.stages import Stages
from hashtag.images.state import StageState
from hashtag.oci.platform import Platform

# Each RUN stands in a record with all its variables: what a record may hold of them.
_MOST_VARIABLES = 2_000_000


def lower(dockerfile: Dockerfile, request: BuildRequest, world: World) -> Lowered:
    """
    Return what BuildKit would execute.

    Images that `world` does not know yet count as having an empty config: call again when they
    are known. FROM lines are expanded in all stages, instructions only in the reachable ones.

    Raises:
        DockerfileError: BuildKit would refuse the build; `UnknownStage` and `ExpansionError` among
            them.
        Cycle: Stages read from each other.
        InvalidDocument: The config of a base is malformed.
    """
    return _Lowering(dockerfile, request, world).run()


class _Lowering:
    """One lowering: the stages as far as they are known."""

    def __init__(self, dockerfile: Dockerfile, request: BuildRequest, world: World) -> None:
        name = request.target or dockerfile.stages[-1].name or ""
        predefined = platform_arguments(request.platform, request.build_platform, name)
        scope = global_scope(dockerfile, predefined, request.arguments)
        epoch = source_date_epoch(dockerfile, request, scope)
        self.dockerfile = dockerfile
        self.world = world
        self.epoch = epoch.seconds
        self.globals = epoch.globals
        self.request = evolve(request, arguments=epoch.arguments)
        self.stages = Stages(dockerfile, self.request, epoch.globals, world)
        self.lowered: dict[int, LoweredStage] = {}
        self.environments: dict[int, BuildEnvironment] = {}
        self.variables = 0

    def run(self) -> Lowered:
        target = self.stages.target()
        for index in self.stages.reachable(target, self._onbuild):
            self._lower_stage(self.dockerfile.stages[index])
        config = self.lowered[target].config
        return Lowered(
            platform=self.request.platform,
            stages=self.lowered,
            target=target,
            config=evolve(config, labels={**config.labels, **self.request.labels}),
            syntax=frontend_image(
                self.dockerfile, self.request.arguments, self.request.build_platform, self.world
            ),
        )

    def _onbuild(self, base: StageBase) -> tuple[str, ...]:
        return self._config(base).onbuild

    def _config(self, base: StageBase) -> ImageConfig:
        """Return the config that a stage inherits."""
        match base:
            case External(image=image, written=written, location=at):
                try:
                    return ImageConfig.from_oci(image.config) if image else ImageConfig()
                except InvalidDocument as error:
                    raise InvalidDocument(f"the config of {written}: {error.what}", where=at) from error
            case Internal(name, platform):
                return self.world.config(name, platform) or ImageConfig()
            case FromStage(index):
                return self.lowered[index].config
            case Scratch() | NamedContext():
                return ImageConfig()

    def _lower_stage(self, stage: Stage) -> None:
        base = self.stages.bases[stage.index]
        platform = self._stage_platform(stage, base)
        config = self._inherited(base, platform)
        state = StageState(
            platform=platform,
            escape=self.dockerfile.escape,
            config=config,
            environment=self._environment(base, config),
            arguments=self.request.arguments,
            globals=self.globals,
            origin=self.stages.origin,
            epoch=self.epoch,
        )
        for instruction in self.stages.instructions(stage, self._onbuild):
            dispatch(state, instruction)
            self._count(state)
        self.environments[stage.index] = state.environment
        self.lowered[stage.index] = LoweredStage(
            base=base, operations=tuple(state.operations), config=state.config, platform=platform
        )

    def _count(self, state: StageState) -> None:
        if state.operations and isinstance(state.operations[-1], RunOperation):
            self.variables += len(state.operations[-1].environment)
        if self.variables > _MOST_VARIABLES:
            raise UnsupportedConstruct(
                f"its RUNs see more than {_MOST_VARIABLES} variables together", where=self.dockerfile.path
            )

    def _inherited(self, base: StageBase, platform: Platform) -> ImageConfig:
        # A base's triggers run here and now, and are not handed on.
        config = evolve(self._config(base).with_path(platform.os), onbuild=())
        if not config.working_dir:
            return config
        # dispatchStages: WORKDIR once more, so that a relative one is seen from itself.
        return evolve(config, working_dir=working_folder(config.working_dir, config.working_dir))

    def _stage_platform(self, stage: Stage, base: StageBase) -> Platform:
        match base:
            case FromStage(index):
                return self.lowered[index].platform
            case Scratch():  # resolveReachableStages: --platform means nothing for scratch
                return self.request.platform
            case _:
                return self.stages.platforms[stage.index]

    def _environment(self, base: StageBase, config: ImageConfig) -> BuildEnvironment:
        # A stage inherits the ARGs of the stage it is FROM; the config's variables are set again on top.
        environment = (
            self.environments[base.index].copy() if isinstance(base, FromStage) else BuildEnvironment({})
        )
        for name, value in config.environment:
            environment.set(name, value)
        return environment
