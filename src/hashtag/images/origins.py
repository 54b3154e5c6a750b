"""Origins: what the name behind FROM, `--from` or a mount's `from` means."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen

from hashtag.errors import DockerfileError, HashtagError, Location, UnsupportedConstruct
from hashtag.images.bases import BaseImage
from hashtag.images.config import ImageConfig
from hashtag.images.lowered import External, Internal, NamedContext, Origin, Scratch
from hashtag.oci.digest import Digest
from hashtag.oci.platform import Platform
from hashtag.oci.reference import LAYOUT, Reference, Repository

_IMAGE_SCHEME = "docker-image://"
_LAYOUT_SCHEME = "oci-layout://"
_TARGET_SCHEME = "target:"
_REMOTE_SCHEMES = ("http://", "https://", "git://", "git@", "ssh://", "input:")


@frozen(kw_only=True)
class World:
    """
    What a Dockerfile alone does not say; all answers are looked up, never fetched.

    Attributes:
        base: The pinned image of an external reference for a platform, or None as long as it is
            not known; the text is the reference as written.
        parent: The name of the image of this project that a reference means, or None.
        config: The computed config of an image of this project, or None as long as it is not known.
    """

    base: Callable[[Reference, str, Platform], BaseImage | None]
    parent: Callable[[Reference], str | None]
    config: Callable[[str, Platform], ImageConfig | None]


@frozen(kw_only=True)
class BuildRequest:
    """
    What a build is asked for, beside its Dockerfile.

    Attributes:
        build_platform: What BUILDPLATFORM is; a setting, never the host's.
        contexts: Named contexts: a folder, `docker-image://…`, `oci-layout://…` or `target:…`.
    """

    target: str | None = None
    arguments: Mapping[str, str] = field(factory=dict, hash=False, repr=False)
    labels: Mapping[str, str] = field(factory=dict, hash=False)
    platform: Platform
    build_platform: Platform
    contexts: Mapping[str, str] = field(factory=dict, hash=False)

    def context(self, name: str, platform: Platform) -> str | None:
        """
        Return the name of the context that replaces a stage or an image, None where none does.

        BuildKit dockerui, namedContext: by the familiar form without `:latest`, first with `::platform`.
        """
        key = _familiar(name)
        return next((found for found in (f"{key}::{platform}", key) if found in self.contexts), None)


def is_remote_context(value: str) -> bool:
    """Whether the value of a named context is to be fetched from somewhere else than a registry."""
    return value.startswith(_REMOTE_SCHEMES)


def _familiar(name: str) -> str:
    try:
        return Reference.parse(name).familiar.removesuffix(":latest")
    except HashtagError:
        return name


def image_origin(name: str, platform: Platform, request: BuildRequest, world: World, at: Location) -> Origin:
    """Return what a name that is no stage means: a named context, scratch, one of ours, or an image."""
    context = None if name == "scratch" else request.context(name, platform)
    if context is not None:
        return context_origin(context, platform, request, world, at)
    if name == "scratch":
        return Scratch()
    return _image(name, name, platform, world, at)


def context_origin(
    name: str, platform: Platform, request: BuildRequest, world: World, at: Location
) -> Origin:
    """Return what a named context is."""
    value = request.contexts[name]
    if value == _IMAGE_SCHEME + "scratch":
        return Scratch()
    if value.startswith(_IMAGE_SCHEME):
        return _image(value.removeprefix(_IMAGE_SCHEME), value, platform, world, at)
    if value.startswith(_LAYOUT_SCHEME):
        return _layout(value, platform, world, at)
    if value.startswith(_TARGET_SCHEME):
        return Internal(value.removeprefix(_TARGET_SCHEME), platform, value, at)
    if is_remote_context(value):
        raise UnsupportedConstruct(
            f"the named context {name!r} is remote: {value}",
            where=at,
            hint="a named context is a folder, docker-image://… or oci-layout://…",
        )
    return NamedContext(name)


def _image(name: str, written: str, platform: Platform, world: World, at: Location) -> Origin:
    try:
        reference = Reference.parse(name)
    except HashtagError as error:
        raise DockerfileError(f"not an image: {name!r} ({error.what})", where=at, hint=error.hint) from error
    parent = world.parent(reference)
    if parent is not None:
        return Internal(parent, platform, written, at)
    return External(reference, platform, world.base(reference, written, platform), written, at)


def _layout(value: str, platform: Platform, world: World, at: Location) -> Origin:
    # buildx build, toSolveOpt: what stands behind the first colon is a name in the layout.
    path, _, digest = value.removeprefix(_LAYOUT_SCHEME).partition("@")
    folder, _, name = path.partition(":")
    repository, _, tag = name.rpartition(":")
    try:
        # With a digest, which decides, the name says nothing.
        if digest:
            reference = Repository.parse(LAYOUT + folder).at(Digest(digest))
        else:
            reference = Repository.parse(f"{LAYOUT}{folder}:{repository}").tagged(tag or "latest")
    except HashtagError as error:
        raise DockerfileError(f"not a layout: {value!r} ({error.what})", where=at, hint=error.hint) from error
    return External(reference, platform, world.base(reference, value, platform), value, at)
