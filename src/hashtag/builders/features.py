"""What a Dockerfile needs that only newer builders understand, told before one is started.

containers/buildah, CHANGELOG.md, and for Docker's engines the Dockerfile frontend that each brings along.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from hashtag.builders.builder import Builder
from hashtag.dockerfile.instruction import Copy, Run, ShellText, StageInstruction
from hashtag.dockerfile.stage import Dockerfile
from hashtag.errors import Location, UnsupportedBuild

Version: TypeAlias = tuple[int, int]

_TIMEOUT_SECONDS = 20
_VERSION = re.compile(r"\A(?:buildah version )?(\d+)\.(\d+)")


class _Feature(NamedTuple):
    """
    A feature of the language.

    Attributes:
        buildah: The first version that reads it as BuildKit does.
        engine: The first Docker engine whose own frontend knows it; None: none known.
    """

    name: str
    buildah: Version
    engine: Version | None


# Before 1.36 it expanded the variables of a RUN's here-document itself.
_RUN_HEREDOC = _Feature("a here-document in RUN", (1, 36), (23, 0))
_COPY_HEREDOC = _Feature("a here-document in COPY", (1, 33), (23, 0))
_CHECKSUM = _Feature("ADD --checksum", (1, 33), (24, 0))
# Before 1.44 the patterns were relative to the context, not to the source.
_EXCLUDE = _Feature("--exclude", (1, 44), None)
_PARENTS = _Feature("COPY --parents", (1, 40), None)
_LINK = _Feature("COPY --link", (1, 41), (23, 0))
_MOUNT = _Feature("RUN --mount", (1, 24), (20, 10))

# BuildKit 0.12, docker/dockerfile 1.6: ADD --checksum is no experiment any more.
_CHECKSUMS: dict[str, Version] = {"buildx": (0, 12), "docker": (25, 0), "buildah": (1, 33), "podman": (1, 33)}
_FRONTEND = re.compile(r"docker/dockerfile(?::1(?:\.(\d+)(?:\.\d+)?)?)?")
_FIRST_FRONTEND = 6
_BUILDKIT = re.compile(r"buildkit(?: version)?:\s*v(\d+)\.(\d+)", re.IGNORECASE)


def check_features(builder: Builder, dockerfile: Dockerfile) -> None:
    """
    Do nothing if the builder reads all that the Dockerfile needs, or does not tell its version.

    Raises:
        UnsupportedBuild: It is too old; with the place of what it cannot read.
    """
    if builder.kind == "buildx":  # its BuildKit is behind another door, and says what it does not know
        return
    needs = [
        (feature, instruction.location)
        for stage in dockerfile.stages
        for instruction in stage.instructions
        for feature in _needed(instruction)
    ]
    if not needs or (builder.is_docker and dockerfile.syntax):  # that frontend is fetched
        return
    version = _version(builder)
    for feature, location in needs:
        first = feature.engine if builder.is_docker else feature.buildah
        if version is not None and (first is None or version < first):
            raise _too_old(builder, feature, version, location)


def takes_checksums(builder: Builder, dockerfile: Dockerfile) -> bool:
    """Return whether the builder surely reads `ADD --checksum` in this Dockerfile."""
    if builder.is_docker and not _has_checksums(dockerfile.syntax):
        return False
    version = _version(builder)
    return version is not None and version >= _CHECKSUMS[builder.kind]


def _has_checksums(syntax: str | None) -> bool:
    """Whether a Dockerfile's frontend has them: an engine's own, by its version, or a fetched one."""
    tag = (syntax or "").split(" ", maxsplit=1)[0].removeprefix("docker.io/")
    found = _FRONTEND.fullmatch(tag)
    return not tag or (found is not None and (not found[1] or int(found[1]) >= _FIRST_FRONTEND))


def _needed(instruction: StageInstruction) -> Iterator[_Feature]:
    match instruction:
        case Run(command=ShellText(heredocs=heredocs), mounts=mounts):
            yield from [_RUN_HEREDOC] if heredocs else []
            yield from [_MOUNT] if mounts else []
        case Run(mounts=mounts):
            yield from [_MOUNT] if mounts else []
        case Copy():
            yield from _needed_by_copy(instruction)
        case _:
            return


def _needed_by_copy(instruction: Copy) -> Iterator[_Feature]:
    if instruction.heredocs:
        yield _COPY_HEREDOC
    if instruction.checksum:
        yield _CHECKSUM
    if instruction.exclude:
        yield _EXCLUDE
    if instruction.parents:
        yield _PARENTS
    if instruction.link:
        yield _LINK


def _version(builder: Builder) -> Version | None:
    """Return the version of what reads the Dockerfile: buildah, in podman too, or the engine."""
    match builder.kind:
        case "buildx":
            return min(_buildkits(builder), default=None)
        case "docker":
            command = ["version", "--format", "{{.Server.Version}}"]
        case "podman":
            command = ["info", "--format", "{{.Host.BuildahVersion}}"]
        case _:
            command = ["--version"]
    found = _VERSION.search(_answer(builder, command))
    return (int(found[1]), int(found[2])) if found else None


def _buildkits(builder: Builder) -> list[Version]:
    """Return the versions of the nodes that buildx builds on; nothing where that cannot be told."""
    if any(option.partition("=")[0] == "--builder" for option in builder.options):
        return []
    answer = _answer(builder, ["buildx", "inspect"])
    return [(int(major), int(minor)) for major, minor in _BUILDKIT.findall(answer)]


def _answer(builder: Builder, command: list[str]) -> str:
    try:
        answer = subprocess.run(
            builder.argv([builder.kind, *command]),
            env=dict(builder.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.decode("utf-8", "replace") if answer.returncode == 0 else ""


def _too_old(builder: Builder, feature: _Feature, version: Version, location: Location) -> UnsupportedBuild:
    name = "Docker's engine" if builder.is_docker else "buildah"
    first = feature.engine if builder.is_docker else feature.buildah
    needed = f"needs {name} {_text(first)} or newer, and this one is" if first else f"is not read by {name}"
    return UnsupportedBuild(
        f"{feature.name} {needed} {_text(version)}",
        where=location,
        hint="write # syntax=docker/dockerfile:1 above it, or choose --builder buildx"
        if builder.is_docker
        else "choose another builder: --builder buildx",
    )


def _text(version: Version) -> str:
    return ".".join(map(str, version))
