"""Dispatch: what one instruction does to a stage, as BuildKit's dockerfile2llb does it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping

from attrs import define, evolve, field

from hashtag.dockerfile.expansion import expand, expand_raw, expand_words
from hashtag.dockerfile.instruction import (
    Arg,
    Cmd,
    Command,
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
from hashtag.errors import DockerfileError, Location
from hashtag.images.config import ImageConfig
from hashtag.images.exposed import exposed_ports
from hashtag.images.lowered import (
    CopyOperation,
    FolderOperation,
    Inline,
    MainContext,
    Operation,
    Origin,
    RunOperation,
)
from hashtag.images.mounts import mount_operation
from hashtag.images.scope import FRONTEND_ARGUMENTS, BuildEnvironment
from hashtag.oci.platform import Platform

# BuildKit dfgitutil, ParseGitRef: an HTTP URL is a repository only with .git at the end of its path.
_GIT = re.compile(
    r"(?:git|ssh)://|[A-Za-z0-9_-]+@[A-Za-z0-9.-]+:|https?://[^?#]*\.git(?:[?#]|$)",
)
_URL = re.compile(r"https?://")
_OCTAL = re.compile(r"[0-7]+")
_TOP_MODE = 0o7777


@define(kw_only=True)
class StageState:
    """
    A stage while its instructions run.

    Attributes:
        origin: What the name behind `--from` or a mount's `from` means.
        arguments: The build arguments.
        globals: The global scope.
        epoch: SOURCE_DATE_EPOCH of the build, or empty.
    """

    platform: Platform
    escape: str
    config: ImageConfig
    environment: BuildEnvironment
    arguments: Mapping[str, str]
    globals: Mapping[str, str]
    origin: Callable[[str, Location], Origin]
    epoch: str = ""
    operations: list[Operation] = field(factory=list)
    has_command: bool = False

    def expand(self, word: str, location: Location) -> str:
        """Return the word with this stage's variables filled in."""
        return expand(word, self.environment.variables, escape=self.escape, location=location)

    def configure(self, **changes: object) -> None:
        """Change members of the config."""
        self.config = evolve(self.config, **changes)  # type: ignore[arg-type]  # members by name


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
            state.operations.append(_run(state, instruction))
        case Copy():
            state.operations.append(_copy(state, instruction))
        case Workdir():
            _workdir(state, instruction)
        case User():
            state.configure(user=state.expand(instruction.user, instruction.location))
        case Shell():
            state.configure(shell=instruction.arguments)
        case Cmd():
            state.configure(command=_arguments(state, instruction.command))
            state.has_command = True
        case Entrypoint():
            _entrypoint(state, instruction)
        case Expose():
            _expose(state, instruction)
        case Volume():
            paths = (state.expand(path, instruction.location) for path in instruction.paths)
            state.configure(volumes=state.config.volumes | frozenset(paths))
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


def _arguments(state: StageState, command: Command) -> tuple[str, ...]:
    match command:
        case Exec(arguments):
            return arguments
        case ShellText(text):
            return (*state.config.shell_for(state.platform.os), text)


def _run(state: StageState, instruction: Run) -> RunOperation:
    arguments, script = _process(state, instruction.command)
    return RunOperation(
        arguments=arguments,
        script=script,
        environment=state.environment.pairs(),
        folder=state.config.working_dir or "/",
        user=state.config.user,
        mounts=tuple(
            mount_operation(mount, state.config.working_dir or "/", state.expand, state.origin)
            for mount in instruction.mounts
        ),
        network=None if instruction.network == "default" else instruction.network,
        security=None if instruction.security == "sandbox" else instruction.security,
        devices=instruction.devices,
        hostname=state.arguments.get("BUILDKIT_SANDBOX_HOSTNAME"),
        location=instruction.location,
    )


def _process(state: StageState, command: Command) -> tuple[tuple[str, ...], tuple[str, str] | None]:
    if not isinstance(command, ShellText) or not command.heredocs:
        return _arguments(state, command), None
    shell = state.config.shell_for(state.platform.os)
    if command.text:
        # A command reads its here-documents itself: the shell gets them as they were written.
        bodies = "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in command.heredocs)
        return (*shell, command.text + bodies), None
    (heredoc,) = command.heredocs
    if heredoc.content.startswith("#!") and state.platform.os != "windows":
        return (f"/dev/pipes/{heredoc.name}",), (heredoc.name, heredoc.content)
    return (*shell, heredoc.content), None


def _workdir(state: StageState, instruction: Workdir) -> None:
    path = state.expand(instruction.path, instruction.location)
    state.configure(working_dir=join_path(state.config.working_dir or "/", path))
    if state.config.working_dir != "/":
        state.operations.append(
            FolderOperation(state.config.working_dir, state.config.user, created=state.epoch)
        )


def join_path(folder: str, path: str) -> str:
    """
    Return `path` as seen from `folder`; a `/` or `/.` at its end is kept, an absolute one stays as it is.

    BuildKit util/system, NormalizePath with keepSlash.
    """
    if path.startswith("/"):
        return path
    joined = "/" + posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/")
    if path.endswith("/."):
        return joined.rstrip("/") + "/."
    return joined.rstrip("/") + "/" if path.endswith("/") else joined


def _entrypoint(state: StageState, instruction: Entrypoint) -> None:
    state.configure(entrypoint=_arguments(state, instruction.command))
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


def _copy(state: StageState, instruction: Copy) -> CopyOperation:
    at = instruction.location
    words = [state.expand(source, at) for source in instruction.sources]
    remotes = tuple(word for word in words if instruction.is_add and is_remote(word))
    unpack = instruction.is_add if instruction.unpack is None else instruction.unpack
    return CopyOperation(
        origin=MainContext() if instruction.source is None else state.origin(instruction.source, at),
        sources=tuple(word for word in words if word not in remotes),
        remotes=remotes,
        inline=tuple(
            Inline(
                h.name,
                expand_raw(h.content, state.environment.variables, location=at) if h.expand else h.content,
            )
            for h in instruction.heredocs
        ),
        destination=join_path(
            state.config.working_dir or "/", _current(state.expand(instruction.destination, at))
        ),
        chown=state.expand(instruction.chown or "", at),
        chmod=_mode(state.expand(instruction.chmod or "", at), at),
        link=instruction.link,
        parents=instruction.parents,
        exclude=instruction.exclude,
        unpack=unpack,
        checksum=state.expand(instruction.checksum or "", at),
        keep_git_dir=bool(instruction.keep_git_dir),
        location=at,
    )


def is_remote(source: str) -> bool:
    """Whether a source of ADD is a URL or a Git reference."""
    return bool(_URL.match(source) or is_git(source))


def is_git(source: str) -> bool:
    """Whether a source of ADD is a Git repository."""
    return bool(_GIT.match(source))


def _current(destination: str) -> str:
    # pathRelativeToWorkingDir: "" and "." are the working folder, as a folder.
    return "./" if destination in ("", ".") else destination


def _mode(text: str, at: Location) -> str:
    if not _OCTAL.fullmatch(text):
        if text.isdecimal():
            raise DockerfileError(f"not a mode: {text!r}", where=at, hint="--chmod=0755, at most 07777")
        return text
    mode = int(text, 8)
    if mode > _TOP_MODE:
        raise DockerfileError(f"not a mode: {text!r}", where=at, hint="--chmod=0755, at most 07777")
    return f"{mode:04o}"
