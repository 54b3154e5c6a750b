"""A project: a repository's settings and images, and the plan of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from hashtag.errors import ConfigError, HashtagError, MissingParent, UnsetBase, UsageError, raise_all
from hashtag.images.bases import BaseImage, KnownBases
from hashtag.images.graph import Resolution
from hashtag.images.model import Graph, Image
from hashtag.oci.ports import Home
from hashtag.planning.decide import decide
from hashtag.planning.plan import Action, Failed, Plan, Target
from hashtag.planning.targets import target
from hashtag.planning.zone import Zone, check_pipeline_tag
from hashtag.project.arguments import not_bases
from hashtag.project.broken import looked_into, warning
from hashtag.project.pinning import remedy
from hashtag.project.trust import zone_of
from hashtag.project.upstreams import upstreams
from hashtag.project.workspace import Hashed, Progress, Workspace, check_names
from hashtag.project.zoning import look_up
from hashtag.worktree import git, settings
from hashtag.worktree.outputs import check_outputs, git_folders

if TYPE_CHECKING:
    from hashtag.worktree.settings import Settings


class Project:
    """
    A repository's images; never changed, and so safe to share between threads.

    Never fork in a process with threads: `plan` asks registries and hashes in threads of its own,
    which have ended when it returns.
    """

    def __init__(self, loaded: Settings, environ: Mapping[str, str], overrides: Mapping[str, object]) -> None:
        self.settings = loaded
        self.workspace = Workspace(folder=loaded.folder, images=loaded.images, external=loaded.external)
        self._environ = environ
        self._overrides = overrides

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> Project:
        """
        Return the project that `folder` is in.

        Args:
            environ: The variables; default: this process's.
            overrides: Settings that win over files and variables, by their names in `hashtag.toml`.

        Raises:
            ConfigError: A setting is wrong; `SeveralErrors` where there are more.
        """
        environ, overrides = os.environ if environ is None else environ, overrides or {}
        return cls(settings.load(Path(folder), environ=environ, overrides=overrides), environ, overrides)

    @property
    def images(self) -> tuple[Image, ...]:
        """All images, as configured or discovered."""
        return self.settings.images

    @property
    def zone(self) -> Zone:
        """Where this pipeline writes its tags; raise `ConfigError` where it is not said clearly."""
        ref = git.facts(self.settings.folder, self._environ).ref
        return zone_of(self.settings.trust, ref, self._environ)

    def graph(self, names: Collection[str] = ()) -> Graph:
        """
        Return the images asked for and all that they are built from, parents before children.

        No registry is asked: what triggers of external bases add is not known.

        Raises:
            HashtagError: Of the images that cannot be read, all together.
        """
        resolved = self.workspace.resolve(names, KnownBases())
        self.skipped(resolved.errors, names, resolved.resolution)
        graph = resolved.resolution.graph(self.images)
        return Graph(tuple(node for node in graph.nodes if node.image.name in resolved.names))

    def plan(
        self,
        registry: Home,
        *,
        pipeline_tag: str | None = None,
        images: Collection[str] = (),
        bases: KnownBases | Mapping[str, BaseImage] | None = None,
        what_if: Mapping[str, str] | None = None,
        at: datetime | None = None,
        rebuild: Collection[str] = (),
        salts: Mapping[str, str] | None = None,
        keep_going: bool = False,
        deep: bool = False,
        outputs: Iterable[Path] = (),
        workers: int | None = None,
        stat_cache: Path | None = None,
        git_index: Path | None = None,
        progress: Progress | None = None,
    ) -> Plan:
        """
        Return for each image whether it is built or exists; nothing is written anywhere.

        Args:
            registry: Where to look; its repository is where the images live.
            pipeline_tag: This pipeline's; default: as configured, or CI's.
            images: Names; default: all. What they are built from is planned with them.
            bases: External bases by their references, asked before any registry.
            what_if: Digests by reference that take the place of what is known of bases.
            at: The time of the plan; default: now.
            rebuild: Names of images to build whatever the registry holds.
            salts: Texts by image name, in place of the configured ones.
            keep_going: Plan the other images where one cannot be planned.
            deep: Look at every part of the images that are found: one that lacks a part is built again.
            outputs: Files that the caller is about to write.
            workers: How many read files; default: as many as seem best.
            stat_cache: The folder of the stat cache; None: every file is read.
            git_index: The folder where results are kept while git sees no change; None: none is.

        Raises:
            HashtagError: Of many kinds; all that is wrong with the images together.
        """
        if pipeline_tag:
            check_pipeline_tag(pipeline_tag)
        raise_all(not_bases(bases or {}))
        project = self.placed(registry, salts or {})
        project.check_images(rebuild)
        moment = at or datetime.now(UTC)
        known = bases if isinstance(bases, KnownBases) else KnownBases(bases, what_if)
        hashed = project.workspace.hash(
            images,
            known,
            registry,
            at=moment,
            workers=workers,
            stat_cache=stat_cache,
            git_index=git_index,
            progress=progress,
        )
        raise_all(_pointless(known.unused(what_if or ())))
        skipped = [] if keep_going else project.skipped(hashed.errors, images, hashed.resolved.resolution)
        unplanned = _unplanned({"--rebuild": rebuild, "--salt": salts or ()}, hashed.resolved.names)
        check_outputs(hashed.hashing, hashed.images, outputs)
        tag = pipeline_tag or project.settings.pipeline_tag
        facts = git.facts(project.settings.folder, self._environ)
        actions, broken = project.decided(
            hashed, registry, tag, rebuild=rebuild, keep_going=keep_going, deep=deep
        )
        plan = Plan(
            actions=actions,
            repository=registry.repository,
            pipeline_tag=tag,
            ref=facts.ref,
            commit=facts.commit,
            commit_time=_rfc3339(facts.commit_time) if facts.commit_time else None,
            at=_rfc3339(moment),
            warnings=(*project.settings.warnings, *skipped, *unplanned, *project.warnings(hashed), *broken),
        )
        hashed.hashing.contexts.remember()
        return plan

    def check_images(self, asked: Collection[str]) -> None:
        """Raise `ConfigError` where there is no image at all, `UnknownImage` where one is asked for."""
        if not self.images:
            raise ConfigError(
                "there is no image to plan",
                where=str(self.settings.folder),
                hint="add a Dockerfile, or name the images in hashtag.toml",
            )
        check_names(asked, self.images)

    def decided(
        self,
        hashed: Hashed,
        registry: Home,
        tag: str | None,
        *,
        rebuild: Collection[str],
        keep_going: bool,
        deep: bool,
    ) -> tuple[tuple[Action, ...], list[str]]:
        """Return what is to be done about each image, after a look into the registries; and warnings."""
        targets = [_target(image, hashed, tag) for image in hashed.images]
        own, failed = self.settings, []
        if keep_going:
            failed = [Failed(name, str(error), error.code) for name, error in hashed.errors.items()]
        with looked_into(registry, deep=deep) as (looked, broken):
            targets, found = look_up(targets, self.zone, rebuild, looked)
            # What is broken here is not copied, but built: a copy leaves alone what seems to be there.
            upstream = upstreams(looked, targets, {*found, *broken}, own.look_in, own.on_upstream_hit)
        replaced = {reference: each.digest for reference, each in broken.items()}
        actions = decide(targets, found, upstream=upstream, broken=replaced, rebuild=rebuild, failed=failed)
        return actions, [warning(reference, each) for reference, each in broken.items()]

    def skipped(
        self, errors: Mapping[str, HashtagError], asked: Collection[str], resolution: Resolution
    ) -> list[str]:
        """
        Return a warning for each discovered image that is only a template, or built from one.

        A template is a Dockerfile whose base is not set; where nothing else is there, that is an error.

        Raises:
            HashtagError: Another image cannot be planned; of several, all those that are not only the
                consequence of another.
        """
        images = {image.name: image for image in self.images}
        templates: dict[str, HashtagError] = {}
        for name, error in errors.items():  # parents first
            is_template = isinstance(error, UnsetBase) or any(
                p in templates for p in resolution.parents(name)
            )
            if is_template and images[name].is_discovered and name not in asked:
                templates[name] = error
        skipped = [f"{error} (image {name} is skipped)" for name, error in templates.items()]
        fatal = [error for name, error in errors.items() if name not in templates]
        raise_all(_once([e for e in fatal if not isinstance(e, MissingParent)] or fatal), skipped)
        if len(templates) == len(images):
            raise_all(templates.values())
        return skipped

    def warnings(self, hashed: Hashed) -> list[str]:
        """Return what a user should know of images that can be planned."""
        links = self.workspace.links()
        found = list(hashed.hashing.contexts.warnings)
        found += git_folders(hashed.hashing, hashed.images)
        for image in hashed.images:
            for base in hashed.resolved.resolution.bases(image.name):
                if links.looks_internal(base.reference, image.name):
                    found.append(f"{base.location}: {remedy(base, links)}")
        return list(dict.fromkeys(found))

    def placed(self, registry: Home, salts: Mapping[str, str]) -> Project:
        """Return this project with its images in the registry's repository, and with other salts."""
        project = self
        if registry.repository != self.settings.repository:
            overrides = {**self._overrides, "repository": str(registry.repository)}
            project = Project.open(self.settings.folder, environ=self._environ, overrides=overrides)
        check_names(salts, project.images)
        if salts:
            images = tuple(evolve(i, salt=salts.get(i.name, i.salt)) for i in project.images)
            project = Project(evolve(project.settings, images=images), self._environ, self._overrides)
        return project


def _target(image: Image, hashed: Hashed, tag: str | None) -> Target:
    resolved = hashed.resolved
    fingerprints = hashed.fingerprints.found[image.name]
    return target(image, resolved.resolution, fingerprints, tag, resolved.stages(image.name))


def _pointless(unused: Mapping[str, str]) -> Iterable[HashtagError]:
    for name, near in unused.items():
        yield UsageError(f"what if {name} moved? Nothing is built from it", where="--what-if", hint=near)


def _unplanned(options: Mapping[str, Iterable[str]], planned: Collection[str]) -> list[str]:
    return [
        f"{option} {name}: that image is not in this plan"
        for option, names in options.items()
        for name in names
        if name not in planned
    ]


def _once(errors: Iterable[HashtagError]) -> list[HashtagError]:
    return list({str(error): error for error in errors}.values())


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
