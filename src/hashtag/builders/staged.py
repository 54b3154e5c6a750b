"""A staged build: the command lines that make an image of a staged folder, and push it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from attrs import frozen

from hashtag.builders.builder import Builder
from hashtag.builders.processes import Processes
from hashtag.errors import UnsupportedBuild
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.command import command, push_commands, takes_ignore_file
from hashtag.planning.plan import Build

DOCKERFILE = "Dockerfile"
CONTEXT = "context"
_PORT = re.compile(r":\d+\Z")
_IGNORE_FILE = "no.dockerignore"


@frozen(kw_only=True)
class StagedBuild:
    """
    All that a builder is given.

    Attributes:
        folder: Holds the pinned `Dockerfile`, and beside it the folder `context`.
        contexts: Named contexts: folders, or `docker-image://…`.
        insecure: Images of this machine's registries, which speak plain HTTP.
        layout: A folder to write the image into, in place of a registry: for a project in a layout.
        has_docker_config: Whether the image's configuration has what OCI's has no place for.
    """

    build: Build
    folder: Path
    contexts: Mapping[str, str]
    insecure: tuple[Reference, ...] = ()
    layout: Path | None = None
    has_docker_config: bool = False
    options: tuple[str, ...] = ()
    layer_cache: bool = False

    @property
    def tag(self) -> Reference:
        """The name that the builder knows the image by."""
        reference = self.build.reference
        if self.layout is None:
            return reference
        return Repository("localhost", f"hashtag/{reference.repository.name or 'image'}").tagged(
            self.build.target.cache_tag
        )

    def run(self, builder: Builder, processes: Processes) -> None:
        """
        Build the image; buildx also pushes it.

        Raises:
            BuildFailed: The builder says so.
            UnsupportedBuild: It cannot do this build exactly.
        """
        line = self.command(builder)
        if not builder.is_docker:
            for reference in self.insecure:
                self._start(builder, processes, pull_command(builder, reference))
        self._start(builder, processes, line)

    def push(self, builder: Builder, processes: Processes) -> None:
        """Push what was built."""
        for line in self.push_commands(builder):
            self._start(builder, processes, line)

    def command(self, builder: Builder) -> list[str]:
        """Return the command line of the build; the ignore file that is in force is an empty one."""
        if self.layout is not None and builder.is_docker:
            raise UnsupportedBuild(
                f"{builder.kind} cannot build {self.build.name!r} into a layout folder",
                hint="choose another builder: --builder buildah",
            )
        ignored = self.folder / _IGNORE_FILE
        ignored.touch()
        # BuildKit dockerui/config.go: the ignore file beside the Dockerfile wins over the context's.
        (self.folder / f"{DOCKERFILE}.dockerignore").touch()
        return command(
            self.build,
            builder.kind,
            context=str(self.folder / CONTEXT),
            dockerfile=str(self.folder / DOCKERFILE),
            contexts=self.contexts,
            tags=[self.tag],
            ignore_file=str(ignored) if takes_ignore_file(builder.kind) else None,
            options=(*builder.login_options, *builder.options, *self.options),
            layer_cache=self.layer_cache,
        )

    def push_commands(self, builder: Builder) -> list[list[str]]:
        """Return the command lines that push the image."""
        if self.layout is not None:
            form = [] if self.has_docker_config else ["--format", "oci"]
            return [[builder.kind, "push", "--quiet", *form, str(self.tag), f"dir:{self.layout}"]]
        options = [*builder.login_options]
        if not builder.is_docker:
            options += _without_tls(self.tag)
        return push_commands(self.build, builder.kind, tags=[self.tag], options=options)

    def _start(self, builder: Builder, processes: Processes, line: list[str]) -> None:
        processes.run(builder.argv(line), builder.environ, self.build.name)


def pull_command(builder: Builder, reference: Reference) -> list[str]:
    """Return the command line that fetches an image of this machine's registry."""
    return [
        *(builder.kind, "pull", "--quiet"),
        *builder.login_options,
        *_without_tls(reference),
        str(reference),
    ]


def is_loopback(reference: Reference) -> bool:
    """Whether an image is in a registry of this machine, which may speak plain HTTP."""
    host = _PORT.sub("", reference.repository.registry).strip("[]")
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _without_tls(reference: Reference) -> list[str]:
    return ["--tls-verify=false"] if is_loopback(reference) else []
