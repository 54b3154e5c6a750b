"""A plan's builds for `docker buildx bake`: a file of its own, or an override that merges with another."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from hashtag.errors import ConfigError, UnsupportedBuild
from hashtag.planning.pins import buildkit_names, pinned_contexts
from hashtag.planning.plan import Build, Plan


def render(plan: Plan) -> str:
    """
    Return a `docker-bake.json` with a target for each build and the group `default` of them all.

    Raises:
        ConfigError: Two images have one target.
        UnsupportedBuild: Bake cannot do a build exactly.
    """
    names = _target_names(plan)
    document = {
        "group": {"default": {"targets": list(names.values())}},
        "target": {names[build.name]: _target(build, names) for build in plan.builds},
    }
    return json.dumps(_literal(document), indent=2).replace("\x7f", "\\u007f") + "\n"


def _target_names(plan: Plan) -> dict[str, str]:
    owners: dict[str, str] = {}
    for build in plan.builds:
        # buildx bake/bake.go, validTargetNameChars.
        name = re.sub(r"[^a-zA-Z0-9_-]", "_", build.name)
        if name in owners:
            raise ConfigError(
                f"images {owners[name]!r} and {build.name!r} have one bake target: {name}",
                hint="rename one of them",
            )
        owners[name] = build.name
    return {image: name for name, image in owners.items()}


def _target(build: Build, names: Mapping[str, str]) -> dict[str, Any]:
    spec = build.target.build
    built = {parent: f"target:{names[parent]}" for parent in build.target.parents if parent in names}
    if build.reference.repository.is_layout:
        raise UnsupportedBuild(f"bake cannot push {build.name!r} into a layout", hint="run: hashtag build")
    wanted = {
        "context": spec.context,
        "dockerfile": _from_context(spec.dockerfile, spec.context),
        "target": spec.target,
        "args": _arguments(build),
        "labels": dict(spec.labels),
        "platforms": [str(platform) for platform in spec.platforms],
        "contexts": pinned_contexts(build, buildkit_names, built) | dict(spec.contexts),
        "tags": [str(build.reference)],
        "no-cache": True,
        "output": ["type=registry"],
    }
    return {key: value for key, value in wanted.items() if value}


def _arguments(build: Build) -> Mapping[str, str | None]:
    arguments = build.target.build.arguments
    for name, value in arguments.items():
        # Bake takes null for «the Dockerfile's default»: another image.
        if value is None:
            raise UnsupportedBuild(
                f"bake cannot build {build.name!r}: the value of argument {name} is not known",
                hint="write the bake file where the plan is made: hashtag plan -o bake=FILE",
            )
    return dict(arguments)


def _from_context(dockerfile: str, context: str) -> str:
    """Return the Dockerfile's path as bake reads it: relative to the context."""
    if dockerfile.startswith("/"):
        return dockerfile
    file, folder = _parts(dockerfile), _parts(context)
    while file and folder and file[0] == folder[0]:
        file, folder = file[1:], folder[1:]
    if context.startswith("/") or ".." in folder:
        raise UnsupportedBuild(f"bake cannot find {dockerfile!r} from outside the project: {context!r}")
    return "/".join([".."] * len(folder) + file)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _literal(value: Any) -> Any:
    """Return the value with HCL's templates off, in keys too: a JSON bake file is read as HCL."""
    # HCL JSON syntax specification, «Expressions»: strings are templates; $${ and %%{ are literal.
    match value:
        case str():
            return value.replace("${", "$${").replace("%{", "%%{")
        case list():
            return [_literal(item) for item in value]
        case dict():
            return {_literal(key): _literal(item) for key, item in value.items()}
        case _:
            return value
