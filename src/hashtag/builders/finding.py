"""Finding a builder: what is installed, and whether it can be used."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from hashtag.builders.builder import Builder
from hashtag.errors import BuilderMissing, UsageError, did_you_mean

# As found, the first one that can be used.
KINDS = ("buildx", "docker", "buildah", "podman")
_TIMEOUT_SECONDS = 20
_MAJOR = re.compile(r"(\d+)\.")
# docker/cli 23.0: BuildKit is no longer in the client but in its plugin buildx.
_LAST_WITH_BUILDKIT = 20


def find_builder(kind: str | None, environ: Mapping[str, str]) -> Builder:
    """
    Return the builder asked for, else the first that can be used.

    A Docker client counts if its engine answers, and it has BuildKit: in itself, or as buildx. Of
    several clients on the PATH the first such one.

    Args:
        kind: One of `KINDS`; default: HASHTAG_BUILDER, or as found.
        environ: What builders are started with; HASHTAG_BUILDER_ARGS and HASHTAG_BUILD_ARGS in it.

    Raises:
        BuilderMissing: None can be used; the hint says why not.
        UsageError: There is no such builder.
    """
    kind = kind or environ.get("HASHTAG_BUILDER") or None
    if kind is not None and kind not in KINDS:
        hint = did_you_mean(kind, KINDS) or f"one of {', '.join(KINDS)}"
        raise UsageError(f"there is no builder {kind!r}", where="--builder", hint=hint)
    reasons: list[str] = []
    for each in KINDS if kind is None else (kind,):
        found = _find(each, environ, reasons)
        if found is not None:
            return _builder(each, found, environ)
    wanted = "no builder" if kind is None else f"{kind} cannot be used"
    raise BuilderMissing(
        f"{wanted}: {'; '.join(dict.fromkeys(reasons))}" if kind else f"{wanted} can be used",
        hint="; ".join(dict.fromkeys(reasons)) if kind is None else "choose another with --builder",
    )


def _find(kind: str, environ: Mapping[str, str], reasons: list[str]) -> str | None:
    name = "docker" if kind == "buildx" else kind
    programs = list(_programs(name, environ))
    if not programs:
        reasons.append(f"{name} is not installed")
    for program in programs:
        problem = _problem(kind, program, environ)
        if problem is None:
            return program
        reasons.append(f"{program}: {problem}")
    return None


def _programs(name: str, environ: Mapping[str, str]) -> Iterator[str]:
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        path = Path(folder or ".") / name
        if path.is_file() and os.access(path, os.X_OK):
            yield str(path.absolute())


def _problem(kind: str, program: str, environ: Mapping[str, str]) -> str | None:
    """Return why a program cannot be used, None if it can."""
    match kind:
        case "buildx" | "docker":
            versions = _ask(
                environ, program, "version", "--format", "{{.Client.Version}} {{.Server.Version}}"
            )
            if versions is None:
                return "no engine answers"
            if kind == "buildx":
                has_plugin = _ask(environ, program, "buildx", "version") is not None
                return None if has_plugin else "it has no buildx"
            return (
                None if _has_buildkit(versions) else f"version {versions.split()[0]} builds with buildx only"
            )
        case _:
            return None if _ask(environ, program, "--version") is not None else "it does not start"


def _has_buildkit(versions: str) -> bool:
    major = _MAJOR.match(versions)
    return major is not None and int(major[1]) <= _LAST_WITH_BUILDKIT


def _ask(environ: Mapping[str, str], *command: str) -> str | None:
    try:
        answer = subprocess.run(
            [command[0], *_words(environ, "HASHTAG_BUILDER_ARGS"), *command[1:]],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.decode("utf-8", "replace").strip() if answer.returncode == 0 else None


def _builder(kind: str, program: str, environ: Mapping[str, str]) -> Builder:
    # The engine's own BuildKit: the classic builder ignores `Dockerfile.dockerignore` and named mounts.
    own = {"DOCKER_BUILDKIT": "1"} if kind == "docker" else {}
    return Builder(
        kind=kind,
        program=program,
        environ={**environ, **own},
        arguments=_words(environ, "HASHTAG_BUILDER_ARGS"),
        options=_words(environ, "HASHTAG_BUILD_ARGS"),
    )


def _words(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(environ.get(name, "")))
    except ValueError as error:
        raise UsageError(f"its quotes are off: {error}", where=name) from error
