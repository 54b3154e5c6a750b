"""A builder: a program that is installed, and how it is called here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen


@frozen(kw_only=True)
class Builder:
    """
    A program that builds images.

    Attributes:
        kind: `buildx`, `docker`, `buildah` or `podman`.
        program: Its path.
        environ: What it is started with.
        arguments: Come right behind the program, whatever it does: HASHTAG_BUILDER_ARGS.
        options: Come with each build: HASHTAG_BUILD_ARGS.
        authfile: A file of logins for `--authfile`, or None.
    """

    kind: str
    program: str
    environ: Mapping[str, str] = field(repr=False)
    arguments: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    authfile: str | None = None

    @property
    def is_docker(self) -> bool:
        """Whether it works in a Docker engine; else it keeps images in containers' storage."""
        return self.kind in ("buildx", "docker")

    @property
    def login_options(self) -> tuple[str, ...]:
        """What tells a command of containers' tools where the logins are."""
        return () if self.authfile is None or self.is_docker else ("--authfile", self.authfile)

    def argv(self, command: Sequence[str]) -> list[str]:
        """Return a command line of `planning.command` as it is started here."""
        return [self.program, *self.arguments, *command[1:]]
