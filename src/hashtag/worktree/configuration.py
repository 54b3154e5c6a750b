"""The configuration file: which one holds, and what stands where in it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from hashtag.errors import ConfigError, Location
from hashtag.worktree.given import Given, KeyPath
from hashtag.worktree.positions import positions

FILE = "hashtag.toml"
PYPROJECT = "pyproject.toml"
_LIMIT = 1 << 20  # bytes; no configuration written by people is near it


@frozen
class Configuration:
    """
    A configuration file, read but not yet understood; empty where there is none.

    Attributes:
        folder: The project's folder: the file's, or the one asked for.
        name: The file as seen from where hashtag was started.
        table: What hashtag's own table holds.
        prefix: The path of that table in the file.
    """

    folder: Path
    name: str = ""
    table: Mapping[str, Any] = field(factory=dict, repr=False)
    prefix: KeyPath = ()
    text: str = field(default="", repr=False)
    places: Mapping[KeyPath, tuple[int, int]] = field(factory=dict, repr=False)

    def locate(self, path: KeyPath) -> Location:
        """Return where `path` (below hashtag's table) stands, or the nearest that holds it."""
        full = (*self.prefix, *path)
        while full and full not in self.places:
            full = full[:-1]
        line, column = self.places.get(full, (1, 1))
        lines = self.text.splitlines()
        return Location(self.name, line, column, lines[line - 1] if line <= len(lines) else "")

    def get(self, key: str) -> Given | None:
        """Return what the file says of `key`."""
        if key not in self.table:
            return None
        origin = f"{self.name}:{self.locate((key,)).line}"
        return Given(self.table[key], origin, self.locate, (key,))


def find(folder: Path) -> Configuration:
    """
    Read the nearest `hashtag.toml`, or `pyproject.toml` with `[tool.hashtag]`.

    The search goes up to the folder that holds `.git`. Outside of a repository only `folder`
    itself is asked: what lies above it may be anybody's.
    """
    folder = folder.resolve()
    for candidate in _up_to_repository(folder):
        for name, prefix in ((FILE, ()), (PYPROJECT, ("tool", "hashtag"))):
            found = _read(candidate / name, prefix, os.path.relpath(candidate / name, folder))
            if found is not None:
                return found
    return Configuration(folder)


def _up_to_repository(folder: Path) -> Iterator[Path]:
    chain = [folder, *folder.parents]
    # os.path, as what may not be looked at is not there.
    repository = next((at for at, parent in enumerate(chain) if os.path.exists(parent / ".git")), 0)  # noqa: PTH110
    yield from chain[: repository + 1]


def _read(path: Path, prefix: KeyPath, name: str) -> Configuration | None:
    text = read_text(path, name)
    # A pyproject.toml is somebody else's file: where it does not speak of hashtag it may be broken.
    if text is None or (prefix and "hashtag" not in text):
        return None
    document = _parse(text, name)
    table: Any = document
    for key in prefix:
        table = table.get(key) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        return None
    return Configuration(path.parent, name, table, prefix, text, positions(text))


def read_text(path: Path, name: str) -> str | None:
    """Return the text of a configuration file of at most 1 MiB; None where there is no such file."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError("cannot be read: it is not a file", where=name)
            content = file.read(_LIMIT + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=name) from error
    if len(content) > _LIMIT:
        raise ConfigError("is larger than 1 MiB", where=name)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not UTF-8", where=Location(name, line)) from error


def _without_waiting(path: str, flags: int) -> int:
    # A FIFO must not hold us up before it is refused.
    return os.open(path, flags | os.O_NONBLOCK)


def _parse(text: str, name: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).rpartition(" (at ")
        raise ConfigError(f"not TOML: {what}", where=_location(text, name, place)) from error
    except (RecursionError, ValueError) as error:  # ValueError: a number of thousands of digits
        raise ConfigError("is nested too deeply, or holds a number that is too long", where=name) from error


def _location(text: str, name: str, place: str) -> Location:
    """Read the place out of tomllib's message: `line 3, column 5)` or `end of document)`."""
    numbers = re.match(r"line (\d+), column (\d+)", place)
    lines = text.splitlines() or [""]
    line, column = (int(numbers[1]), int(numbers[2])) if numbers else (len(lines), len(lines[-1]) + 1)
    return Location(name, line, column, lines[min(line, len(lines)) - 1])
