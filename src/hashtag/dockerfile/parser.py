"""Parsing: a Dockerfile's text to stages of instructions, or everything that is wrong with it.

dockerfile-parse splits the file into instructions with line numbers, behind a normaliser for what it
gets wrong of here-documents, continuations, comments, directives and byte order marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from types import MappingProxyType
from typing import Final, TypeAlias

from dockerfile_parse import DockerfileParser

from hashtag.dockerfile import commands, configuration, files, stage_start
from hashtag.dockerfile.characters import SPACES, lower
from hashtag.dockerfile.directives import frontend
from hashtag.dockerfile.instruction import Arg, From, Instruction, StageInstruction
from hashtag.dockerfile.lines import JoinedLine, Reader
from hashtag.dockerfile.script import script
from hashtag.dockerfile.stage import Dockerfile, Stage
from hashtag.dockerfile.statement import Statement, nested, statement
from hashtag.dockerfile.words import NotOnlyTexts, first_and_rest, json_texts
from hashtag.errors import (
    DockerfileError,
    HashtagError,
    Location,
    UnsupportedConstruct,
    did_you_mean,
    raise_all,
)

_Read: TypeAlias = Callable[[Statement], From | StageInstruction]

# What bytes become that are not UTF-8 (PEP 383).
_NOT_UTF8: Final = re.compile("[\udc80-\udcff]")
# A file with more is no Dockerfile, and telling more helps nobody.
_MOST_FAULTS: Final = 50

_READERS: Final[Mapping[str, _Read]] = MappingProxyType(
    {
        "add": files.read_add,
        "arg": configuration.read_arg,
        "cmd": commands.read_cmd,
        "copy": files.read_copy,
        "entrypoint": commands.read_entrypoint,
        "env": configuration.read_env,
        "expose": configuration.read_expose,
        "from": stage_start.read_from,
        "healthcheck": commands.read_healthcheck,
        "label": configuration.read_label,
        "maintainer": configuration.read_maintainer,
        "onbuild": configuration.read_onbuild,
        "run": commands.read_run,
        "shell": commands.read_shell,
        "stopsignal": configuration.read_stop_signal,
        "user": configuration.read_user,
        "volume": configuration.read_volume,
        "workdir": configuration.read_workdir,
    }
)


def parse(text: str | bytes, path: str) -> Dockerfile:
    """
    Return a Dockerfile, as BuildKit's parser understands it.

    Args:
        text: Bytes are UTF-8; those that are not become surrogates (PEP 383), so that they count.
        path: Stands in locations.

    Raises:
        DockerfileError: BuildKit would refuse the file.
        UnsupportedConstruct: The file is in another frontend's language.
        SeveralErrors: More than one instruction is wrong.
    """
    source = script(text, path)
    reader = Reader(source)
    reader.read()
    asked = frontend(source.text)
    if asked and asked[1] != "#":
        raise UnsupportedConstruct(
            f"the file is in the language of {asked[0]}, which is no Dockerfile", where=source.location(1)
        )
    instructions, faults = _instructions(reader)
    arguments, stages, misplaced = _stages(instructions)
    faults += misplaced + reader.faults
    if faults and _is_binary(source.text):
        raise DockerfileError("the file is no text, and so no Dockerfile", where=path)
    if not faults and not stages:
        what = "the file has no FROM" if source.text.strip() else "the file is empty: it has no FROM"
        faults.append(DockerfileError(what, where=path, hint="begin it with FROM image, or FROM scratch"))
    raise_all(sorted(faults, key=_place))
    return Dockerfile(path, asked[0] if asked else None, reader.escape, arguments, stages)


def _is_binary(text: str) -> bool:
    """Whether a file that cannot be understood is none that anybody wrote: NULs, or hardly any UTF-8."""
    return "\0" in text or len(_NOT_UTF8.findall(text)) * 10 > len(text)


def parse_trigger(trigger: str, location: Location) -> StageInstruction:
    """
    Return the instruction that an image's config holds as an ONBUILD trigger, here-documents with it.

    It is a file of its own to BuildKit (dockerfile2llb, initOnBuildTriggers), which escapes with a
    backslash.

    Args:
        location: Where the stage starts that the trigger runs in; the instruction's own.

    Raises:
        DockerfileError: It is not one instruction, or one that cannot be a trigger.
    """
    reader = Reader(script(trigger, location.path, location))
    reader.read()
    instructions, faults = _instructions(reader)
    raise_all(faults + reader.faults)
    match instructions:
        case [From()]:
            raise DockerfileError("FROM cannot be a trigger of ONBUILD", where=location)
        case [instruction] if not isinstance(instruction, From):
            return instruction
        case _:
            raise DockerfileError(
                f"the ONBUILD trigger {trigger[:80]!r} is not one instruction", where=location
            )


def _instructions(reader: Reader) -> tuple[list[From | StageInstruction], list[DockerfileError]]:
    found: list[From | StageInstruction] = []
    faults: list[DockerfileError] = []
    known: list[JoinedLine] = []
    for line in reader.lines:
        if len(faults) == _MOST_FAULTS:
            break
        word, _, _ = first_and_rest(line.text.strip(SPACES))
        if lower(word) in _READERS:
            known.append(line)
        else:
            faults.append(_unknown(line, word))
    for each in _statements(known, reader.escape):
        try:
            found.append(_instruction(each))
        except DockerfileError as fault:
            faults.append(fault)
            if len(faults) >= _MOST_FAULTS:
                break
            if each.name == "from":  # so that what follows it is not misplaced as well
                found.append(From(location=each.location, image="", image_location=each.location))
    return found, faults


def _unknown(line: JoinedLine, word: str) -> DockerfileError:
    return DockerfileError(
        f"unknown instruction {word[:80]!r}",
        where=line.location(),
        hint=did_you_mean(word[:80].upper(), [name.upper() for name in _READERS]),
    )


def _statements(lines: list[JoinedLine], escape: str) -> Iterator[Statement]:
    for entry in DockerfileParser(fileobj=StringIO(_normalised(lines)), env_replace=False).structure:
        rest = entry["value"].removeprefix("|").removesuffix("|")
        yield statement(lines[entry["startline"]], entry["instruction"], rest, escape)


def _normalised(lines: list[JoinedLine]) -> str:
    """Return a text that dockerfile-parse gets right: one line for each, in order."""
    rows: list[str] = []
    for line in lines:
        name, rest, _ = first_and_rest(line.text.strip(SPACES))
        # Fenced: what stands at the ends is neither stripped nor taken for a continuation.
        rows.append(f"{lower(name)} |{rest}|\n")
    return "".join(rows)


def _instruction(each: Statement) -> From | StageInstruction:
    try:
        if each.name == "onbuild":
            _check_trigger(nested(each))
        return _READERS[each.name](each)
    except NotOnlyTexts as error:
        raise each.error(str(error), offset=each.start) from error


def _check_trigger(trigger: Statement) -> None:
    # BuildKit parser, newNodeFromLine: the syntax of its arguments, neither their number nor flags.
    match trigger.name:
        case "env" | "label":
            configuration.check_pairs(trigger)
        case "healthcheck":
            commands.split_healthcheck(trigger)
        case "add" | "copy" | "volume" | "cmd" | "entrypoint" | "run" | "shell":
            json_texts(trigger.arguments)
        case _:
            pass


def _stages(
    instructions: list[From | StageInstruction],
) -> tuple[tuple[Arg, ...], tuple[Stage, ...], list[DockerfileError]]:
    arguments: list[Arg] = []
    stages: list[tuple[From, list[StageInstruction]]] = []
    faults: list[DockerfileError] = []
    for instruction in instructions:
        match instruction:
            case From():
                stages.append((instruction, []))
            case _ if stages:
                stages[-1][1].append(instruction)
            case Arg():
                arguments.append(instruction)
            case _:
                faults.append(_before_from(instruction))
    found = (Stage(index, base, tuple(body)) for index, (base, body) in enumerate(stages))
    return tuple(arguments), tuple(found), faults


def _before_from(instruction: Instruction) -> DockerfileError:
    return DockerfileError("only ARG may stand before the first FROM", where=instruction.location)


def _place(fault: HashtagError) -> tuple[int, int]:
    return (fault.location.line, fault.location.column) if fault.location else (0, 0)
