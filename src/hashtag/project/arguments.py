"""Arguments of the library's functions, checked where a type checker was not asked."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeVar

from hashtag.errors import UsageError, did_you_mean
from hashtag.images.bases import BaseImage, KnownBases

E = TypeVar("E", bound=Enum)


def word(name: str, given: object, kind: type[E]) -> E:
    """Return a member by its value; raise `UsageError` for another value."""
    known = [member.value for member in kind]
    if given not in known:
        raise UsageError(
            f"{name}={given!r} is none of {', '.join(map(repr, known))}", hint=did_you_mean(str(given), known)
        )
    return kind(given)


def text(name: str, given: object) -> str:
    """Return a text; raise `UsageError` for anything else."""
    if not isinstance(given, str):
        raise UsageError(f"{name} is {_kind(given)}, not a text")
    return given


def context_text(name: str, given: object) -> str:
    """Return a named context as an image has it: a path absolute, an address as it is."""
    if not isinstance(given, str | PathLike):
        raise UsageError(f"build_contexts[{name!r}] is {_kind(given)}, neither a path nor a text")
    written = str(fspath(given))
    return written if "://" in written else str(Path(written).absolute())


def not_texts(name: str, given: Any) -> Iterator[UsageError]:
    """Yield an error for each value of a mapping that is no text."""
    if not hasattr(given, "items"):
        yield UsageError(f"{name} is {_kind(given)}, not a mapping", hint=f'{name}={{"NAME": "value"}}')
        return
    for key, value in given.items():
        if not isinstance(value, str):
            what = f"{name}[{key!r}] is {_kind(value)}, not a text"
            yield UsageError(what, hint=f"write it as a text: {str(value)!r}")


def not_bases(given: Any) -> Iterator[UsageError]:
    """Yield an error for each value of a mapping that is no base."""
    if isinstance(given, KnownBases):
        return
    if not hasattr(given, "items"):
        yield UsageError(f"bases is {_kind(given)}, not a mapping", hint='bases={"debian:12": BaseImage(…)}')
        return
    for key, value in given.items():
        if not isinstance(value, BaseImage):
            what = f"bases[{key!r}] is {_kind(value)}, not a BaseImage"
            yield UsageError(what, hint='give hashtag.BaseImage("sha256:…", config={…})')


def _kind(given: object) -> str:
    name = type(given).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
