"""Instructions: one frozen value for each kind, with words as written, not expanded."""

from __future__ import annotations

from typing import TypeAlias

from attrs import field, frozen

from hashtag.errors import Location

Pairs: TypeAlias = tuple[tuple[str, str], ...]


@frozen
class Heredoc:
    """
    A here-document.

    Attributes:
        name: The delimiter without its quotes.
        content: The body's lines with their ends, CR and all. Of a COPY or ADD, and of a RUN that is
            nothing but one here-document, without the leading tabs if `chomp`; of a RUN with a
            command always as written, for the shell to read.
        expand: Whether variables in it are expanded, in COPY and ADD: the delimiter was not quoted.
        chomp: Whether it was written `<<-`.
    """

    name: str
    content: str
    expand: bool = True
    chomp: bool = False


@frozen
class Exec:
    """The JSON form of a command: the arguments."""

    arguments: tuple[str, ...]


@frozen
class ShellText:
    """
    The shell form of a command.

    Attributes:
        text: What the shell gets, with its inner spaces and the indentation of continued lines. Empty
            where there is nothing after the instruction and its flags, and in `RUN <<EOF`: a RUN that
            is one here-document and nothing else, which is then the script itself, in `heredocs`.
        heredocs: Those of a RUN. After a text the shell gets, for each, a line end, the content, and
            the name without its quotes (BuildKit dockerfile2llb, dispatchRun).
    """

    text: str
    heredocs: tuple[Heredoc, ...] = ()


Command: TypeAlias = Exec | ShellText


@frozen(kw_only=True)
class Instruction:
    """
    What all instructions have.

    Attributes:
        location: Where the instruction starts.
        text: The instruction as written on one line, after continuations were joined.
    """

    location: Location = field(eq=False)
    text: str = field(eq=False, default="")


@frozen(kw_only=True)
class From(Instruction):
    """
    `FROM [--platform=…] image [AS name]`; the name is in lower case.

    Attributes:
        image_location: Where the image is named.
    """

    image: str
    image_location: Location = field(eq=False)
    platform: str | None = None
    name: str | None = None


@frozen(kw_only=True)
class Arg(Instruction):
    """`ARG name[=default] …`: a default of None is none, of `""` an empty one."""

    pairs: tuple[tuple[str, str | None], ...]


@frozen(kw_only=True)
class Env(Instruction):
    """`ENV name=value …` or the legacy `ENV name value`; values keep their quotes."""

    pairs: Pairs


@frozen(kw_only=True)
class Label(Instruction):
    """`LABEL name=value …`; names and values keep their quotes."""

    pairs: Pairs


@frozen(kw_only=True)
class Mount(Instruction):
    """One `RUN --mount=`: its options in order, keys in lower case as written; a bare option has None."""

    options: tuple[tuple[str, str | None], ...]


@frozen(kw_only=True)
class Run(Instruction):
    """`RUN`, with its flags."""

    command: Command
    mounts: tuple[Mount, ...] = ()
    network: str | None = None
    security: str | None = None
    devices: tuple[str, ...] = ()


@frozen(kw_only=True)
class Copy(Instruction):
    """
    `COPY` or `ADD`, with its flags.

    Attributes:
        sources: The paths as written; here-documents stand in `heredocs`.
        source_locations: Where each of them stands.
        source: The text of `--from`.
        source_location: Where that flag stands; None without it.
        exclude: The patterns of `--exclude`, never expanded.
        is_add: Whether it is ADD: URLs, Git repositories and archives are special.
    """

    sources: tuple[str, ...]
    destination: str
    source_locations: tuple[Location, ...] = field(eq=False, default=())
    heredocs: tuple[Heredoc, ...] = ()
    source: str | None = None
    source_location: Location | None = field(eq=False, default=None)
    chown: str | None = None
    chmod: str | None = None
    link: bool = False
    parents: bool = False
    exclude: tuple[str, ...] = ()
    is_add: bool = False
    checksum: str | None = None
    keep_git_dir: bool | None = None
    unpack: bool | None = None


@frozen(kw_only=True)
class Workdir(Instruction):
    """`WORKDIR path`."""

    path: str


@frozen(kw_only=True)
class User(Instruction):
    """`USER name[:group]`."""

    user: str


@frozen(kw_only=True)
class Shell(Instruction):
    """`SHELL ["…"]`."""

    arguments: tuple[str, ...]


@frozen(kw_only=True)
class Cmd(Instruction):
    """`CMD`."""

    command: Command


@frozen(kw_only=True)
class Entrypoint(Instruction):
    """`ENTRYPOINT`."""

    command: Command


@frozen(kw_only=True)
class Expose(Instruction):
    """`EXPOSE port …`: the words, each expanded and split later."""

    ports: tuple[str, ...]


@frozen(kw_only=True)
class Volume(Instruction):
    """`VOLUME path …`."""

    paths: tuple[str, ...]


@frozen(kw_only=True)
class StopSignal(Instruction):
    """`STOPSIGNAL signal`."""

    signal: str


@frozen(kw_only=True)
class Healthcheck(Instruction):
    """
    `HEALTHCHECK`, durations in nanoseconds, None where not given.

    Attributes:
        command: None for `HEALTHCHECK NONE`.
    """

    command: Command | None
    interval: int | None = None
    timeout: int | None = None
    start_period: int | None = None
    start_interval: int | None = None
    retries: int | None = None


@frozen(kw_only=True)
class Onbuild(Instruction):
    """`ONBUILD …`: the trigger's text as the image's config keeps it."""

    trigger: str


@frozen(kw_only=True)
class Maintainer(Instruction):
    """`MAINTAINER name`."""

    name: str


StageInstruction: TypeAlias = (
    Arg
    | Env
    | Label
    | Run
    | Copy
    | Workdir
    | User
    | Shell
    | Cmd
    | Entrypoint
    | Expose
    | Volume
    | StopSignal
    | Healthcheck
    | Onbuild
    | Maintainer
)
