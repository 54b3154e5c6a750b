"""From a hashed image to a staged build: exactly what was hashed, every image named by digest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from attrs import evolve, frozen

from hashtag.builders.staged import CONTEXT, DOCKERFILE, is_loopback
from hashtag.context.uses import MAIN
from hashtag.dockerfile.instruction import Run
from hashtag.dockerfile.parser import parse
from hashtag.dockerfile.stage import Dockerfile
from hashtag.errors import Location, StalePlan, UnsupportedBuild
from hashtag.images.checksums import checksums, with_checksums
from hashtag.images.lowered import External, Internal, Lowered, NamedContext
from hashtag.images.model import Image
from hashtag.images.pinned import named_images, pinned_dockerfile, triggered_images
from hashtag.oci.reference import Reference
from hashtag.planning.command import context_names
from hashtag.planning.plan import BuildSpec
from hashtag.project.workspace import Hashed
from hashtag.worktree.dockerfile_sources import DOCKERFILE_LIMIT
from hashtag.worktree.reading import read_file

Pin: TypeAlias = Callable[[External | Internal], str]


@frozen(kw_only=True)
class Prepared:
    """
    A staged folder.

    Attributes:
        contexts: Named contexts: folders, or `docker-image://…`.
        options: What else the builder has to be told.
    """

    contexts: Mapping[str, str]
    options: tuple[str, ...] = ()


@frozen(kw_only=True)
class Preparation:
    """
    What is needed to stage an image.

    Attributes:
        kind: Of the builder.
        pin: What stands for a base or a parent: the image by digest.
        adds_checksums: Whether the builder takes `ADD --checksum`, so that it fetches what was hashed.
    """

    hashed: Hashed
    kind: str
    pin: Pin
    adds_checksums: bool = False

    def stage(self, image: Image, folder: Path) -> Prepared:
        """
        Fill a folder with the pinned Dockerfile, the context, and each named context.

        Raises:
            StalePlan: A file is not what was hashed any more.
            UnsupportedBuild: The builder cannot do this build exactly.
        """
        builds = tuple(self.hashed.resolved.resolution.lowered[image.name].values())
        dockerfile = self.hashed.resolved.sources[image.name].dockerfile
        assert isinstance(dockerfile, Dockerfile)  # it was hashed  # noqa: S101
        text = self._pinned(image, dockerfile, builds)
        (folder / DOCKERFILE).write_bytes(text.encode("utf-8", "surrogateescape"))
        self._stage(image, builds, MAIN, folder / CONTEXT)
        contexts: dict[str, str] = {}
        for number, name in enumerate(_folders(builds)):
            contexts[name] = str(folder / f"{CONTEXT}-{number}")
            self._stage(image, builds, name, Path(contexts[name]))
        contexts |= self._replaced_stages(image, dockerfile, builds)
        contexts |= self._triggered(dockerfile, builds)
        return Prepared(contexts=contexts, options=self._syntax(builds))

    def _stage(self, image: Image, builds: Iterable[Lowered], name: str, target: Path) -> None:
        try:
            self.hashed.hashing.view(image).stage(builds, name, target)
        except StalePlan as error:
            where = error.where.removeprefix(f"{self.hashed.hashing.folder}/")
            raise StalePlan(error.what, where=where, hint=error.hint) from error

    def _pinned(self, image: Image, dockerfile: Dockerfile, builds: Collection[Lowered]) -> str:
        path = self.hashed.hashing.folder / image.dockerfile
        content = read_file(path, limit=DOCKERFILE_LIMIT)
        again = parse(content, dockerfile.path)
        if again != dockerfile or _locations(again) != _locations(dockerfile):
            raise StalePlan(f"it changed after {image.name} was planned", where=dockerfile.path)
        replacements: dict[tuple[int, int], str] = {}
        for build in builds:
            for place, named in named_images(build, dockerfile).items():
                text = self.pin(named)
                if replacements.setdefault(place, text) != text:
                    raise UnsupportedBuild(
                        f"{named.written} is another image on each platform",
                        where=named.location,
                        hint="build one platform at a time",
                    )
        text = content.decode("utf-8", "surrogateescape")
        if self.adds_checksums:
            fetched = checksums(builds, self.hashed.hashing.remotes.get(image.name, {}))
            text = with_checksums(text, dockerfile, fetched)
        return pinned_dockerfile(text, dockerfile, replacements)

    def _replaced_stages(
        self, image: Image, dockerfile: Dockerfile, builds: Iterable[Lowered]
    ) -> dict[str, str]:
        """Return the contexts that are images and stand in a stage's place."""
        found: dict[str, str] = {}
        for build in builds:
            for index, stage in build.stages.items():
                name = dockerfile.stages[index].name
                for key in (f"{name}::{stage.platform}", name or ""):
                    if key in image.contexts and isinstance(stage.base, External | Internal):
                        found[key] = f"docker-image://{self.pin(stage.base)}"
                        break
        return found

    def _triggered(self, dockerfile: Dockerfile, builds: Iterable[Lowered]) -> dict[str, str]:
        """Return the contexts that pin what only ONBUILD of a base names."""
        images = {each for build in builds for each in triggered_images(build, dockerfile)}
        stages = {stage.name for stage in dockerfile.stages}
        found: dict[str, str] = {}
        for image in images:
            names = context_names(self.kind, _reference(image))
            if not names:
                raise UnsupportedBuild(
                    f"{self.kind} cannot pin {image.written}, which only ONBUILD of a base names",
                    where=image.location,
                    hint="choose another builder: --builder buildah, or buildx",
                )
            for name in names:
                if name.lower() in stages:
                    raise UnsupportedBuild(
                        f"{image.written}, which ONBUILD of a base names, cannot be pinned: "
                        f"a stage is called {name}",
                        where=image.location,
                        hint="rename the stage",
                    )
                found[name] = f"docker-image://{self.pin(image)}"
        return found

    def _syntax(self, builds: Iterable[Lowered]) -> tuple[str, ...]:
        """Return the options that pin the frontend, where it is not Docker's own."""
        syntax = next((build.syntax for build in builds if build.syntax), None)
        if syntax is None:
            return ()
        if self.kind not in ("buildx", "docker"):
            raise UnsupportedBuild(
                f"{self.kind} does not read a Dockerfile with {syntax.written}",
                where=syntax.location,
                hint="choose another builder: --builder buildx",
            )
        return ("--build-arg", f"BUILDKIT_SYNTAX={self.pin(syntax)}")


def insecure(images: Collection[Reference]) -> tuple[Reference, ...]:
    """Return the images of this machine's registries."""
    return tuple(image for image in images if is_loopback(image))


def build_spec(image: Image, spec: BuildSpec) -> BuildSpec:
    """Return a saved plan's way to build, with the values that a saved plan does not hold."""
    return evolve(spec, arguments=dict(image.arguments), labels=dict(image.labels))


def _locations(dockerfile: Dockerfile) -> list[Location]:
    """Return where everything stands: two equal Dockerfiles may differ in their comments."""
    found: list[Location] = []
    for stage in dockerfile.stages:
        found.append(stage.base.location)
        for instruction in stage.instructions:
            found.append(instruction.location)
            if isinstance(instruction, Run):
                found += [mount.location for mount in instruction.mounts]
    return found


def _folders(builds: Iterable[Lowered]) -> list[str]:
    origins = (origin for build in builds for origin in build.origins())
    return list(dict.fromkeys(origin.name for origin in origins if isinstance(origin, NamedContext)))


def _reference(image: External | Internal) -> Reference:
    return image.reference if isinstance(image, External) else Reference.parse(image.written)
