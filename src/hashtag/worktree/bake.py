"""Images from `docker-bake.json`, and from `docker-bake.hcl` through buildx."""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hashtag.errors import ConfigError, did_you_mean
from hashtag.worktree.given import Given
from hashtag.worktree.naming import printable

_TIMEOUT_SECONDS = 30
_GENERATIONS = 50
_EXPRESSION = re.compile(r"[$%]\{([^}]*)\}?")
_UNREADABLE = ("dockerfile-inline", "matrix")
_LIKE_OURS = ("target", "platforms", "labels", "args", "contexts")
_PRINT = "run: docker buildx bake --print > docker-bake.json"


def read_hcl(path: str, folder: Path, environ: Mapping[str, str]) -> list[Given]:
    """Return the images of the default group; only buildx can evaluate such a file."""
    docker = shutil.which("docker", path=environ.get("PATH"))
    if docker is None:
        raise ConfigError("needs docker buildx to be read", where=path, hint=f"{_PRINT}, and import that")
    try:
        answer = subprocess.run(  # noqa: S603  # no shell, and the file is given by its plain name
            [docker, "buildx", "bake", "--print", "--file", f"./{posixpath.basename(path)}"],
            cwd=(folder / path).parent,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"docker buildx gave no answer in {_TIMEOUT_SECONDS} s", where=path) from error
    except OSError as error:
        raise ConfigError(f"docker cannot be started: {error.strerror}", where=path) from error
    if answer.returncode != 0:
        lines = answer.stderr.decode("utf-8", "replace").strip().splitlines() or [
            f"status {answer.returncode}"
        ]
        raise ConfigError(f"docker buildx cannot read it: {printable(lines[-1])}", where=path)
    # What buildx prints is evaluated: what looks like an expression now is text.
    return _images(_document(answer.stdout.decode("utf-8", "replace"), path), path, None)


def read_json(text: str, path: str, environ: Mapping[str, str]) -> list[Given]:
    """
    Return the images of the default group, or of all targets whose names do not begin with `_`.

    `${NAME}` is the variable of the environment, else of the file. Other expressions are refused.
    """
    document = _document(text, path)
    return _images(document, path, _variables(document, path, environ))


