"""BUILD and apply: the images of a plan, parents first, each tagged as soon as it exists."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import TYPE_CHECKING, cast

from attrs import define, field, frozen

from hashtag.builders import Builder, Processes
from hashtag.errors import BuildFailed, HashtagError, StalePlan, UnknownImage, did_you_mean, raise_all
from hashtag.oci.digest import Digest
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.plan import Alias, Build, Failed, Plan, Reason, Target
from hashtag.project.broken import still_broken
from hashtag.project.checking import check, hash_as_planned
from hashtag.project.existing import existing
from hashtag.project.home import HomeWriter
from hashtag.project.image_build import ImageBuild
from hashtag.project.pins import LocalImages
from hashtag.project.project import Project
from hashtag.project.receipt import BuildReceipt, Built, Found, NotMade, Outcome
from hashtag.project.settling import move
from hashtag.project.upstreams import bring, used_elsewhere
from hashtag.project.workspace import Hashed

if TYPE_CHECKING:
    from hashtag.registry import Registry

IN_FLIGHT = 16


@frozen(kw_only=True)
class BuildOptions:
    """
    How a plan is built.

    Attributes:
        jobs: How many builds run at once.
        layer_cache: Whether the builder may reuse layers.
        options: Further arguments of each build, such as `--secret id=token,src=file`.
        report: Told each outcome as it comes.
        warn: Told of images that seemed to exist, and of what of an image is not copied.
        progress: Told of the bytes of each copy.
        free: Pipeline tags that held nothing a moment ago.
    """

    jobs: int = 1
    layer_cache: bool = False
    options: tuple[str, ...] = ()
    report: Callable[[Outcome], None] = field(default=lambda _: None)
    warn: Callable[[str], None] = field(default=lambda _: None)
    progress: Callable[[int, int], None] = field(default=lambda *_: None)
    free: Collection[Reference] = ()


def build_plan(
    project: Project,
    plan: Plan,
    registry: HomeWriter,
    builder: Callable[[], Builder],
    *,
    images: Collection[str] = (),
    aliases: bool = True,
    options: BuildOptions | None = None,
) -> BuildReceipt:
    """
    Build what has to be built, and give every image this pipeline's tag.

    The registry is asked once more: what exists by now is not built, and what is gone is, whatever
    the plan says. An image that cannot be built does not hold up those that are not built from it.

    Args:
        builder: Asked once, when there is something to build.
        images: Names; default: all. What they are built from is built with them where it is missing.
        aliases: Whether images that the plan found get their tags, too.

    Raises:
        UnknownImage: A name is not in the plan.
        HashtagError: The plan holds images that could not be planned, or the registry fails.
    """
    options = options or BuildOptions()
    targets = _targets(plan, images)
    bring(plan, targets, registry, options.progress, options.warn)
    found = existing(plan, targets.values(), registry, aliases=aliases)
    forced, broken = _forced(plan, images), still_broken(plan, found, registry)
    there = {
        name: found[target.cache_reference].digest
        for name, target in targets.items()
        if target.cache_reference in found and name not in {*forced, *broken}
    }
    elsewhere = used_elsewhere(plan, targets, registry)
    there |= {name: alias.digest for name, alias in elsewhere.items()}
    wanted = {build.name for build in plan.builds} | (set(targets) if aliases else set())
    run = _Run(
        project=project,
        plan=plan,
        registry=registry,
        find_builder=builder,
        options=options,
        targets=targets,
        existing=there,
        broken=broken,
        elsewhere={name: alias.reference.repository for name, alias in elsewhere.items()},
        processes=Processes(labels=options.jobs > 1),
    )
    run.tag([name for name in there if name in wanted])
    needed = run.needed(images or wanted)
    run.build([name for name in targets if name in needed])
    done = run.outcomes
    return BuildReceipt(plan.pipeline_tag, tuple(done[name] for name in targets if name in done))


def _targets(plan: Plan, images: Collection[str]) -> dict[str, Target]:
    """Return the images asked for and all they are built from, parents first."""
    known = {action.name: action for action in plan}
    raise_all(
        UnknownImage(f"there is no image {name!r} in the plan", hint=did_you_mean(name, known))
        for name in images
        if name not in known
    )
    waiting, wanted = list(images or known), set[str]()
    while waiting:
        name = waiting.pop()
        action = known.get(name)
        if name not in wanted and action is not None:
            wanted.add(name)
            waiting.extend(() if isinstance(action, Failed) else action.target.parents)
    raise_all(
        BuildFailed(f"it could not be planned: {action.error}", where=action.name)
        for action in plan.failed
        if action.name in images
    )
    return {
        name: action.target
        for name, action in known.items()
        if name in wanted and not isinstance(action, Failed)
    }


def _forced(plan: Plan, images: Collection[str]) -> set[str]:
    """Return the images to build although they exist; jobs of one image do not build its parents again."""
    asked = {build.name for build in plan.builds if build.reason is Reason.REBUILD_ASKED}
    return asked & set(images) if images else asked


@define(kw_only=True)
class _Run:
    """One run: what exists, and what became of the rest so far."""

    project: Project
    plan: Plan
    registry: HomeWriter
    find_builder: Callable[[], Builder]
    options: BuildOptions
    targets: Mapping[str, Target]
    existing: dict[str, Digest]
    broken: dict[str, Digest]
    elsewhere: Mapping[str, Repository]
    processes: Processes
    outcomes: dict[str, Outcome] = field(factory=dict)
    _lock: Lock = field(factory=Lock)

    def tag(self, names: Collection[str]) -> None:
        """Give existing images this pipeline's tag; one that is gone or broken by now exists no more."""
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            for outcome in pool.map(self._tag, names):
                match outcome:
                    case NotMade(target, StalePlan() as error):
                        self.options.warn(f"{error}; {target.name} is built again")
                        self.broken[target.name] = self.existing.pop(target.name)
                    case _:
                        self._done(outcome)

    def needed(self, names: Collection[str]) -> set[str]:
        """Return the images among these that have to be built, and those that they are built from."""
        waiting, found = [name for name in names if name in self.targets], set[str]()
        while waiting:
            name = waiting.pop()
            if name not in found and name not in self.existing:
                found.add(name)
                waiting.extend(self._parents(name))
        return found

    def build(self, names: Collection[str]) -> None:
        """Build images, given parents first; as many at once as is allowed."""
        if not names:
            return
        builder = self.find_builder()
        hashed = self._hashed(names)
        image_build = ImageBuild(
            plan=self.plan,
            registry=self.registry,
            builder=builder,
            processes=self.processes,
            hashed=hashed,
            hash_again=self._hashed,
            elsewhere=self.elsewhere,
            local=self._local(builder, hashed),
            options=self.options.options,
            layer_cache=self.options.layer_cache,
        )
        self._in_order(list(names), lambda name: self._build(name, hashed, image_build))

    def _hashed(self, names: Collection[str]) -> Hashed:
        return hash_as_planned(self.project, self.plan, names, self.registry)

    def _local(self, builder: Builder, hashed: Hashed) -> LocalImages | None:
        resolution = hashed.resolved.resolution
        bases = (base.reference for image in hashed.images for base in resolution.bases(image.name))
        repositories = [self.registry.repository, *(base.repository for base in bases)]
        if builder.is_docker or not any(each.is_layout for each in repositories):
            return None
        registry = cast("Registry", self.registry)  # the only one that has folders
        return LocalImages(registry=registry, builder=builder, processes=self.processes)

    def _in_order(self, names: list[str], build: Callable[[str], Outcome]) -> None:
        running: dict[Future[Outcome], str] = {}
        pool = ThreadPoolExecutor(self.options.jobs)
        try:
            waiting = list(names)
            while waiting or running:
                for name in list(self._ready(waiting)):
                    waiting.remove(name)
                    running[pool.submit(build, name)] = name
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    del running[future]
                    self._done(future.result())
        except BaseException:
            self.processes.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _ready(self, waiting: Collection[str]) -> Iterator[str]:
        """Yield the images whose parents are all done, for better or worse."""
        return (
            name
            for name in waiting
            if all(parent in self.existing or parent in self.outcomes for parent in self._parents(name))
        )

    def _build(self, name: str, hashed: Hashed, image_build: ImageBuild) -> Outcome:
        target = self.targets[name]
        built = [parent for parent in self._parents(name) if parent not in self.existing]
        missing = [parent for parent in built if isinstance(self.outcomes.get(parent), NotMade)]
        try:
            if missing:
                raise self._not_built(name, missing[0], hashed)
            check(target, hashed, self.plan.at)
            return Built(target, image_build.make(self._decided(name), self._digests(name)))
        except HashtagError as error:
            return NotMade(target, error)

    def _not_built(self, name: str, parent: str, hashed: Hashed) -> BuildFailed:
        """Return why an image is not tried; the status is that of its parent's failure."""
        links = hashed.resolved.resolution.internals(name)
        place = next((link.location for link in links if link.name == parent), name)
        error = BuildFailed(f"its parent {parent} is not built", where=place)
        outcome = self.outcomes[parent]
        if isinstance(outcome, NotMade):
            error.status = outcome.error.status  # type: ignore[misc]  # an instance answers for its cause
        return error

    def _tag(self, name: str) -> Outcome:
        target = self.targets[name]
        if name in self.elsewhere:
            return Found(target, self.existing[name], self.elsewhere[name])
        try:
            move(target, self.existing[name], self.registry, free=self.options.free)
        except HashtagError as error:
            return NotMade(target, error)
        return Found(target, self.existing[name])

    def _done(self, outcome: Outcome) -> None:
        self.outcomes[outcome.target.name] = outcome
        self.options.report(outcome)

    def _parents(self, name: str) -> list[str]:
        return [parent for parent in self.targets[name].parents if parent in self.targets]

    def _digests(self, name: str) -> dict[str, Digest]:
        """Return the parents by digest: what was made in this run, else what was there."""
        made = {
            parent: outcome.digest
            for parent in self._parents(name)
            if isinstance(outcome := self.outcomes.get(parent), Built)
        }
        there = {parent: self.existing[parent] for parent in self._parents(name) if parent in self.existing}
        return there | made

    def _decided(self, name: str) -> Build:
        action = next(action for action in self.plan if action.name == name)
        replaces = self.broken.get(name)
        match action:
            case Build(reason=reason):
                pass
            case Alias() | Failed():  # found when it was planned, and gone since
                reason = Reason.CACHE_IS_BROKEN if replaces else Reason.NEVER_BUILT
        return Build(self.targets[name], reason, replaces=replaces)
