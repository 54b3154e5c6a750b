"""Command lines: the argument vector with which a builder builds an image from scratch. Pure.

Values stand in it exactly as they are; nothing ever goes through a shell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attrs import field, frozen

from hashtag.errors import UnsupportedBuild, UsageError, did_you_mean
from hashtag.oci.reference import Reference
from hashtag.planning.pins import buildkit_names, pinned_contexts, written_names
from hashtag.planning.plan import Build, BuildSpec


@frozen(kw_only=True)
class _Builder:
    """
    How one builder spells a build.

    Attributes:
        start: The program and its fixed arguments.
        scratch: What makes it build from scratch.
        layers: What makes it reuse layers instead.
        push: What makes the build itself push.
        pin_names: The named contexts that mean a reference; None where named contexts are unknown.
        context: What stands before the context's folder.
    """

    start: tuple[str, ...]
    scratch: tuple[str, ...] = ("--no-cache",)
    layers: tuple[str, ...] = ()
    file: str = "--file"
    tag: str = "--tag"
    platform: str = "--platform"
    push: tuple[str, ...] = ()
    pin_names: Callable[[Reference], Iterable[str]] | None = None
    context: Callable[[str], list[str]] = field(default=lambda folder: [folder])
    several_platforms: str | None = None
    ignore_file: str | None = None
    reads_environment: bool = True


# `--format docker`: the OCI format has no HEALTHCHECK, SHELL and ONBUILD, and buildah drops them
# (buildah-build(1), «--format»).
_BUILDERS: dict[str, _Builder] = {
    "buildx": _Builder(
        start=("docker", "buildx", "build"),
        push=("--push",),
        pin_names=buildkit_names,
        several_platforms="--tag",
    ),
    "docker": _Builder(start=("docker", "build")),
    "buildah": _Builder(
        start=("buildah", "build"),
        scratch=("--no-cache", "--format", "docker"),
        layers=("--layers", "--format", "docker"),
        pin_names=written_names,
        several_platforms="--manifest",
        ignore_file="--ignorefile",
    ),
    "podman": _Builder(
        start=("podman", "build"),
        scratch=("--no-cache", "--format", "docker"),
        layers=("--layers", "--format", "docker"),
        pin_names=written_names,
        several_platforms="--manifest",
        ignore_file="--ignorefile",
    ),
    "kaniko": _Builder(
        start=("/kaniko/executor",),
        scratch=(),
        file="--dockerfile",
        tag="--destination",
        platform="--custom-platform",
        context=lambda folder: ["--context", f"dir://{folder}"],
        # kaniko pkg/dockerfile/buildargs.go: an argument without a value has none.
        reads_environment=False,
    ),
}
BUILDERS = tuple(_BUILDERS)


def command(
    build: Build,
    builder: str,
    *,
    context: str | None = None,
    dockerfile: str | None = None,
    contexts: Mapping[str, str] | None = None,
    tags: Sequence[Reference] | None = None,
    ignore_file: str | None = None,
    options: Sequence[str] = (),
    layer_cache: bool = False,
) -> list[str]:
    """
    Return the command line of a build, from scratch unless layers may be reused.

    Args:
        build: Of a plan.
        builder: One of `BUILDERS`.
        context: A folder; default: the image's, relative to the project's.
        dockerfile: One that names every image by digest; default: the image's, relative to the
            project's folder.
        contexts: Named contexts; default: the image's own, and one that pins each base and parent
            where the builder knows named contexts.
        tags: Default: the build's one reference. None at all: nothing is pushed.
        ignore_file: What stands for `.dockerignore`, where the builder takes one.
        options: Further arguments, before the context.
        layer_cache: Whether the builder may reuse layers.

    Raises:
        UnsupportedBuild: The builder cannot do this build exactly.
        UsageError: There is no such builder.
    """
    syntax, spec = _syntax(builder), build.target.build
    references = (build.reference,) if tags is None else tuple(tags)
    try:
        if dockerfile is None and not syntax.pin_names:
            _check_written(build)
        named = _contexts(build, syntax) if contexts is None else contexts
        return [
            *syntax.start,
            *(syntax.layers if layer_cache else syntax.scratch),
            *[syntax.file, _path(dockerfile or spec.dockerfile)],
            *_inputs(spec, syntax),
            *_each("--build-context", [f"{name}={value}" for name, value in _known(named, syntax).items()]),
            *_ignore(ignore_file, syntax),
            *_destination(references, spec, syntax),
            *options,
            *syntax.context(_path(context or spec.context)),
        ]
    except _CannotDo as reason:
        raise UnsupportedBuild(f"{builder} cannot build {build.name!r}: {reason}", hint=reason.hint) from None


def push_commands(
    build: Build, builder: str, *, tags: Sequence[Reference] | None = None, options: Sequence[str] = ()
) -> list[list[str]]:
    """
    Return the command lines that push what `command` built; none where the build itself pushes.

    Args:
        build: Of a plan.
        builder: One of `BUILDERS`.
        tags: Default: the build's one reference.
        options: Of each push, before its arguments.
    """
    syntax = _syntax(builder)
    references = [str(tag) for tag in ((build.reference,) if tags is None else tags)]
    if syntax.push or syntax.tag == "--destination":
        return []
    program = syntax.start[0]
    if len(build.target.build.platforms) > 1 and syntax.several_platforms:
        start = [program, "manifest", "push", "--all", *options, *references[:1]]
        return [[*start, f"docker://{reference}"] for reference in references]
    return [[program, "push", *options, reference] for reference in references]


class _CannotDo(Exception):
    def __init__(self, reason: str, hint: str = "choose another builder, such as buildx") -> None:
        super().__init__(reason)
        self.hint = hint


def _syntax(builder: str) -> _Builder:
    if builder not in _BUILDERS:
        hint = did_you_mean(builder, BUILDERS) or f"one of {', '.join(BUILDERS)}"
        raise UsageError(f"there is no builder {builder!r}", hint=hint)
    return _BUILDERS[builder]


def _inputs(spec: BuildSpec, syntax: _Builder) -> Iterator[str]:
    if spec.target is not None:
        yield from ("--target", spec.target)
    if not syntax.reads_environment and None in spec.arguments.values():
        unknown = next(name for name, value in spec.arguments.items() if value is None)
        raise _CannotDo(
            f"the value of argument {unknown} is not known, and it reads none from the environment"
        )
    for name, value in spec.arguments.items():
        yield from ("--build-arg", name if value is None else f"{name}={value}")
    yield from _each("--label", [f"{name}={value}" for name, value in spec.labels.items()])
    if len(spec.platforms) > 1 and not syntax.several_platforms:
        raise _CannotDo("it builds one platform at a time")
    if spec.platforms:
        yield from (syntax.platform, ",".join(map(str, spec.platforms)))


def _check_written(build: Build) -> None:
    """Refuse a name in the Dockerfile that could mean another image than the one that was hashed."""
    image = build.target
    bases = [base.reference for base in image.bases if not base.is_written_by_digest]
    if movable := (*image.parent_references, *image.parents, *bases):
        raise _CannotDo(
            f"it cannot pin {movable[0]!r}",
            hint=f"run: hashtag build {build.name} (it rewrites the Dockerfile); "
            "or choose buildx, buildah or podman",
        )


def _contexts(build: Build, syntax: _Builder) -> dict[str, str]:
    own = dict(build.target.build.contexts)
    pinned = pinned_contexts(build, syntax.pin_names) if syntax.pin_names else {}
    return pinned | own


def _known(contexts: Mapping[str, str], syntax: _Builder) -> Mapping[str, str]:
    if contexts and not syntax.pin_names:
        raise _CannotDo("it knows no named contexts")
    return contexts


def takes_ignore_file(builder: str) -> bool:
    """Whether a builder takes what stands for `.dockerignore` on its command line."""
    return _syntax(builder).ignore_file is not None


def knows_contexts(builder: str) -> bool:
    """Whether a builder knows named contexts."""
    return _syntax(builder).pin_names is not None


def context_names(builder: str, reference: Reference) -> tuple[str, ...]:
    """Return the names of the contexts that replace a reference; none where the builder knows none."""
    names = _syntax(builder).pin_names
    return tuple(names(reference)) if names else ()


def _ignore(ignore_file: str | None, syntax: _Builder) -> list[str]:
    if ignore_file is None:
        return []
    if syntax.ignore_file is None:
        raise _CannotDo("it takes no ignore file")
    return [syntax.ignore_file, ignore_file]


def _destination(references: Sequence[Reference], spec: BuildSpec, syntax: _Builder) -> Iterator[str]:
    if any(reference.repository.is_layout for reference in references):
        raise _CannotDo("no builder pushes into a layout folder", hint="run: hashtag build")
    if not references:
        yield from ["--no-push"] if syntax.tag == "--destination" else []
        return
    several = syntax.several_platforms if len(spec.platforms) > 1 else None
    if several == "--manifest":
        yield from (several, str(references[0]))
    else:
        yield from _each(syntax.tag, map(str, references))
    yield from syntax.push


def _each(option: str, values: Iterable[str]) -> Iterator[str]:
    for value in values:
        yield option
        yield value


def _path(path: str) -> str:
    # A leading - would read as an option, and - alone as standard input.
    return f"./{path}" if path.startswith("-") else path
