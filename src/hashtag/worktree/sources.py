"""Who has the word on a setting: the command line, a variable, the file, CI, or the default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, frozen

from hashtag.errors import ConfigError, HashtagError, did_you_mean
from hashtag.worktree.configuration import Configuration
from hashtag.worktree.given import Given
from hashtag.worktree.interpolation import UndefinedVariable, expanded
from hashtag.worktree.keys import FOREIGN_VARIABLES, PROJECT_KEYS, variable

COMMAND_LINE = "command line"
DEFAULT = "default"


@frozen
class Sources:
    """
    All places that may say something.

    Attributes:
        errors: Variables that the file names and nobody set.
        warnings: Of these, what only CI sets, seen outside of CI.
    """

    file: Configuration
    environ: Mapping[str, str] = field(repr=False)
    overrides: Mapping[str, object] = field(repr=False)
    errors: list[HashtagError] = field(factory=list)
    warnings: list[str] = field(factory=list)

    def choose(self, key: str) -> Given:
        """Return the value of a key from the first place that has one."""
        places = (self._from_command_line, self._from_variable, self._from_file, self._from_ci)
        found = (place(key) for place in places)
        default = _said(DEFAULT, key, PROJECT_KEYS[key].default)
        return next((given for given in found if given is not None), default)

    def images(self) -> Iterator[Given]:
        """Yield the `[[image]]` tables with their variables filled in."""
        given = self.file.get("image")
        match given.value if given else []:
            case list(tables):
                for at, table in enumerate(tables):
                    if given is not None:
                        yield expanded(given.part(at, table), self.environ)
            case _:
                where = self.file.locate(("image",))
                raise ConfigError("image has to be a list of tables", where=where, hint="write [[image]]")

    def _from_command_line(self, key: str) -> Given | None:
        value = self.overrides.get(key)
        if value is None:
            return None
        split = PROJECT_KEYS[key].kind.split(value) if isinstance(value, str) else value
        return _said(COMMAND_LINE, key, split)

    def _from_variable(self, key: str) -> Given | None:
        text = self.environ.get(variable(key))
        # CI systems hand over variables that nobody filled in as empty ones.
        return _said(variable(key), key, PROJECT_KEYS[key].kind.split(text)) if text else None

    def _from_file(self, key: str) -> Given | None:
        given = self.file.get(key)
        if given is None:
            return None
        try:
            return expanded(given, self.environ)
        except UndefinedVariable as error:
            if not self._is_known_in_ci_only(key, error.name):
                self.errors.append(error)
            else:
                why = f"only CI sets {error.name}; {variable(key)} sets it too"
                self.warnings.append(f"{given.origin}: {key} is not known here: {why}")
        except ConfigError as error:
            self.errors.append(error)
        return None

    def _is_known_in_ci_only(self, key: str, name: str) -> bool:
        return PROJECT_KEYS[key].is_of_ci and name.startswith("CI_") and not self.environ.get("CI")

    def _from_ci(self, key: str) -> Given | None:
        name = PROJECT_KEYS[key].ci
        text = self.environ.get(name, "")
        return _said(name, key, text) if text else None


def _said(origin: str, key: str, value: object) -> Given:
    return Given(value, origin, lambda _: origin, (key,))


def unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each `HASHTAG_*` that nothing reads; `HASHTAG_*IMAGE` comes from our own dotenv."""
    known = [*(variable(key) for key in PROJECT_KEYS), *FOREIGN_VARIABLES]
    for name in sorted(environ):
        if name.startswith("HASHTAG_") and not name.endswith("_IMAGE") and name not in known:
            near = did_you_mean(name, known)
            yield f"{name} is set, but nothing reads it" + (f"; {near}" if near else "")
