"""Kinds of settings: how each is read from a file, from a variable and from the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from attrs import frozen

from hashtag.errors import ConfigError, HashtagError, did_you_mean, raise_all
from hashtag.oci.platform import Platform
from hashtag.worktree.given import Given

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E", bound=Enum)

_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Kind(Protocol[T_co]):
    """Reads one kind of value."""

    def split(self, text: str) -> object:
        """Return what a file would hold for the text of a variable."""

    def read(self, given: Given) -> T_co:
        """Return the value; raise `ConfigError` where it is none of this kind."""


def collect(errors: list[HashtagError], read: Callable[[], T], default: T) -> T:
    """Return what `read` returns; where it raises, keep the error and return `default`."""
    try:
        return read()
    except HashtagError as error:
        errors.extend(getattr(error, "errors", (error,)))
        return default


class Text:
    """A text."""

    def split(self, text: str) -> object:
        """Return the text."""
        return text

    def read(self, given: Given) -> str:
        """Return the text."""
        if not isinstance(given.value, str):
            raise _unfit(given, "a text")
        return given.value


@frozen
class Choice(Generic[E]):
    """One of the values of an enumeration."""

    options: type[E]

    def split(self, text: str) -> object:
        """Return the text."""
        return text

    def read(self, given: Given) -> E:
        """Return the member whose value was given."""
        return self.options(_word(given, [option.value for option in self.options]))


@frozen
class Word:
    """
    One of some words.

    Attributes:
        unready: Words that are understood, but that this version cannot follow yet.
    """

    options: tuple[str, ...]
    unready: tuple[str, ...] = ()

    def split(self, text: str) -> object:
        """Return the text."""
        return text

    def read(self, given: Given) -> str:
        """Return the word."""
        word = _word(given, [*self.options, *self.unready])
        if word in self.unready:
            raise ConfigError(
                f'"{word}" is not yet supported',
                where=given.where,
                hint="use " + " or ".join(f'"{option}"' for option in self.options),
            )
        return word


class Texts:
    """A list of texts; a single text is a list of one."""

    def split(self, text: str) -> object:
        """Split at commas and line ends."""
        return [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]

    def read(self, given: Given) -> tuple[str, ...]:
        """Return the texts."""
        match given.value:
            case str(text):
                return (text,)
            case list() | tuple():
                return tuple(Text().read(given.part(at, item)) for at, item in enumerate(given.value))
            case _:
                raise _unfit(given, "a list of texts")


class Platforms:
    """A list of platforms, without repetitions."""

    def split(self, text: str) -> object:
        """Split at commas and line ends."""
        return Texts().split(text)

    def read(self, given: Given) -> tuple[Platform, ...]:
        """Return the platforms in the order given."""
        texts = Texts().read(given)
        if not texts:
            raise ConfigError(
                "the list is empty", where=given.where, hint='write ["linux/amd64"], or nothing'
            )
        errors: list[HashtagError] = []
        found = [collect(errors, lambda: _platform(given, at), None) for at in range(len(texts))]  # noqa: B023  # called at once
        raise_all(errors)
        return tuple(dict.fromkeys(platform for platform in found if platform))


def _platform(given: Given, at: int) -> Platform:
    text = Texts().read(given)[at]
    try:
        return Platform.asked(text)
    except HashtagError as error:
        raise type(error)(error.what, where=given.part(at, text).where, hint=error.hint) from error


@frozen
class Pairs:
    """
    Texts by name; whole numbers count as text.

    Attributes:
        separator: What stands between two `NAME=VALUE` in a variable.
    """

    separator: str = r"\n"

    def split(self, text: str) -> object:
        """Split `NAME=VALUE` pairs; one without `=` stays for `read` to refuse."""
        pairs = [part.strip() for part in re.split(self.separator, text) if part.strip()]
        if any("=" not in pair for pair in pairs):
            return pairs
        return {name.strip(): value.strip() for name, _, value in (pair.partition("=") for pair in pairs)}

    def read(self, given: Given) -> Mapping[str, str]:
        """Return the texts by name."""
        return {
            name: _text_or_number(given.part(name, value))
            for name, value in _table(given, "NAME=VALUE").items()
        }


class TagsByBranch:
    """Lists of tags by the pattern of a branch."""

    def split(self, text: str) -> object:
        """Split `PATTERN=TAG` pairs; a pattern may come again with another tag."""
        pairs = [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]
        if any("=" not in pair for pair in pairs):
            return pairs
        tags: dict[str, list[str]] = {}
        for branch, _, tag in (pair.rpartition("=") for pair in pairs):
            tags.setdefault(branch.strip(), []).append(tag.strip())
        return tags

    def read(self, given: Given) -> Mapping[str, tuple[str, ...]]:
        """Return the tags by pattern."""
        table = _table(given, "BRANCH=TAG")
        return {branch: Texts().read(given.part(branch, tags)) for branch, tags in table.items()}


class Period:
    """A period, in seconds: `30m`, `12h`, `7d`, `2w`."""

    def split(self, text: str) -> object:
        """Return the text."""
        return text

    def read(self, given: Given) -> int:
        """Return the seconds."""
        found = (
            re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", given.value) if isinstance(given.value, str) else None
        )
        if found is None:
            raise _unfit(given, "a period", hint='write it as "7d", "12h" or "30m"')
        return int(found[1]) * _SECONDS[found[2]]


def check_keys(given: Given, known: Iterable[str]) -> list[HashtagError]:
    """Return an error for each key of a table that is not known."""
    names = list(known)
    return [
        ConfigError(
            f"unknown key {key!r}",
            where=given.part(key, None).where,
            hint=did_you_mean(key, names) or "known keys: " + ", ".join(names),
        )
        for key in _table(given, "KEY=VALUE")
        if key not in names
    ]


def _word(given: Given, options: Sequence[str]) -> str:
    word = Text().read(given)
    if word not in options:
        known = ", ".join(f'"{option}"' for option in options)
        hint = did_you_mean(word, options) or f"it is one of {known}"
        raise ConfigError(f"{word!r} is none of {known}", where=given.where, hint=hint)
    return word


def _table(given: Given, form: str) -> Mapping[str, Any]:
    if isinstance(given.value, Mapping) and all(isinstance(key, str) for key in given.value):
        return given.value
    raise _unfit(given, "a table", hint=f"in a variable, write {form}")


def _text_or_number(given: Given) -> str:
    # bool is an int in Python, and no text says whether true or True is meant.
    if isinstance(given.value, int) and not isinstance(given.value, bool):
        return str(given.value)
    return Text().read(given)


def _unfit(given: Given, expected: str, *, hint: str = "") -> ConfigError:
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "a table",
    }
    name = next((part for part in reversed(given.path) if isinstance(part, str)), "the value")
    was = names.get(type(given.value), "something else")
    return ConfigError(f"{name} has to be {expected}, not {was}", where=given.where, hint=hint)
