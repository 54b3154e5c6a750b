"""FROM: where a stage starts."""

from __future__ import annotations

import re
from typing import Final

from hashtag.dockerfile.characters import lower
from hashtag.dockerfile.flags import read_flags
from hashtag.dockerfile.instruction import From
from hashtag.dockerfile.statement import Statement
from hashtag.dockerfile.words import blank_separated

_STAGE_NAME: Final = re.compile(r"[a-z][a-z0-9-_.]*")


def read_from(statement: Statement) -> From:
    """
    Return a FROM (BuildKit instructions, parseFrom).

    Raises:
        DockerfileError: It has not the form `FROM image [AS name]`.
    """
    words = blank_separated(statement.arguments)
    name = None
    if len(words) == 3 and words[1].casefold() == "as":
        name = lower(words[2])
        if not _STAGE_NAME.fullmatch(name):
            raise statement.error(
                f"{words[2]!r} is no name of a stage",
                offset=statement.at(words[2]),
                hint="start it with a letter; letters, digits, - _ and . may follow",
            )
    elif len(words) != 1:
        raise statement.error("FROM needs one or three words", hint="FROM image [AS name]")
    return From(
        location=statement.location,
        text=statement.text,
        image=words[0],
        image_location=statement.line.location(statement.start),
        platform=read_flags(statement, texts=["platform"]).text("platform"),
        name=name,
    )
