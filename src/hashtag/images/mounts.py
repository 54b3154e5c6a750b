"""Mounts: the options of `RUN --mount`, as BuildKit's parseMount reads them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from hashtag.dockerfile.instruction import Mount
from hashtag.errors import DockerfileError, Location, did_you_mean
from hashtag.images.lowered import MainContext, MountOperation, Origin

_ALIASES = {
    "src": "source",
    "dst": "target",
    "destination": "target",
    "ro": "readonly",
    "rw": "readwrite",
}
_KEYS = (
    "type", "from", "source", "target", "readonly", "readwrite", "id", "sharing",
    "required", "size", "mode", "uid", "gid", "env",
)  # fmt: skip
_KINDS = ("bind", "cache", "tmpfs", "secret", "ssh")
_WRITABLE = ("cache", "tmpfs")
_SWITCHES = ("readonly", "readwrite", "required")
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")
# BuildKit exec, checkShouldClearCacheOpts: which cache folder it is says nothing about the result.
_NOT_IN_THE_RESULT = {"cache": ("id", "sharing")}


def mount_operation(
    mount: Mount,
    folder: str,
    expand: Callable[[str, Location], str],
    origin: Callable[[str, Location], Origin],
) -> MountOperation:
    """
    Return a mount with its variables filled in and its defaults made explicit.

    Args:
        folder: The working folder, from which a relative target is seen.
    """
    options = _options(mount, expand)
    kind = options.pop("type", "bind").lower()
    if kind not in _KINDS:
        raise DockerfileError(
            f"--mount: {kind!r} is no type", where=mount.location, hint=did_you_mean(kind, _KINDS)
        )
    source, target = options.pop("source", ""), options.pop("target", "")
    source_name = options.pop("from", "")
    read_only = _read_only(kind, options, mount.location)
    for name in _NOT_IN_THE_RESULT.get(kind, ()):
        options.pop(name, None)
    if kind in ("secret", "ssh") and source:
        options.setdefault("id", source)
    return MountOperation(
        kind=kind,
        origin=_origin(kind, source_name, origin, mount.location),
        source=posixpath.normpath("/" + source).lstrip("/"),
        target=_target(kind, folder, target),
        read_only=read_only,
        options=tuple(sorted(options.items())),
        location=mount.location,
    )


def _target(kind: str, folder: str, target: str) -> str:
    if kind in ("secret", "ssh") or target.startswith("/"):
        return target
    return posixpath.normpath(posixpath.join("/", folder, target))


def _options(mount: Mount, expand: Callable[[str, Location], str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for written, value in mount.options:
        key = _ALIASES.get(written, written)
        if key not in _KEYS:
            raise DockerfileError(
                f"--mount: {written!r} is no option", where=mount.location, hint=did_you_mean(written, _KEYS)
            )
        if value is None and key not in _SWITCHES:
            raise DockerfileError(f"--mount: {written} needs a value", where=mount.location)
        options.pop(key, None)
        text = "true" if value is None else value
        options[key] = text if key == "from" else expand(text, mount.location)
    return options


def _read_only(kind: str, options: dict[str, str], location: Location) -> bool:
    read_only = kind not in _WRITABLE
    for key in [key for key in options if key in ("readonly", "readwrite")]:  # the last one decides
        read_only = _truth(options.pop(key), key, location) == (key == "readonly")
    return read_only


def _truth(text: str, key: str, location: Location) -> bool:
    if text not in _TRUE + _FALSE:
        raise DockerfileError(f"--mount: {key}={text} is neither true nor false", where=location)
    return text in _TRUE


def _origin(
    kind: str, name: str, origin: Callable[[str, Location], Origin], location: Location
) -> Origin | None:
    match kind:
        case "bind":
            return origin(name, location) if name else MainContext()
        case "cache":
            return origin(name, location) if name else None
        case _:
            return None
