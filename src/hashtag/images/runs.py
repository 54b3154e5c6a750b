"""Commands: what RUN executes, and the arguments that RUN, CMD and ENTRYPOINT become."""

from __future__ import annotations

from hashtag.dockerfile.instruction import Command, Exec, Run, ShellText
from hashtag.images.lowered import MountOperation, RunOperation
from hashtag.images.mounts import mount_operation
from hashtag.images.state import StageState


def command_arguments(state: StageState, command: Command) -> tuple[str, ...]:
    """Return the process of a command, with the shell in front where the form is the shell's."""
    match command:
        case Exec(arguments):
            return arguments
        case ShellText(text):
            return (*state.config.shell_for(state.platform.os), text)


def run_operation(state: StageState, instruction: Run) -> RunOperation:
    """Return what a RUN executes."""
    arguments, script = _process(state, instruction.command)
    return RunOperation(
        arguments=arguments,
        script=script,
        environment=state.environment.pairs(),
        folder=state.config.working_dir or "/",
        user=state.config.user,
        mounts=_mounts(state, instruction),
        network=None if instruction.network == "default" else instruction.network,
        security=None if instruction.security == "sandbox" else instruction.security,
        devices=instruction.devices,
        hostname=state.arguments.get("BUILDKIT_SANDBOX_HOSTNAME"),
        location=instruction.location,
    )


def _mounts(state: StageState, instruction: Run) -> tuple[MountOperation, ...]:
    found: list[MountOperation] = []
    for mount in instruction.mounts:
        agents = sum(other.kind == "ssh" for other in found)
        folder = state.config.working_dir or "/"
        found.append(mount_operation(mount, folder, state.expand, state.mount_origin, number=agents))
    return tuple(found)


def _process(state: StageState, command: Command) -> tuple[tuple[str, ...], tuple[str, str] | None]:
    if not isinstance(command, ShellText) or not command.heredocs:
        return command_arguments(state, command), None
    shell = state.config.shell_for(state.platform.os)
    if command.text:
        # A command reads its here-documents itself: the shell gets them as they were written.
        bodies = "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in command.heredocs)
        return (*shell, command.text + bodies), None
    (heredoc,) = command.heredocs
    if heredoc.content.startswith("#!") and state.platform.os != "windows":
        return (f"/dev/pipes/{heredoc.name}",), (heredoc.name, heredoc.content)
    return (*shell, heredoc.content), None
