"""One image: staged, built, checked, pushed, tagged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from attrs import evolve, frozen

from hashtag.builders import Builder, Processes, StagedBuild
from hashtag.images.lowered import External, Internal
from hashtag.images.model import Image
from hashtag.oci.digest import Digest
from hashtag.oci.ports import Home, Writer
from hashtag.oci.reference import Reference
from hashtag.planning.plan import Build, Plan, Reason
from hashtag.project.checking import check_again, hash_as_planned
from hashtag.project.preparing import Preparation, build_spec, insecure
from hashtag.project.project import Project
from hashtag.project.settling import settle
from hashtag.project.workspace import Hashed


class _Registry(Home, Writer, Protocol):
    """A registry with a repository of its own, to read from and write to."""


@frozen(kw_only=True)
class ImageBuild:
    """What is needed to build the images of a plan."""

    project: Project
    plan: Plan
    registry: _Registry
    builder: Builder
    processes: Processes
    hashed: Hashed
    options: tuple[str, ...]
    layer_cache: bool

    def make(self, build: Build, parents: Mapping[str, Digest]) -> Digest:
        """
        Build an image and push it; return the digest that counts, after all of its tags hold it.

        Args:
            build: Whose files were checked.
            parents: The image of each parent.

        Raises:
            BuildFailed: The builder ended with an error.
            StalePlan: A file changed, before or while it was built; no tag of the cache was moved.
        """
        image = self.hashed.resolved.sources[build.name].image
        target = evolve(build.target, build=build_spec(image, build.target.build))
        whole = evolve(build, target=target)
        with TemporaryDirectory(prefix="hashtag-", ignore_cleanup_errors=True) as folder:
            staged = self._staged(whole, image, Path(folder), parents)
            staged.run(self.builder, self.processes)
            again = hash_as_planned(self.project, self.plan, [build.name], self.registry)
            check_again(build.target, self.hashed, again, self.plan.at)
            if not self._was_second(build):
                staged.push(self.builder, self.processes)
        return settle(whole, self.registry)

    def _was_second(self, build: Build) -> bool:
        """Whether another pipeline made the image meanwhile, and pushing would replace its tag."""
        cache = build.target.cache_reference
        is_direct = build.reference == cache and build.reason is not Reason.REBUILD_ASKED
        return is_direct and self.registry.resolve(cache) is not None

    def _staged(self, build: Build, image: Image, folder: Path, parents: Mapping[str, Digest]) -> StagedBuild:
        preparation = Preparation(
            hashed=self.hashed,
            kind=self.builder.kind,
            pin=lambda named: self._pin(named, image, parents),
        )
        prepared = preparation.stage(image, folder)
        return StagedBuild(
            build=build,
            folder=folder,
            contexts=prepared.contexts,
            insecure=insecure(prepared.images),
            tag=build.reference,
            options=(*prepared.options, *self.options),
            layer_cache=self.layer_cache,
        )

    def _pin(self, named: External | Internal, image: Image, parents: Mapping[str, Digest]) -> Reference:
        """Return the image by digest: for one platform that platform's own, for several the index."""
        match named:
            case External(reference=reference, image=base):
                assert base is not None  # a record needs it  # noqa: S101
                one = len(image.platforms) == 1
                return reference.with_digest(base.digest if one else base.pinned_digest)
            case Internal(name=name):
                parent = self.hashed.resolved.sources[name].image
                assert parent.repository is not None  # it is in the plan  # noqa: S101
                return parent.repository.at(parents[name])
