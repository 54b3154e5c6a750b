"""Dispatch: what one instruction does to a stage, as BuildKit's dockerfile2llb does it."""

from __future__ import annotations

from hashtag.dockerfile.expansion import expand_words
from hashtag.dockerfile.instruction import (
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Exec,
    Expose,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    ShellText,
    StageInstruction,
    StopSignal,
    User,
    Volume,
    Workdir,
)
from hashtag.errors import DockerfileError
from hashtag.images.copies import copy_operation
from hashtag.images.exposed import exposed_ports
from hashtag.images.lowered import FolderOperation
from hashtag.images.paths import working_folder
from hashtag.images.runs import command_arguments, run_operation
from hashtag.images.scope import FRONTEND_ARGUMENTS
from hashtag.images.state import StageState


def dispatch(state: StageState, instruction: StageInstruction) -> None:  # noqa: C901, PLR0912  # one case an instruction
    """Carry out one instruction on the state."""
    match instruction:
        case Arg():
            _arg(state, instruction)
        case Env():
            _env(state, instruction)
        case Label():
            _label(state, instruction)
        case Run():
            state.operations.append(run_operation(state, instruction))
        case Copy():
            state.operations.append(copy_operation(state, instruction))
        case Workdir():
            _workdir(state, instruction)
        case User():
            state.configure(user=state.expand(instruction.user, instruction.location))
        case Shell():
            state.configure(shell=instruction.arguments)
        case Cmd():
            state.configure(command=command_arguments(state, instruction.command))
            state.has_command = True
        case Entrypoint():
            _entrypoint(state, instruction)
        case Expose():
            _expose(state, instruction)
        case Volume():
            _volume(state, instruction)
        case StopSignal():
            state.configure(stop_signal=state.expand(instruction.signal, instruction.location))
        case Healthcheck():
            state.configure(healthcheck=_healthcheck(instruction))
        case Onbuild():
            state.configure(onbuild=(*state.config.onbuild, instruction.trigger))
        case Maintainer():
            state.configure(author=instruction.name)


def _arg(state: StageState, instruction: Arg) -> None:
    for name, default in instruction.pairs:
        # dispatchArg: a build argument, else its own default, else the global value, else as it was.
        if name in state.arguments:
            value: str | None = state.arguments[name]
        elif default is not None:
            value = state.expand(default, instruction.location)
        else:
            value = state.globals.get(name)
        if value is not None and name not in FRONTEND_ARGUMENTS:
            state.environment.set(name, value)


def _env(state: StageState, instruction: Env) -> None:
    at = instruction.location
    # All values of one line see the variables as they were before it.
    pairs = [(state.expand(name, at), state.expand(value, at)) for name, value in instruction.pairs]
    for name, value in pairs:
        state.environment.set(name, value)
        state.config = state.config.with_variable(name, value)


def _label(state: StageState, instruction: Label) -> None:
    at = instruction.location
    labels = {state.expand(name, at): state.expand(value, at) for name, value in instruction.pairs}
    state.configure(labels={**state.config.labels, **labels})


def _workdir(state: StageState, instruction: Workdir) -> None:
    path = state.expand(instruction.path, instruction.location)
    state.configure(working_dir=working_folder(state.config.working_dir, path))
    if state.config.working_dir != "/":
        state.operations.append(
            FolderOperation(state.config.working_dir, state.config.user, created=state.epoch)
        )


def _entrypoint(state: StageState, instruction: Entrypoint) -> None:
    state.configure(entrypoint=command_arguments(state, instruction.command))
    if not state.has_command:  # an inherited command goes with an entrypoint of its own
        state.configure(command=None)


def _expose(state: StageState, instruction: Expose) -> None:
    words = [
        word
        for text in instruction.ports
        for word in expand_words(
            text, state.environment.variables, escape=state.escape, location=instruction.location
        )
    ]
    ports = (port for word in words for port in exposed_ports(word, instruction.location))
    state.configure(ports=state.config.ports | frozenset(ports))


def _volume(state: StageState, instruction: Volume) -> None:
    paths = frozenset(state.expand(path, instruction.location) for path in instruction.paths)
    if "" in paths:
        raise DockerfileError("a path of VOLUME is empty", where=instruction.location)
    state.configure(volumes=state.config.volumes | paths)


def _healthcheck(instruction: Healthcheck) -> dict[str, object]:
    match instruction.command:
        case None:
            return {"Test": ["NONE"]}
        case Exec(arguments):
            test = ["CMD", *arguments]
        case ShellText(text):
            test = ["CMD-SHELL", text]
    options = {
        "Interval": instruction.interval,
        "Timeout": instruction.timeout,
        "StartPeriod": instruction.start_period,
        "StartInterval": instruction.start_interval,
        "Retries": instruction.retries,
    }
    return {"Test": test, **{name: value for name, value in options.items() if value}}
