"""One image: staged, built, checked, pushed, tagged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve, frozen

from hashtag.builders import Builder, Processes, StagedBuild, check_features, takes_checksums
from hashtag.dockerfile.stage import Dockerfile
from hashtag.errors import BuildFailed, ManifestMissing, RegistryError
from hashtag.images.config import ImageConfig
from hashtag.images.lowered import Internal
from hashtag.images.model import Image
from hashtag.oci.digest import Digest
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.plan import Build, Plan, Reason
from hashtag.project.checking import check_again
from hashtag.project.home import HomeWriter
from hashtag.project.pins import LocalImages, Pins
from hashtag.project.preparing import Preparation, build_spec, insecure
from hashtag.project.settling import held, settle
from hashtag.project.workspace import Hashed


@frozen(kw_only=True)
class ImageBuild:
    """
    What is needed to build the images of a plan.

    Attributes:
        hash_again: The images of these names hashed as planned, with the files of now.
        elsewhere: Where the images are that stay in another repository.
        local: The images of layout folders; None where the project has none.
    """

    plan: Plan
    registry: HomeWriter
    builder: Builder
    processes: Processes
    hashed: Hashed
    hash_again: Callable[[list[str]], Hashed]
    elsewhere: Mapping[str, Repository]
    local: LocalImages | None
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
            UnsupportedBuild: The builder cannot do this build exactly; it was not started.
            StalePlan: A file changed, before or while it was built; nothing was pushed.
        """
        image = self.hashed.resolved.sources[build.name].image
        whole = evolve(build, target=evolve(build.target, build=build_spec(image, build.target.build)))
        with TemporaryDirectory(prefix="hashtag-", ignore_cleanup_errors=True) as folder:
            staged = self._staged(whole, image, Path(folder), parents)
            self._run(staged, build)
            self._check_again(build)
            pushed = self._push(staged)
        return settle(whole, pushed, self.registry)

    def _run(self, staged: StagedBuild, build: Build) -> None:
        try:
            staged.run(self.builder, self.processes)
        except BuildFailed:
            if self._has_remotes(build.name):  # a checksum may have refused another content
                with suppress(RegistryError):
                    self._check_again(build)
            raise

    def _check_again(self, build: Build) -> None:
        check_again(build.target, self.hashed, self.hash_again([build.name]), self.plan.at)

    def _has_remotes(self, name: str) -> bool:
        lowered = self.hashed.resolved.resolution.lowered[name].values()
        return any(each.remote_copies() for each in lowered)

    def _push(self, staged: StagedBuild) -> Digest:
        """Push what was built; return its digest, or the one that another pipeline pushed first."""
        if staged.layout is not None:
            return self._take(staged, staged.layout)
        build = staged.build
        cache = build.target.cache_reference
        first = held(self.registry, cache)
        is_direct = build.reference == cache and build.reason is not Reason.REBUILD_ASKED
        if is_direct and first is not None and first != build.replaces:
            return first
        staged.push(self.builder, self.processes)
        pushed = held(self.registry, build.reference)
        if pushed is None:
            raise ManifestMissing("the builder pushed nothing there", where=str(build.reference))
        return pushed

    def _take(self, staged: StagedBuild, folder: Path) -> Digest:
        """Take what was built into the project's layout folder."""
        from hashtag.registry.exchange import take

        assert self.local is not None  # it goes with a layout  # noqa: S101
        staged.push(self.builder, self.processes)
        repository = staged.build.target.repository
        manifest = take(folder, self.local.registry.layout_path(repository))
        return self.registry.put_manifest(manifest, repository.at(manifest.digest))

    def _staged(self, build: Build, image: Image, folder: Path, parents: Mapping[str, Digest]) -> StagedBuild:
        dockerfile = self.hashed.resolved.sources[build.name].dockerfile
        assert isinstance(dockerfile, Dockerfile)  # it was hashed  # noqa: S101
        check_features(self.builder, dockerfile)
        pins = Pins(image, lambda named: self._parent(named, image, parents), self.local)
        lowered = self.hashed.resolved.resolution.lowered[build.name].values()
        prepared = Preparation(
            hashed=self.hashed,
            kind=self.builder.kind,
            pin=pins,
            adds_checksums=self._has_remotes(build.name) and takes_checksums(self.builder, dockerfile),
        ).stage(image, folder)
        is_layout = build.target.repository.is_layout
        return StagedBuild(
            build=build,
            folder=folder,
            contexts=prepared.contexts,
            insecure=insecure(pins.used),
            layout=folder / "image" if is_layout else None,
            has_docker_config=any(_is_dockers(each.config) for each in lowered),
            options=(*prepared.options, *self.options),
            layer_cache=self.layer_cache,
        )

    def _parent(self, named: Internal, image: Image, parents: Mapping[str, Digest]) -> Reference:
        """Return a parent where it is; for one platform that platform's own, for several the index."""
        own = self.hashed.resolved.sources[named.name].image.repository
        repository = self.elsewhere.get(named.name, own)
        assert repository is not None  # it is in a plan  # noqa: S101
        reference = repository.at(parents[named.name])
        return self._for_platform(reference, named.platform) if len(image.platforms) == 1 else reference

    def _for_platform(self, reference: Reference, platform: Platform) -> Reference:
        from hashtag.registry.platforms import choose_child

        manifest = self.registry.manifest(reference)
        child = choose_child(manifest.children(), platform) if manifest.is_index else None
        return reference.repository.at(child.digest) if child else reference


def _is_dockers(config: ImageConfig) -> bool:
    """Whether a configuration holds what OCI's has no place for (image-spec v1.1.1, config.md)."""
    return bool(config.healthcheck or config.onbuild or config.shell)
