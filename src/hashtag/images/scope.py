"""Variables: the global scope of a Dockerfile, and the build environment of a stage."""

from __future__ import annotations

from collections.abc import Mapping

from hashtag.dockerfile.expansion import expand
from hashtag.dockerfile.instruction import Arg
from hashtag.dockerfile.stage import Dockerfile
from hashtag.oci.platform import Platform

# BuildKit dockerfile2llb, nonEnvArgs: read by the frontend, never part of a RUN's environment.
FRONTEND_ARGUMENTS = frozenset(("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"))


def platform_arguments(target: Platform, build: Platform, stage: str) -> dict[str, str]:
    """
    Return the arguments that exist in every global scope.

    Args:
        stage: The target as it was asked for, else the last stage's name; may be empty.
    """
    return {
        "BUILDPLATFORM": str(build),
        "BUILDOS": build.os,
        "BUILDOSVERSION": "",
        "BUILDARCH": build.architecture,
        "BUILDVARIANT": build.variant,
        "TARGETPLATFORM": str(target),
        "TARGETOS": target.os,
        "TARGETOSVERSION": "",
        "TARGETARCH": target.architecture,
        "TARGETVARIANT": target.variant,
        "TARGETSTAGE": stage or "default",
    }


def global_scope(
    dockerfile: Dockerfile, predefined: Mapping[str, str], arguments: Mapping[str, str]
) -> dict[str, str]:
    """
    Return the values of the ARGs before the first FROM, the predefined ones among them.

    A build argument wins over a default; a default sees what stands before it (BuildKit
    dockerfile2llb, buildMetaArgs).
    """
    scope = {name: arguments.get(name, value) for name, value in predefined.items()}
    for instruction in dockerfile.arguments:
        for name, default in instruction.pairs:
            value = _global_value(name, default, instruction, scope, arguments, dockerfile.escape)
            if value is not None:
                scope[name] = value
    return scope


def _global_value(
    name: str,
    default: str | None,
    instruction: Arg,
    scope: Mapping[str, str],
    arguments: Mapping[str, str],
    escape: str,
) -> str | None:
    if name in arguments:
        return arguments[name]
    if default is None:
        return None
    return expand(default, scope, escape=escape, location=instruction.location)


class BuildEnvironment:
    """
    The variables of a stage while it runs: what RUN sees and what words expand to.

    Setting a variable moves it to the end, as BuildKit's list of variables does.
    """

    def __init__(self, pairs: Mapping[str, str]) -> None:
        self._pairs = dict(pairs)

    def set(self, name: str, value: str) -> None:
        """Set one variable."""
        self._pairs.pop(name, None)
        self._pairs[name] = value

    def copy(self) -> BuildEnvironment:
        """Return another of the same content."""
        return BuildEnvironment(self._pairs)

    @property
    def variables(self) -> Mapping[str, str]:
        """The values by name, in order."""
        return self._pairs

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return names and values, in order."""
        return tuple(self._pairs.items())
