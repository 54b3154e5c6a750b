"""Settings: what a project says of itself, from the command line, the environment, a file and CI."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from attrs import field, frozen

from hashtag import __version__
from hashtag.errors import ConfigError, HashtagError, InvalidReference, did_you_mean, raise_all
from hashtag.images.model import ContextFiles, Image, MissingSources, Modes, RemoteAdd
from hashtag.oci.reference import Repository
from hashtag.planning.zone import check_pipeline_tag, is_ours
from hashtag.worktree import configuration, discovery, image_tables, imports, naming
from hashtag.worktree.configuration import Configuration
from hashtag.worktree.given import Given
from hashtag.worktree.image_tables import Listed, Surroundings
from hashtag.worktree.keys import PROJECT_KEYS
from hashtag.worktree.requirement import check_requirement
from hashtag.worktree.sources import COMMAND_LINE, Sources, unknown_variables
from hashtag.worktree.values import check_keys, collect


class Row(NamedTuple):
    """One setting, as `hashtag config` prints it."""

    name: str
    value: str
    origin: str


@frozen(kw_only=True)
class Settings:
    """
    All that a project says, checked.

    Attributes:
        folder: The project's folder: the one of the configuration file, else the one asked for.
        repository: None where nothing says it: then there is nothing to look up.
        reference: The template of where an image lives: `{repository}/{name}`.
        pipeline_tag: None outside of a pipeline.
        look_in: Repositories to read from, in order, after the project's own.
        external: Patterns of references that never mean an image of this project.
        mirrors: Where the bases of a registry are read instead.
        plans: The template of where plans are stored: `{repository}/plans`.
        publish: Tags by the pattern of a branch.
        images: In the order listed; discovered ones by path.
        warnings: What to say, but not to fail for.
        rows: Every setting with its origin.
    """

    folder: Path
    repository: Repository | None
    reference: str
    pipeline_tag: str | None
    modes: Modes
    context_files: ContextFiles
    remote_add: RemoteAdd
    missing_sources: MissingSources
    external: tuple[str, ...]
    mirrors: Mapping[str, str] = field(hash=False)
    plans: str
    plans_repository: Repository | None
    look_in: tuple[str, ...]
    on_upstream_hit: str
    trust: str
    bases: str
    publish: Mapping[str, tuple[str, ...]] = field(hash=False)
    images: tuple[Image, ...]
    warnings: tuple[str, ...]
    rows: tuple[Row, ...] = field(repr=False)

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each setting comes from: `command line`, `HASHTAG_MODES`, `hashtag.toml:12`, `default`."""
        return {row.name: row.origin for row in self.rows}


def load(
    folder: Path, *, environ: Mapping[str, str], overrides: Mapping[str, object] | None = None
) -> Settings:
    """
    Return the settings of the project that `folder` is in.

    Args:
        folder: Where to look first; see `configuration.find`.
        environ: The variables: `HASHTAG_*`, those that the file names, and CI's.
        overrides: The command line, by key: `pipeline-tag` or `pipeline_tag`; None means not given.

    Raises:
        ConfigError: For a value that is wrong; `SeveralErrors` where there are more.
    """
    noticed = tuple(unknown_variables(environ))
    try:
        return _load(configuration.find(folder), environ, _by_key(overrides or {}), noticed)
    except HashtagError as error:
        error.warnings = (*noticed, *error.warnings)
        raise


def _load(
    file: Configuration,
    environ: Mapping[str, str],
    overrides: Mapping[str, object],
    noticed: tuple[str, ...],
) -> Settings:
    sources = Sources(file, environ, overrides)
    errors = check_keys(Given(dict(file.table), file.name, file.locate), [*PROJECT_KEYS, "image"])
    chosen = {key: sources.choose(key) for key in PROJECT_KEYS}
    values = {key: collect(errors, _reader(key, given), None) for key, given in chosen.items()}
    errors = [*sources.errors, *errors]
    raise_all(errors)
    errors.extend(_wrong(values, chosen))
    raise_all(errors)
    surroundings = Surroundings(
        folder=file.folder, reference=values["reference"], repository=values["repository"], defaults=values
    )
    listed = _configured(sources, surroundings, chosen["import"], chosen["dockerfiles"])
    found, unnamed = ([], []) if listed else _discovered(surroundings)
    warnings = (*sources.warnings, *noticed, *unnamed)
    return _settings(values, chosen, surroundings, [*listed, *found], warnings)


def _by_key(overrides: Mapping[str, object]) -> Mapping[str, object]:
    named = {key.replace("_", "-"): value for key, value in overrides.items()}
    unknown = next((key for key in named if key not in PROJECT_KEYS), None)
    if unknown is not None:
        hint = did_you_mean(unknown, PROJECT_KEYS)
        raise ConfigError(f"unknown setting {unknown!r}", where=COMMAND_LINE, hint=hint)
    return named


def _reader(key: str, given: Given) -> Callable[[], Any]:
    # From a file a text may come out empty, `${TAG:-}`: it says nothing. On a command line it is a slip.
    is_optional = PROJECT_KEYS[key].default is None
    if given.value is None or (is_optional and given.value == "" and given.origin != COMMAND_LINE):
        return lambda: None
    return lambda: PROJECT_KEYS[key].kind.read(given)