def _document(text: str, path: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not JSON: {error}", where=path) from error
    return _table(document, path)


def _variables(document: Mapping[str, Any], path: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    found = {}
    for name, variable in _table(document.get("variable", {}), path).items():
        default = _table(variable, f"{path}: variable {name}").get("default")
        if name in environ:
            found[name] = environ[name]
        elif isinstance(default, str):
            found[name] = default
    return found


def _images(document: Mapping[str, Any], path: str, variables: Mapping[str, str] | None) -> list[Given]:
    targets = _table(document.get("target", {}), path)
    folder = posixpath.dirname(path)
    merged = _Merged(targets)
    images = []
    for name in _selected(document, targets, path):
        place = f"{path}: target {printable(name)}"
        target = merged.target(name, place)
        evaluated = target if variables is None else _evaluated(target, variables, place)
        images.append(Given.by(place, _image(name, evaluated, folder, place)))
    return images


def _selected(document: Mapping[str, Any], targets: Mapping[str, Any], path: str) -> list[str]:
    groups = _table(document.get("group", {}), path)
    if "default" not in groups:
        return [name for name in targets if not name.startswith("_")]
    selected: dict[str, None] = {}
    waiting, seen = ["default"], set()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if name in groups:
            waiting.extend(_names(_table(groups[name], path).get("targets", []), f"{path}: group {name}"))
        elif name in targets:
            selected[name] = None
            waiting.extend(_linked(targets[name]))
        else:
            raise ConfigError(f"there is no target {name!r}", where=path, hint=did_you_mean(name, targets))
    return list(selected)


def _linked(target: object) -> Iterator[str]:
    """Yield the targets whose results are a target's named contexts."""
    contexts = target.get("contexts") if isinstance(target, dict) else None
    for context in contexts.values() if isinstance(contexts, dict) else ():
        if isinstance(context, str) and context.startswith("target:"):
            yield context.removeprefix("target:")


class _Merged:
    """Targets with what they inherit; each is merged once, whoever inherits it."""

    def __init__(self, targets: Mapping[str, Any]) -> None:
        self._targets = targets
        self._known: dict[str, dict[str, Any]] = {}

    def target(self, name: str, place: str, heirs: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return a target; tables are merged, all else is replaced."""
        if name not in self._known:
            self._check(name, place, heirs)
            own = _table(self._targets[name], place)
            parents = _names(own.get("inherits", []), place)
            layers = [self.target(parent, place, (*heirs, name)) for parent in parents]
            self._known[name] = _merge([*layers, own])
        return self._known[name]

    def _check(self, name: str, place: str, heirs: tuple[str, ...]) -> None:
        if name in heirs:
            raise ConfigError("inherits from itself", where=place)
        if len(heirs) > _GENERATIONS:
            raise ConfigError(f"inherits through more than {_GENERATIONS} targets", where=place)
        if name not in self._targets:
            hint = did_you_mean(name, self._targets)
            raise ConfigError(f"inherits from {name!r}, which is not there", where=place, hint=hint)


def _merge(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            is_merged = isinstance(value, dict) and isinstance(merged.get(key), dict)
            merged[key] = {**merged[key], **value} if is_merged else value
    return merged


def _evaluated(target: Mapping[str, Any], variables: Mapping[str, str], place: str) -> dict[str, Any]:
    """Return the target with the variables in its texts, and in those of its lists and tables, filled in."""

    def variable(found: re.Match[str]) -> str:
        if found[1] not in variables or found.group() != f"${{{found[1]}}}":
            raise ConfigError(
                f"the expression {found.group()!r} cannot be evaluated", where=place, hint=_PRINT
            )
        return variables[found[1]]

    def text(value: Any) -> Any:
        return _EXPRESSION.sub(variable, value) if isinstance(value, str) else value

    def texts(value: Any) -> Any:
        match value:
            case dict():
                return {key: text(item) for key, item in value.items()}
            case list():
                return [text(item) for item in value]
            case _:
                return text(value)

    return {key: texts(value) for key, value in target.items() if key not in _IGNORED}


# They say nothing about what is built; expressions in them do not matter.
_IGNORED = ("tags", "output", "cache-from", "cache-to", "description", "attest", "annotations")


def _image(name: str, target: Mapping[str, Any], folder: str, place: str) -> dict[str, Any]:
    for key in _UNREADABLE:
        if target.get(key):
            raise ConfigError(
                f"{key} is not supported",
                where=place,
                hint="write a Dockerfile" if "inline" in key else _PRINT,
            )
    context = _path(target.get("context", "."), folder, place)
    # buildx bake, toBuildOpt: the Dockerfile's path is relative to the context, unless it is cwd://.
    dockerfile = str(target.get("dockerfile", "Dockerfile"))
    base = folder if dockerfile.startswith("cwd://") else context
    table: dict[str, Any] = {
        "name": name,
        "context": context,
        "dockerfile": posixpath.join(base, dockerfile.removeprefix("cwd://")),
    }
    for key in _LIKE_OURS:
        value = target.get(key)
        if value:
            table[key] = _without_nulls(value)
    if "contexts" in table:
        contexts = _table(table["contexts"], place)
        table["contexts"] = {key: _named_context(text, folder, place) for key, text in contexts.items()}
    return table


def _named_context(text: object, folder: str, place: str) -> str:
    is_folder = isinstance(text, str) and "://" not in text and not text.startswith("target:")
    return _path(text, folder, place) if is_folder or not isinstance(text, str) else text


def _path(text: object, folder: str, place: str) -> str:
    path = text.removeprefix("cwd://") if isinstance(text, str) else ""
    if not path or "://" in path or path.startswith(("git@", "target:")):
        raise ConfigError("a context is not a folder", where=place)
    return posixpath.normpath(posixpath.join(folder, path))


def _without_nulls(value: Any) -> Any:
    return (
        {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value
    )


def _names(value: object, place: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ConfigError("a list of targets is no list of names", where=place)
    return value


def _table(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError("has to be a table", where=place)
    return value
