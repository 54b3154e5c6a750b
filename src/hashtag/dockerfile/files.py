"""COPY and ADD (BuildKit instructions/parse.go, parseCopy, parseAdd, parseSourcesAndDest)."""

from __future__ import annotations

from attrs import evolve

from hashtag.dockerfile.cursor import Malformed
from hashtag.dockerfile.flags import Flags, read_flags
from hashtag.dockerfile.heredoc import chomped, heredoc_in
from hashtag.dockerfile.instruction import Copy, Heredoc
from hashtag.dockerfile.lexer import Lexer, Reading
from hashtag.dockerfile.statement import Statement
from hashtag.dockerfile.words import blank_separated, json_texts
from hashtag.errors import Location


def read_copy(statement: Statement) -> Copy:
    """Return a COPY."""
    _words(statement)
    flags = read_flags(
        statement, texts=("chown", "from", "chmod"), lists=("exclude",), switches=("link", "parents")
    )
    parents = flags.switches.get("parents", False)
    source = flags.text("from")
    if source is None:
        return evolve(_copy(statement, flags), parents=parents)
    offset = next(word.offset for word in statement.flags if word.text.startswith("--from="))
    if _is_variable(source, statement.escape):
        raise statement.error(
            "--from cannot hold a variable",
            offset=offset,
            hint="name a stage: FROM ${IMAGE} AS name, then --from=name",
        )
    at = statement.line.location(offset)
    return evolve(_copy(statement, flags), source=source, source_location=at, parents=parents)


def read_add(statement: Statement) -> Copy:
    """Return an ADD."""
    _words(statement)
    flags = read_flags(
        statement,
        texts=("chown", "chmod", "checksum"),
        lists=("exclude",),
        switches=("link", "keep-git-dir", "unpack"),
    )
    return evolve(
        _copy(statement, flags),
        is_add=True,
        checksum=flags.text("checksum"),
        keep_git_dir=flags.switches.get("keep-git-dir"),
        unpack=flags.switches.get("unpack"),
    )


def _copy(statement: Statement, flags: Flags) -> Copy:
    *words, destination = _words(statement)
    if heredoc_in(destination):
        raise statement.error(
            f"the destination of {statement.keyword} cannot be a here-document",
            offset=statement.at(destination),
        )
    bodies = {heredoc.name: heredoc.content for heredoc in statement.heredocs}
    inline: list[Heredoc] = []
    sources: list[str] = []
    places: list[Location] = []
    end = 0
    for word in words:
        if heredoc := heredoc_in(word):
            # By name, as BuildKit looks it up: of two with one name both are the last one.
            inline.append(chomped(evolve(heredoc, content=bodies.get(heredoc.name, ""))))
        else:
            # In JSON it may be spelt otherwise: then behind the one before.
            end = max(statement.arguments.find(word, end), end)
            sources.append(word)
            places.append(statement.line.location(statement.start + end))
            end += len(word)
    return Copy(
        location=statement.location,
        text=statement.text,
        sources=tuple(sources),
        source_locations=tuple(places),
        destination=destination,
        heredocs=tuple(inline),
        chown=flags.text("chown"),
        chmod=flags.text("chmod"),
        link=flags.switches.get("link", False),
        exclude=flags.values("exclude"),
    )


def _words(statement: Statement) -> tuple[str, ...]:
    words = json_texts(statement.arguments)
    if words is None:
        words = blank_separated(statement.arguments)
    if len(words) < 2:
        raise statement.error(
            f"{statement.keyword} needs at least one source and a destination",
            hint=f"{statement.keyword} source destination",
        )
    return words


def _is_variable(text: str, escape: str) -> bool:
    # BuildKit dockerfile2llb, toCommand: whatever expansion would change.
    try:
        return Lexer(text, {}, Reading(escape=escape)).read()[0] != text
    except Malformed:
        return True
