"""Flags of instructions: `--name`, `--name=value` (BuildKit instructions/bflag.go)."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

from hashtag.dockerfile.characters import lower
from hashtag.dockerfile.statement import Statement
from hashtag.dockerfile.words import Word
from hashtag.errors import did_you_mean


@frozen
class Flags:
    """The flags given: texts that may be given once, lists that may be given again, and switches."""

    texts: dict[str, str] = field(factory=dict)
    lists: dict[str, tuple[Word, ...]] = field(factory=dict)
    switches: dict[str, bool] = field(factory=dict)

    def text(self, name: str) -> str | None:
        """Return a text; None where it is empty or not given, which is the same to BuildKit."""
        return self.texts.get(name) or None

    def values(self, name: str) -> tuple[str, ...]:
        """Return all values of a list."""
        return tuple(word.text for word in self.words(name))

    def words(self, name: str) -> tuple[Word, ...]:
        """Return all values of a list, and where they stand."""
        return self.lists.get(name, ())


def read_flags(
    statement: Statement,
    *,
    texts: Iterable[str] = (),
    lists: Iterable[str] = (),
    switches: Iterable[str] = (),
) -> Flags:
    """
    Return the flags of a statement.

    Args:
        texts: Names of flags that take a value.
        lists: Names of those that can be repeated.
        switches: Names of those that are true or false.

    Raises:
        DockerfileError: A flag is unknown, is given twice, or lacks its value.
    """
    flags = Flags()
    texts, lists, switches = tuple(texts), tuple(lists), tuple(switches)
    for word in statement.flags:
        name, has_value, value = word.text[2:].partition("=")
        if name in flags.texts or name in flags.switches:
            raise statement.error(f"--{name} is given twice", offset=word.offset)
        if name in switches:
            flags.switches[name] = _truth(statement, word, name, value if has_value else "true")
        elif name not in (*texts, *lists):
            hint = did_you_mean(f"--{name}", [f"--{known}" for known in (*texts, *lists, *switches)])
            raise statement.error(f"{statement.keyword} has no flag --{name}", offset=word.offset, hint=hint)
        elif not has_value:
            raise statement.error(f"--{name} needs a value", offset=word.offset, hint=f"--{name}=…")
        elif name in texts:
            flags.texts[name] = value
        else:
            flags.lists[name] = (*flags.words(name), Word(value, word.offset))
    return flags


def _truth(statement: Statement, word: Word, name: str, value: str) -> bool:
    match lower(value):
        case "true":
            return True
        case "false":
            return False
        case _:
            raise statement.error(f"--{name} is true or false, not {value!r}", offset=word.offset)
