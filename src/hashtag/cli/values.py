"""Values of options, read: each raises `UsageError` with what it should look like."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hashtag.errors import HashtagError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable


def pair(option: str, form: str, separator: str = "=") -> Callable[[str], tuple[str, str]]:
    """Return a reader of `NAME=VALUE`, as `form` shows it."""

    def read(text: str) -> tuple[str, str]:
        name, found, value = text.partition(separator)
        if not (name and found):
            raise UsageError(f"{option} {text!r} is not {form}", hint=f"write {option} {form}")
        return name, value

    return read


def pinned(option: str) -> Callable[[str], tuple[str, str]]:
    """Return a reader of `REFERENCE=DIGEST`."""
    read_pair = pair(option, "REFERENCE=sha256:…")

    def read(text: str) -> tuple[str, str]:
        from hashtag.oci.digest import Digest

        reference, digest = read_pair(text)
        try:
            return reference, str(Digest(digest))
        except HashtagError as error:
            raise UsageError(error.what, where=option, hint=error.hint) from error

    return read


def one_of(option: str, *words: str) -> Callable[[str], str]:
    """Return a reader of one of these words."""

    def read(text: str) -> str:
        if text not in words:
            hint = did_you_mean(text, words) or f"one of {', '.join(words)}"
            raise UsageError(f"{option} {text!r} is not known", hint=hint)
        return text

    return read


def moment(text: str) -> datetime:
    """Read `2024-05-01T12:00:00Z`, or a part of it; without a zone it is UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "write --at 2024-05-01T12:00:00Z"
        raise UsageError(f"--at {text!r} is not a time", hint=hint) from error
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def seconds(text: str) -> float:
    """Read a number of seconds, from nothing to an hour."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 3600:
        raise UsageError(f"{text!r} is not a number of seconds", hint="write a number from 0 to 3600")
    return number
