"""Instructions that set variables and the image's config (BuildKit instructions/parse.go)."""

from __future__ import annotations

import re
from typing import Final

from hashtag.dockerfile.characters import SPACES
from hashtag.dockerfile.flags import read_flags
from hashtag.dockerfile.instruction import (
    Arg,
    Env,
    Expose,
    Label,
    Maintainer,
    Onbuild,
    Pairs,
    StopSignal,
    User,
    Volume,
    Workdir,
)
from hashtag.dockerfile.statement import Statement, nested
from hashtag.dockerfile.words import blank_separated, first_and_rest, json_texts, quoted_words

_ONBUILD: Final = re.compile(r"[\t\n\f\r ]*ONBUILD[\t\n\f\r ]*", re.IGNORECASE | re.ASCII)


def read_env(statement: Statement) -> Env:
    """Return an ENV."""
    pairs = _pairs(statement)
    read_flags(statement)
    return Env(location=statement.location, text=statement.text, pairs=pairs)


def read_label(statement: Statement) -> Label:
    """Return a LABEL."""
    pairs = _pairs(statement)
    read_flags(statement)
    return Label(location=statement.location, text=statement.text, pairs=pairs)


def check_pairs(statement: Statement) -> None:
    """
    Check what BuildKit checks of an ENV or LABEL even where it is only a trigger.

    Raises:
        DockerfileError: A name has no value.
    """
    words = quoted_words(statement.arguments, statement.escape)
    if not words:
        return
    if "=" not in words[0].text:
        if len(blank_separated(statement.arguments)) < 2:
            raise statement.error(
                f"{statement.keyword} {words[0].text} has no value",
                offset=statement.start,
                hint=f"{statement.keyword} name=value",
            )
        return
    for word in words:
        if "=" not in word.text:
            raise statement.error(
                f"{word.text!r} has no =",
                offset=statement.start + word.offset,
                hint="name=value; put quotes around a value with spaces",
            )


def _pairs(statement: Statement) -> Pairs:
    check_pairs(statement)
    words = quoted_words(statement.arguments, statement.escape)
    if not words:
        raise statement.error(
            f"{statement.keyword} needs at least one pair", hint=f"{statement.keyword} name=value"
        )
    if "=" not in words[0].text:
        name, value, _ = first_and_rest(statement.arguments)
        return ((name, value),)
    pairs: list[tuple[str, str]] = []
    for word in words:
        name, _, value = word.text.partition("=")
        if not name:
            raise statement.error("a name is blank", offset=statement.start + word.offset)
        pairs.append((name, value))
    return tuple(pairs)


def read_arg(statement: Statement) -> Arg:
    """Return an ARG. Its flags are ignored, as BuildKit ignores them."""
    words = quoted_words(statement.arguments, statement.escape)
    if not words:
        raise statement.error("ARG needs at least one name", hint="ARG name[=default]")
    pairs: list[tuple[str, str | None]] = []
    for word in words:
        name, has_default, default = word.text.partition("=")
        if not name:
            raise statement.error("a name is blank", offset=statement.start + word.offset)
        pairs.append((name, default if has_default else None))
    return Arg(location=statement.location, text=statement.text, pairs=tuple(pairs))


def read_workdir(statement: Statement) -> Workdir:
    """Return a WORKDIR."""
    path = _only_argument(statement)
    read_flags(statement)
    return Workdir(location=statement.location, text=statement.text, path=path)


def read_user(statement: Statement) -> User:
    """Return a USER."""
    user = _only_argument(statement)
    read_flags(statement)
    return User(location=statement.location, text=statement.text, user=user)


def read_maintainer(statement: Statement) -> Maintainer:
    """Return a MAINTAINER."""
    name = _only_argument(statement)
    read_flags(statement)
    return Maintainer(location=statement.location, text=statement.text, name=name)


def read_stop_signal(statement: Statement) -> StopSignal:
    """Return a STOPSIGNAL. Its flags are ignored, as BuildKit ignores them."""
    return StopSignal(location=statement.location, text=statement.text, signal=_only_argument(statement))


def _only_argument(statement: Statement) -> str:
    if not statement.arguments:
        raise statement.error(f"{statement.keyword} needs an argument")
    return statement.arguments


def read_expose(statement: Statement) -> Expose:
    """Return an EXPOSE."""
    if not statement.arguments:
        raise statement.error("EXPOSE needs at least one port")
    read_flags(statement)
    return Expose(
        location=statement.location, text=statement.text, ports=blank_separated(statement.arguments)
    )


def read_volume(statement: Statement) -> Volume:
    """Return a VOLUME."""
    paths = json_texts(statement.arguments)
    if paths is None:
        paths = blank_separated(statement.arguments)
    if not paths:
        raise statement.error("VOLUME needs at least one path")
    read_flags(statement)
    trimmed = tuple(path.strip(SPACES) for path in paths)
    if not all(trimmed):
        raise statement.error("a path of VOLUME is empty", offset=statement.start)
    return Volume(location=statement.location, text=statement.text, paths=trimmed)


def read_onbuild(statement: Statement) -> Onbuild:
    """Return an ONBUILD; its trigger is not checked beyond its name, as in BuildKit (parseOnBuild)."""
    if not statement.arguments:
        raise statement.error("ONBUILD needs an instruction")
    read_flags(statement)
    trigger = nested(statement)
    if trigger.name in ("onbuild", "from", "maintainer"):
        raise statement.error(f"ONBUILD cannot trigger {trigger.keyword}", offset=statement.start)
    # The text as the image's config keeps it: untrimmed at its end, here-documents behind it.
    bodies = "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in statement.heredocs)
    return Onbuild(
        location=statement.location,
        text=statement.text,
        trigger=_ONBUILD.sub("", statement.line.text, count=1) + bodies,
    )
