"""The runtime configuration of an image, computed as BuildKit computes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from hashtag.errors import InvalidDocument

# BuildKit util/system, DefaultPathEnvUnix: set wherever a base image has no PATH.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHELLS = {"windows": ("cmd", "/S", "/C")}
_UNIX_SHELL = ("/bin/sh", "-c")
_CHECK_NUMBERS = ("Interval", "Timeout", "StartPeriod", "StartInterval", "Retries")
# Lone surrogates, but for those that stand for bytes (PEP 383).
_NO_UNICODE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


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
        """
        Read what a base image's configuration says; members that are absent or null are empty.

        Raises:
            InvalidDocument: A member is not what the OCI image specification says.
        """
        return cls(
            environment=tuple(_pair(text) for text in _texts(config, "Env") or ()),
            working_dir=_text(config, "WorkingDir"),
            user=_text(config, "User"),
            shell=_texts(config, "Shell") or (),
            onbuild=_texts(config, "OnBuild") or (),
            labels={name: _text(_object(config, "Labels"), name) for name in _object(config, "Labels")},
            command=_texts(config, "Cmd"),
            entrypoint=_texts(config, "Entrypoint"),
            volumes=frozenset(_object(config, "Volumes")),
            ports=frozenset(_object(config, "ExposedPorts")),
            healthcheck=_healthcheck(config) or None,
            stop_signal=_text(config, "StopSignal"),
            author=_text(config, "Author"),
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


# ── reading what others wrote ────────────────────────────────────────────────────────────────────


def _text(config: Mapping[str, Any], name: str) -> str:
    return _checked(config.get(name), name) or ""


def _texts(config: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    values = config.get(name)
    if values is None:
        return None
    if not isinstance(values, list | tuple):
        raise InvalidDocument(f"{name} is no array")
    return tuple(_checked(value, name) or "" for value in values)


def _object(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = config.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidDocument(f"{name} is no object")
    return {_checked(key, name) or "": member for key, member in value.items()}


def _checked(value: object, name: str) -> str | None:
    if not isinstance(value, str | None):
        raise InvalidDocument(f"{name} is no text")
    # Go's encoding/json does the same with what is no Unicode.
    return value and _NO_UNICODE.sub("\ufffd", value)


def _healthcheck(config: Mapping[str, Any]) -> dict[str, Any]:
    check = _object(config, "Healthcheck")
    found: dict[str, Any] = {name: check[name] for name in _CHECK_NUMBERS if check.get(name)}
    if not all(isinstance(number, int) for number in found.values()):
        raise InvalidDocument("Healthcheck has a time that is no number")
    test = _texts(check, "Test")
    return ({"Test": list(test)} if test else {}) | found