def _wrong(values: Mapping[str, Any], chosen: Mapping[str, Given]) -> list[HashtagError]:
    """Return what is wrong with values that have the right type."""
    errors: list[HashtagError] = []
    collect(errors, lambda: _check_repository(values, chosen), None)
    collect(errors, lambda: _check_pipeline_tag(values["pipeline-tag"], chosen["pipeline-tag"]), None)
    if values["requires"] is not None:
        where = chosen["requires"].where
        collect(errors, lambda: check_requirement(values["requires"], __version__, where=where), None)
    return errors


def _check_repository(values: Mapping[str, Any], chosen: Mapping[str, Given]) -> None:
    for key in ("repository", "reference", "plans", "look-in", "mirrors"):
        if "@" in _shown(key, values[key]):
            raise ConfigError(  # without the text: what stands before an @ may be a password
                f"{key} has an @", where=chosen[key].where, hint="credentials belong into docker login"
            )
    if "{name}" not in values["reference"]:
        raise ConfigError(  # or two images would have one pipeline tag
            "the reference of an image has to hold {name}", where=chosen["reference"].where
        )
    for key, template in (
        ("repository", "{repository}"),
        ("reference", values["reference"]),
        ("plans", values["plans"]),
    ):
        try:
            naming.repository_of(template, values["repository"], name="name")
        except (ConfigError, InvalidReference) as error:
            raise type(error)(error.what, where=chosen[key].where, hint=error.hint) from error


def _check_pipeline_tag(tag: str | None, given: Given) -> None:
    try:
        check_pipeline_tag("none" if tag is None else tag)
    except InvalidReference as error:
        hint = error.hint
        if tag and not is_ours(tag):
            hint = f"give a tag, for example --pipeline-tag {naming.slug(tag)}"
        raise InvalidReference(error.what, where=given.where, hint=hint) from error


def _configured(
    sources: Sources, surroundings: Surroundings, imported: Given, dockerfiles: Given
) -> list[Listed]:
    tables = list(sources.images())
    if dockerfiles.value:
        tables.append(Given({"dockerfiles": dockerfiles.value}, dockerfiles.origin, dockerfiles.locate))
    errors: list[HashtagError] = []
    for at, name in enumerate(PROJECT_KEYS["import"].kind.read(imported)):
        part = imported.part(at, name)
        tables += collect(errors, _importer(part, name, surroundings.folder, sources.environ), [])
    listed: list[Listed] = []
    for table in tables:
        listed += collect(errors, _image_reader(table, surroundings), [])
    errors.extend(image_tables.check_names(listed))
    raise_all(errors)
    return listed


def _importer(given: Given, name: str, folder: Path, environ: Mapping[str, str]) -> Callable[[], list[Given]]:
    return lambda: imports.read(given, name, folder, environ)


def _image_reader(table: Given, surroundings: Surroundings) -> Callable[[], list[Listed]]:
    return lambda: image_tables.read(table, surroundings)


def _discovered(surroundings: Surroundings) -> tuple[list[Listed], list[str]]:
    named = discovery.distinct(discovery.discover(surroundings.folder))
    listed: list[Listed] = []
    for found in named.found:
        table = {"dockerfile": found.dockerfile}
        if not naming.is_root(found.dockerfile):
            table["name"] = found.name
        given = Given.by(f"discovered: {found.dockerfile}", table)
        listed += image_tables.read(given, surroundings, is_discovered=True)
    return listed, list(named.warnings)


def _settings(
    values: Mapping[str, Any],
    chosen: Mapping[str, Given],
    surroundings: Surroundings,
    listed: Iterable[Listed],
    warnings: tuple[str, ...],
) -> Settings:
    images = list(listed)
    text = values["repository"]
    rows = [Row(key, _shown(key, values[key]), chosen[key].origin) for key in PROJECT_KEYS]
    rows += [
        Row(f"image.{each.image.name}", naming.printable(each.image.dockerfile), _origin(each))
        for each in images
    ]
    return Settings(
        folder=surroundings.folder,
        repository=None if text is None else naming.repository_of("{repository}", text),
        reference=values["reference"],
        pipeline_tag=values["pipeline-tag"],
        modes=values["modes"],
        context_files=values["context-files"],
        remote_add=values["remote-add"],
        missing_sources=values["missing-sources"],
        external=values["external"],
        mirrors=values["mirrors"],
        plans=values["plans"],
        plans_repository=naming.repository_of(values["plans"], text),
        look_in=values["look-in"],
        on_upstream_hit=values["on-upstream-hit"],
        trust=values["trust"],
        bases=values["bases"],
        publish=values["publish"],
        images=tuple(each.image for each in images),
        warnings=warnings,
        rows=tuple(rows),
    )


def _origin(listed: Listed) -> str:
    where = listed.where
    return where if isinstance(where, str) else f"{where.path}:{where.line}"


def _shown(key: str, value: Any) -> str:
    """Return a value for people; of build arguments the names alone, for their values may be secret."""
    match value:
        case None:
            return ""
        case Enum():
            return str(value.value)
        case tuple():
            return ", ".join(str(item) for item in value)
        case Mapping() if key == "args":
            return ", ".join(value)
        case Mapping():
            return ", ".join(f"{name}={_shown('', item)}" for name, item in value.items())
        case _:
            return str(value)
