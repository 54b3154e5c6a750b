"""The runtime configuration of an image, computed as BuildKit computes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

# BuildKit util/system, DefaultPathEnvUnix: set wherever a base image has no PATH.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHELLS = {"windows": ("cmd", "/S", "/C")}
_UNIX_SHELL = ("/bin/sh", "-c")


@frozen(kw_only=True)
class ImageConfig:
    """
    The `config` object of an OCI image configuration.

    Attributes:
        environment: In its order, which is part of the result.
        command: None where there is none, which is not the same as an empty one.
        healthcheck: As OCI writes it, or None.
    """

    environment: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    user: str = ""
    shell: tuple[str, ...] = ()
    onbuild: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(factory=dict, hash=False)
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    volumes: frozenset[str] = frozenset()
    ports: frozenset[str] = frozenset()
    healthcheck: Mapping[str, Any] | None = field(default=None, hash=False)
    stop_signal: str = ""
    author: str = ""

    @classmethod
    def from_oci(cls, config: Mapping[str, Any]) -> ImageConfig:
        """Read what a base image's configuration says; members that are absent or null are empty."""
        command, entrypoint = config.get("Cmd"), config.get("Entrypoint")
        return cls(
            environment=tuple(_pair(text) for text in config.get("Env") or ()),
            working_dir=config.get("WorkingDir") or "",
            user=config.get("User") or "",
            shell=tuple(config.get("Shell") or ()),
            onbuild=tuple(config.get("OnBuild") or ()),
            labels=dict(config.get("Labels") or {}),
            command=None if command is None else tuple(command),
            entrypoint=None if entrypoint is None else tuple(entrypoint),
            volumes=frozenset(config.get("Volumes") or ()),
            ports=frozenset(config.get("ExposedPorts") or ()),
            healthcheck=config.get("Healthcheck") or None,
            stop_signal=config.get("StopSignal") or "",
            author=config.get("Author") or "",
        )

    def with_variable(self, name: str, value: str) -> ImageConfig:
        """Return the config with one variable set, in its old place if it had one."""
        if any(name == known for known, _ in self.environment):
            pairs = tuple((n, value if n == name else v) for n, v in self.environment)
        else:
            pairs = (*self.environment, (name, value))
        return evolve(self, environment=pairs)

    def with_path(self, os: str) -> ImageConfig:
        """Return the config with the PATH that BuildKit adds where there is none."""
        if os == "windows" or any(name == "PATH" for name, _ in self.environment):
            return self
        return self.with_variable("PATH", DEFAULT_PATH)

    def shell_for(self, os: str) -> tuple[str, ...]:
        """Return what stands before the text of a command in shell form."""
        return self.shell or _SHELLS.get(os, _UNIX_SHELL)


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value
