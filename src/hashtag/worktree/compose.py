"""Images from the services of a compose file that have a `build`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from hashtag.errors import ConfigError
from hashtag.worktree import yaml_document
from hashtag.worktree.configuration import read_text
from hashtag.worktree.given import Given
from hashtag.worktree.naming import printable

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
        place = f"{path}: service {printable(str(name))}"
        if isinstance(service, dict) and "extends" in service:
            raise ConfigError("extends is not supported", where=place, hint="list this image in hashtag.toml")
        if isinstance(service, dict) and service.get("build") is not None:
            reader = _Build(place, posixpath.dirname(path), environ, set_elsewhere)
            images.append(Given.by(place, {"name": str(name), **reader.table(service["build"])}))
    return images


@frozen
class _Build:
    """
    Reads the `build` of one service.

    Attributes:
        folder: Of the compose file, relative to the project's.
        set_elsewhere: Variables that compose would find in `.env`.
    """

    place: str
    folder: str
    environ: Mapping[str, str] = field(repr=False)
    set_elsewhere: frozenset[str]

    def table(self, build: object) -> dict[str, Any]:
        """Return the image's table, without its name."""
        given = {"context": build} if isinstance(build, str) else build
        if not isinstance(given, dict):
            raise ConfigError("build has to be a folder or a table", where=self.place)
        if "dockerfile_inline" in given:
            raise ConfigError(
                "dockerfile_inline is not supported", where=self.place, hint="write a Dockerfile"
            )
        context = self._path(self._text(given.get("context", ".")))
        contexts = self._pairs(given.get("additional_contexts"))
        image: dict[str, Any] = {
            "context": context,
            "dockerfile": posixpath.join(context, self._text(given.get("dockerfile", "Dockerfile"))),
            "args": self._pairs(given.get("args"), self.environ),
            "labels": self._pairs(given.get("labels")),
            "contexts": {key: self._named_context(text) for key, text in contexts.items()},
        }
        if given.get("target"):
            image["target"] = self._text(given["target"])
        if given.get("platforms"):
            image["platforms"] = [self._text(platform) for platform in self._list(given["platforms"])]
        return image

    def _named_context(self, text: str) -> str:
        if text.startswith("service:"):
            return "target:" + text.removeprefix("service:")
        return text if "://" in text else self._path(text)

    def _path(self, text: str) -> str:
        if "://" in text or text.startswith("git@"):
            raise ConfigError("a context is not a folder", where=self.place)
        return posixpath.normpath(posixpath.join(self.folder, text))

    def _pairs(self, value: object, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """Read a table, or a list of `NAME=VALUE`; a name without a value takes it from the environment."""
        if isinstance(value, dict):
            pairs = [(str(key), None if item is None else self._text(item)) for key, item in value.items()]
        else:
            split = [self._text(item).partition("=") for item in self._list(value or [])]
            pairs = [(key, text if equals else None) for key, equals, text in split]
        known = ((key, (environ or {}).get(key) if text is None else text) for key, text in pairs)
        return {key: text for key, text in known if text is not None}

    def _list(self, value: object) -> list[Any]:
        if not isinstance(value, list):
            raise ConfigError("a list of texts is none", where=self.place)
        return value

    def _text(self, value: object) -> str:
        """Return a scalar as compose prints it, its variables filled in."""
        match value:
            case yaml_document.Ambiguous():
                hint = f'write it in quotes: "{value}"'
                raise ConfigError(f"{value} has several readings", where=self.place, hint=hint)
            case bool():
                return "true" if value else "false"
            case int():
                return str(value)
            case str():
                return _VARIABLE.sub(self._variable, value)
            case _:
                raise ConfigError("a value is no text", where=self.place)

    def _variable(self, found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        name, how = found["name"] or found["plain"], found["how"] or ""
        if name in self.set_elsewhere:
            hint = f"export {name} as a variable"
            raise ConfigError(f"{name} is set in .env, which is not read", where=self.place, hint=hint)
        text = self.environ.get(name)
        if text is not None and not (how.startswith(":") and not text):
            return text
        if how.endswith("-"):
            return found["word"]
        hint = f"set {name}, or write ${{{name}:-default}}"
        raise ConfigError(f"variable {name} is not set", where=self.place, hint=hint)
