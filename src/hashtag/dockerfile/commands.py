"""Instructions that hold a command: RUN, CMD, ENTRYPOINT, SHELL, HEALTHCHECK.

BuildKit instructions/parse.go.
"""

from __future__ import annotations

import re
from typing import Final

from hashtag.dockerfile.characters import OCTET_SPACES, as_octets, from_octets, lower
from hashtag.dockerfile.duration import nanoseconds
from hashtag.dockerfile.fields import fields
from hashtag.dockerfile.flags import Flags, read_flags
from hashtag.dockerfile.heredoc import chomped, heredoc_in
from hashtag.dockerfile.instruction import (
    Cmd,
    Command,
    Entrypoint,
    Exec,
    Healthcheck,
    Mount,
    Run,
    Shell,
    ShellText,
)
from hashtag.dockerfile.statement import Statement
from hashtag.dockerfile.words import Word, json_texts
from hashtag.errors import did_you_mean

_NETWORKS: Final = ("default", "none", "host")
_SECURITIES: Final = ("sandbox", "insecure")
_MILLISECOND: Final = 1_000_000
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,20}", re.ASCII)
_TRUTHS: Final = frozenset(("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"))
_KIND: Final = re.compile(f"([^{OCTET_SPACES}]*)[{OCTET_SPACES}]*")


def command(text: str) -> Command:
    """Return the exec form where a text is a JSON array, else the shell form."""
    arguments = json_texts(text)
    return ShellText(text) if arguments is None else Exec(arguments)


def read_cmd(statement: Statement) -> Cmd:
    """Return a CMD. Without arguments its shell text is empty."""
    read_flags(statement)
    return Cmd(location=statement.location, text=statement.text, command=command(statement.arguments))


def read_entrypoint(statement: Statement) -> Entrypoint:
    """Return an ENTRYPOINT. Without arguments its shell text is empty."""
    read_flags(statement)
    return Entrypoint(location=statement.location, text=statement.text, command=command(statement.arguments))


def read_shell(statement: Statement) -> Shell:
    """Return a SHELL."""
    read_flags(statement)
    arguments = json_texts(statement.arguments)
    if not arguments:
        raise statement.error(
            "SHELL needs a JSON array of at least one string",
            offset=statement.start,
            hint='SHELL ["/bin/sh", "-c"]',
        )
    return Shell(location=statement.location, text=statement.text, arguments=arguments)


# ── RUN ──────────────────────────────────────────────────────────────────────────────────────────


def read_run(statement: Statement) -> Run:
    """Return a RUN."""
    flags = read_flags(statement, texts=("network", "security"), lists=("mount", "device"))
    for word in flags.words("device"):
        _check_device(statement, word)
    return Run(
        location=statement.location,
        text=statement.text,
        command=_run_command(statement),
        mounts=tuple(_mount(statement, word) for word in flags.words("mount")),
        network=_one_of(statement, flags, "network", _NETWORKS),
        security=_one_of(statement, flags, "security", _SECURITIES),
        devices=flags.values("device"),
    )


def _run_command(statement: Statement) -> Command:
    if not statement.heredocs:
        return command(statement.arguments)
    if heredoc_in(statement.arguments):
        return ShellText("", (chomped(statement.heredocs[0]),))
    return ShellText(statement.arguments, statement.heredocs)


def _one_of(statement: Statement, flags: Flags, name: str, known: tuple[str, ...]) -> str | None:
    value = flags.texts.get(name)
    if value is not None and value not in known:
        offset = next(word.offset for word in statement.flags if word.text.startswith(f"--{name}="))
        raise statement.error(
            f"--{name} is {', '.join(known[:-1])} or {known[-1]}, not {value!r}",
            offset=offset,
            hint=did_you_mean(value, known),
        )
    return value


