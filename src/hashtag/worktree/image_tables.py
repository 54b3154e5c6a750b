"""`[[image]]` tables, and what stands for them in other files, as images."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from hashtag.errors import (
    ConfigError,
    DuplicateImage,
    HashtagError,
    InvalidReference,
    did_you_mean,
    raise_all,
)
from hashtag.images.model import ContextFiles, Image, MissingSources, Modes, RemoteAdd
from hashtag.worktree import naming
from hashtag.worktree.dockerfiles import (
    beside,
    check_inside,
    default_dockerfile,
    is_file,
    is_folder,
    matching,
)
from hashtag.worktree.given import Given, Where
from hashtag.worktree.values import Choice, Kind, Pairs, Period, Platforms, Text, Texts, check_keys, collect

# What may stand in an image's table and, for all images, at the top of the file.
SHARED_KEYS: Mapping[str, Kind[Any]] = {
    "context": Text(),
    "platforms": Platforms(),
    "args": Pairs(),
    "labels": Pairs(),
    "known-as": Texts(),
    "refresh": Period(),
    "salt": Text(),
    "modes": Choice(Modes),
    "context-files": Choice(ContextFiles),
    "remote-add": Choice(RemoteAdd),
    "missing-sources": Choice(MissingSources),
}
IMAGE_KEYS: Mapping[str, Kind[Any]] = {
    "name": Text(),
    "dockerfile": Text(),
    "dockerfiles": Texts(),
    "target": Text(),
    "contexts": Pairs(),
    **SHARED_KEYS,
}
# Named contexts that are no folders; `target:` is another image of this project.
_SCHEMES = ("docker-image://", "oci-layout://", "target:")


@frozen
class Listed:
    """An image, and where it was listed."""

    image: Image
    where: Where


@frozen(kw_only=True)
class Surroundings:
    """
    What images share.

    Attributes:
        folder: The project's.
        reference: The template of where an image lives.
        repository: The text that stands for `{repository}`.
        defaults: Values of `SHARED_KEYS`, for images that say nothing else.
    """

    folder: Path
    reference: str
    repository: str | None
    defaults: Mapping[str, Any] = field(repr=False)


def read(given: Given, surroundings: Surroundings, *, is_discovered: bool = False) -> list[Listed]:
    """Return the images of one table: one, or as many as `dockerfiles` matches."""
    errors = check_keys(given, IMAGE_KEYS)
    table: Mapping[str, Any] = given.value if isinstance(given.value, dict) else {}
    parts = {key: given.part(key, value) for key, value in table.items() if key in IMAGE_KEYS}
    values = {key: collect(errors, _reader(key, part), None) for key, part in parts.items()}
    raise_all(errors)
    reader = _TableReader(given, parts, values, surroundings, is_discovered)
    listed = [
        collect(errors, lambda: reader.listed(dockerfile), None)  # noqa: B023  # called at once
        for dockerfile in reader.dockerfiles()
    ]
    raise_all(errors)
    return [each for each in listed if each is not None]


def _reader(key: str, part: Given) -> Any:
    return lambda: IMAGE_KEYS[key].read(part)


def check_names(listed: Iterable[Listed]) -> Iterator[HashtagError]:
    """Yield an error for each name that comes again."""
    first: dict[str, Listed] = {}
    for each in listed:
        before = first.setdefault(each.image.name, each)
        if before is not each:
            yield DuplicateImage(
                f"image {each.image.name!r} ({naming.printable(each.image.dockerfile)}) is listed already "
                f"at {_short(before.where)} ({naming.printable(before.image.dockerfile)})",
                where=each.where,
                hint='give one of them another name = "…"',
            )


def _short(where: Where) -> str:
    return where if isinstance(where, str) else f"{where.path}:{where.line}"


@frozen
class _TableReader:
    given: Given
    parts: Mapping[str, Given]
    values: Mapping[str, Any]
    surroundings: Surroundings
    is_discovered: bool

    def dockerfiles(self) -> list[str]:
        """Return the Dockerfiles that this table means."""
        if "dockerfiles" not in self.values:
            return [self._dockerfile()]
        for key in ("dockerfile", "name"):
            if key in self.values:
                raise ConfigError(f"{key} and dockerfiles exclude each other", where=self._where(key))
        folder, given = self.surroundings.folder, self.parts["dockerfiles"]
        patterns = enumerate(self.values["dockerfiles"])
        found = (matching(folder, pattern, where=given.part(at, pattern).where) for at, pattern in patterns)
        return list(dict.fromkeys(path for paths in found for path in paths))

    def _dockerfile(self) -> str:
        if "dockerfile" in self.values:
            return self._inside("dockerfile", self.values["dockerfile"])
        if not self.values.keys() & {"name", "context"}:
            raise ConfigError(
                "the image has no Dockerfile",
                where=self.given.where,
                hint='write dockerfile = "…", or context = "…"',
            )
        context = self._inside("context", self._value("context") or ".")
        return default_dockerfile(self.surroundings.folder, context)

    def listed(self, dockerfile: str) -> Listed:
        """Return the image of one of the Dockerfiles."""
        name = self._name(dockerfile)
        context = self._inside("context", self._value("context") or posixpath.dirname(dockerfile) or ".")
        self._check_on_disk(dockerfile, context)
        image = Image(
            name=name,
            dockerfile=dockerfile,
            context=context,
            repository=self._repository(dockerfile, name),
            target=self.values.get("target"),
            arguments=self._merged("args"),
            labels=self._merged("labels"),
            platforms=self._value("platforms"),
            contexts={
                key: self._named_context(key, text) for key, text in self.values.get("contexts", {}).items()
            },
            known_as=tuple(self._known_as(name)),
            salt=self._value("salt"),
            refresh=self._value("refresh"),
            is_discovered=self.is_discovered,
            modes=self._value("modes"),
            context_files=self._value("context-files"),
            remote_add=self._value("remote-add"),
            missing_sources=self._value("missing-sources"),
        )
        return Listed(image, self._where("name", "dockerfile", "dockerfiles"))

    def _name(self, dockerfile: str) -> str:
        name = str(self.values.get("name", naming.stem(dockerfile)))
        if not naming.is_name(name):
            raise ConfigError(
                f"{name!a} cannot be the name of an image ({naming.printable(dockerfile)})",
                where=self._where("name", "dockerfile", "dockerfiles"),
                hint=f'lower-case letters, digits and . _ - /, as in name = "{naming.slug(name)}"',
            )
        return name

    def _repository(self, dockerfile: str, name: str) -> Any:
        here = self.surroundings
        template = here.reference
        is_root = naming.is_root(dockerfile) and "name" not in self.values
        if is_root and not (here.repository or "").startswith("oci-layout:"):
            template = "{repository}"
        try:
            return naming.repository_of(template, here.repository, name=name)
        except InvalidReference as error:
            raise InvalidReference(error.what, where=self.given.where, hint=error.hint) from error

    def _known_as(self, name: str) -> Iterator[str]:
        for at, pattern in enumerate(self._value("known-as")):
            try:
                yield naming.fill(pattern, name=name)
            except ConfigError as error:
                where = (
                    self.parts["known-as"].part(at, pattern).where if "known-as" in self.parts else "known-as"
                )
                raise ConfigError(error.what, where=where, hint=error.hint) from error

    def _named_context(self, key: str, text: str) -> str:
        given = self.parts["contexts"].part(key, text)
        if text.startswith(_SCHEMES):
            return text
        if "://" in text or text.startswith("git@"):
            raise ConfigError(
                f"the context {key!r} is none that can be read here",
                where=given.where,
                hint="a folder, docker-image://…, oci-layout://… or target:IMAGE",
            )
        path = check_inside(text, given.where)
        if not is_folder(self.surroundings.folder / path):
            raise ConfigError(f"there is no folder {path!r}", where=given.where)
        return path

    def _check_on_disk(self, dockerfile: str, context: str) -> None:
        folder = self.surroundings.folder
        if not is_folder(folder / context):
            raise ConfigError(f"there is no folder {context!r}", where=self._where("context"))
        if not is_file(folder / dockerfile):
            near = did_you_mean(dockerfile, beside(folder, dockerfile))
            raise ConfigError(
                f"there is no file {dockerfile!r}", where=self._where("dockerfile", "name"), hint=near
            )

    def _merged(self, key: str) -> Mapping[str, str]:
        return {**self.surroundings.defaults[key], **self.values.get(key, {})}

    def _value(self, key: str) -> Any:
        return self.values.get(key, self.surroundings.defaults[key])

    def _where(self, *keys: str) -> Where:
        return next((self.parts[key].where for key in keys if key in self.parts), self.given.where)

    def _inside(self, key: str, path: str) -> str:
        return check_inside(path, self._where(key))
