"""Images from the services of a compose file that have a `build`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hashtag.errors import ConfigError
from hashtag.worktree import yaml_document
from hashtag.worktree.configuration import read_text
from hashtag.worktree.given import Given

# compose-spec, «Interpolation»: $$ is a dollar; :- and :? also count an empty variable as unset.
_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-?])(?P<word>[^}]*))?\})"
)


def read(text: str, path: str, folder: Path, environ: Mapping[str, str]) -> list[Given]:
    """
    Return an image's table for each service that is built, under the service's name.

    Variables are the environment's; `.env` is not read, and what it alone sets is an error.
    """
    document = yaml_document.read(text, path)
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict):
        raise ConfigError("has no services", where=path)
    env_file = read_text(folder / posixpath.dirname(path) / ".env", ".env") or ""
    set_elsewhere = (
        frozenset(re.findall(r"^\s*(?:export\s+)?(\w+)\s*=", env_file, re.MULTILINE)) - environ.keys()
    )
    images = []
    for name, service in services.items():
        place = f"{path}: service {name}"
        if isinstance(service, dict) and "extends" in service:
            raise ConfigError("extends is not supported", where=place, hint="list this image in hashtag.toml")
        if isinstance(service, dict) and service.get("build") is not None:
            build = _Interpolation(environ, set_elsewhere, place).filled(service["build"])
            images.append(Given.by(place, _image(str(name), build, posixpath.dirname(path), place, environ)))
    return images


class _Interpolation:
    def __init__(self, environ: Mapping[str, str], set_elsewhere: frozenset[str], place: str) -> None:
        self.environ = environ
        self.set_elsewhere = set_elsewhere
        self.place = place

    def filled(self, value: Any) -> Any:
        """Return the value with the variables of its texts filled in."""
        match value:
            case yaml_document.Ambiguous():
                return value
            case str():
                return _VARIABLE.sub(self._text, value)
            case dict():
                return {key: self.filled(item) for key, item in value.items()}
            case list():
                return [self.filled(item) for item in value]
            case _:
                return value

    def _text(self, found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        name, how = found["name"] or found["plain"], found["how"] or ""
        if name in self.set_elsewhere:
            raise ConfigError(
                f"{name} is set in .env, which is not read",
                where=self.place,
                hint=f"export {name} as a variable",
            )
        text = self.environ.get(name)
        if text is not None and not (how.startswith(":") and not text):
            return text
        if how.endswith("-"):
            return found["word"]
        raise ConfigError(
            f"variable {name} is not set", where=self.place, hint=f"set {name}, or write ${{{name}:-default}}"
        )


def _image(name: str, build: Any, folder: str, place: str, environ: Mapping[str, str]) -> dict[str, Any]:
    table = {"context": build} if isinstance(build, str) else build
    if not isinstance(table, dict):
        raise ConfigError("build has to be a folder or a table", where=place)
    if "dockerfile_inline" in table:
        raise ConfigError("dockerfile_inline is not supported", where=place, hint="write a Dockerfile")
    context = _folder(table.get("context", "."), folder, place)
    image: dict[str, Any] = {
        "name": name,
        "context": context,
        "dockerfile": posixpath.join(context, str(table.get("dockerfile", "Dockerfile"))),
    }
    if table.get("target"):
        image["target"] = table["target"]
    if table.get("platforms"):
        image["platforms"] = table["platforms"]
    image["args"] = _pairs(table.get("args"), place, environ)
    image["labels"] = _pairs(table.get("labels"), place, {})
    contexts = _pairs(table.get("additional_contexts"), place, {})
    image["contexts"] = {key: _named_context(text, folder, place) for key, text in contexts.items()}
    return image


def _named_context(text: str, folder: str, place: str) -> str:
    if text.startswith("service:"):
        return "target:" + text.removeprefix("service:")
    return text if "://" in text else _folder(text, folder, place)


def _folder(text: object, folder: str, place: str) -> str:
    if not isinstance(text, str) or "://" in text or text.startswith("git@"):
        raise ConfigError(f"the context {text!r} is not a folder", where=place)
    return posixpath.normpath(posixpath.join(folder, text))


def _pairs(value: Any, place: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Read a table, or a list of `NAME=VALUE`; a name without a value takes it from the environment."""
    match value:
        case None:
            return {}
        case dict():
            pairs = [
                (str(key), item if item is None else _scalar(item, place)) for key, item in value.items()
            ]
        case list():
            split = [_scalar(item, place).partition("=") for item in value]
            pairs = [(key, text if equals else None) for key, equals, text in split]
        case _:
            raise ConfigError("a table of texts is neither a table nor a list", where=place)
    known = [(key, environ.get(key) if text is None else text) for key, text in pairs]
    return {key: text for key, text in known if text is not None}


def _scalar(value: object, place: str) -> str:
    match value:
        case yaml_document.Ambiguous():
            raise ConfigError(
                f"{value} has several readings", where=place, hint=f'write it in quotes: "{value}"'
            )
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
        case _:
            raise ConfigError("a value is no text", where=place)