def _mount(statement: Statement, word: Word) -> Mount:
    options: list[tuple[str, str | None]] = []
    for option in _fields(statement, word, "--mount"):
        name, has_value, value = option.partition("=")
        name = lower(name)
        # Everything else about the options waits for their expansion, in stages that are built.
        if name == "from" and "$" in value[:-1]:
            raise statement.error(
                "--mount: from= cannot hold a variable",
                offset=word.offset,
                hint="name a stage: FROM ${IMAGE} AS name, then from=name",
            )
        options.append((name, value if has_value else None))
    return Mount(
        location=statement.line.location(word.offset), text=f"--mount={word.text}", options=tuple(options)
    )


def _check_device(statement: Statement, word: Word) -> None:
    # BuildKit instructions/commands_rundevice.go, ParseDevice.
    is_named = False
    for field in _fields(statement, word, "--device"):
        name, has_value, value = field.partition("=")
        match lower(name), bool(has_value):
            case "required", False:
                continue
            case "required", True if value in _TRUTHS:
                continue
            case "required", True:
                raise statement.error(f"--device: required={value} is no truth", offset=word.offset)
            case _ if is_named:
                raise statement.error(f"--device: {field!r} is one name too many", offset=word.offset)
            case _:
                is_named = bool(value if name == "name" and has_value else field)


def _fields(statement: Statement, word: Word, flag: str) -> tuple[str, ...]:
    found = fields(word.text)
    if found is None:
        raise statement.error(f"{flag}: the quotes in {word.text!r} are off", offset=word.offset)
    return found


# ── HEALTHCHECK ──────────────────────────────────────────────────────────────────────────────────


def split_healthcheck(statement: Statement) -> tuple[str, Command]:
    """
    Return the kind, `NONE` or `CMD` in any case, and what follows it.

    Raises:
        NotOnlyTexts: What follows is a JSON array of something else than strings.
    """
    octets = as_octets(statement.arguments)
    end = match.end() if (match := _KIND.match(octets)) else 0
    return (from_octets(match[1]) if match else ""), command(from_octets(octets[end:]))


def read_healthcheck(statement: Statement) -> Healthcheck:
    """Return a HEALTHCHECK."""
    kind, check = split_healthcheck(statement)
    match kind.upper():
        case "":
            raise statement.error("HEALTHCHECK needs NONE or CMD", hint="HEALTHCHECK CMD command")
        case "NONE":  # its flags are ignored, as BuildKit ignores them
            if check not in (ShellText(""), Exec(())):
                raise statement.error("HEALTHCHECK NONE takes no arguments", offset=statement.start)
            return Healthcheck(location=statement.location, text=statement.text, command=None)
        case "CMD":
            return _check(statement, check)
        case _:
            hint = did_you_mean(kind.upper(), ("CMD", "NONE"))
            raise statement.error(f"HEALTHCHECK has no kind {kind!r}", offset=statement.start, hint=hint)


def _check(statement: Statement, check: Command) -> Healthcheck:
    flags = read_flags(statement, texts=("interval", "timeout", "start-period", "start-interval", "retries"))
    if check in (ShellText(""), Exec(())):
        raise statement.error("HEALTHCHECK CMD needs a command")
    return Healthcheck(
        location=statement.location,
        text=statement.text,
        command=check,
        interval=_interval(statement, flags, "interval"),
        timeout=_interval(statement, flags, "timeout"),
        start_period=_interval(statement, flags, "start-period"),
        start_interval=_interval(statement, flags, "start-interval"),
        retries=_retries(statement, flags),
    )


def _interval(statement: Statement, flags: Flags, name: str) -> int | None:
    text = flags.text(name)
    if text is None:
        return None
    duration = nanoseconds(text)
    if duration is None:
        raise statement.error(f"--{name}: {text!r} is no duration", hint=f"--{name}=1m30s")
    if duration and duration < _MILLISECOND:
        raise statement.error(f"--{name} is less than one millisecond", hint=f"--{name}=1ms")
    return duration or None


def _retries(statement: Statement, flags: Flags) -> int | None:
    text = flags.text("retries")
    if text is None:
        return None
    if not _INTEGER.fullmatch(text) or not 0 <= int(text) < 2**31:
        raise statement.error(f"--retries: {text!r} is no number from 0 to 2147483647", hint="--retries=3")
    return int(text) or None
