"""Mounts: what `RUN --mount` mounts, as BuildKit's dispatchRunMounts does it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from hashtag.dockerfile.instruction import Mount
from hashtag.errors import Location
from hashtag.images.lowered import MainContext, MountOperation, Origin, Scratch
from hashtag.images.mount_options import MountOptions, mount_options

_WRITABLE = ("cache", "tmpfs")
# client/llb: what a secret's file and an agent's socket have where nothing is said.
_SECRET_MODE, _SOCKET_MODE, _CACHE_MODE = 0o400, 0o600, 0o755


def mount_operation(
    mount: Mount,
    folder: str,
    expand: Callable[[str, Location], str],
    origin: Callable[[str, Location], Origin],
    *,
    number: int = 0,
) -> MountOperation:
    """
    Return a mount with its variables filled in; what says no more than the default is left out.

    Args:
        folder: The working folder, from which a relative target is seen.
        number: How many mounts of its kind stand before it in the RUN.
    """
    options = mount_options(mount, expand)
    match options.kind:
        case "secret":
            return _secret(options)
        case "ssh":
            return _ssh(options, number)
        case _:
            return _file_system(options, folder, origin)


def _secret(options: MountOptions) -> MountOperation:
    # dispatchSecret: without `env` there is always a file.
    identity = options.source or options.identity or posixpath.basename(options.target.rstrip("/"))
    target = options.target
    if options.env is None and not target:
        target = "/run/secrets/" + posixpath.basename(identity.rstrip("/"))
    found = {"id": identity, **(options.other_owner(_SECRET_MODE) if target else {})}
    if options.is_required:
        found["required"] = "true"
    if options.env is not None:
        found["env"] = options.env
    return _without_source(options, target, found)


def _ssh(options: MountOptions, number: int) -> MountOperation:
    found = {"id": options.identity or "default", **options.other_owner(_SOCKET_MODE)}
    if options.is_required:
        found["required"] = "true"
    if number:  # SSH_AUTH_SOCK is the first one's
        found["number"] = str(number)
    return _without_source(options, options.target or f"/run/buildkit/ssh_agent.{number}", found)


def _without_source(options: MountOptions, target: str, found: dict[str, str]) -> MountOperation:
    return MountOperation(
        kind=options.kind,
        origin=None,
        source="",
        target=target,
        read_only=True,
        options=tuple(sorted(found.items())),
        location=options.location,
    )


def _file_system(
    options: MountOptions, folder: str, origin: Callable[[str, Location], Origin]
) -> MountOperation:
    found: dict[str, str] = {}
    source = posixpath.normpath("/" + options.source).lstrip("/")
    if options.kind == "tmpfs" and options.size:
        found["size"] = str(options.size)
    if options.kind == "cache" and options.has_owner and not source:
        found = options.owner(_CACHE_MODE)
    mounted = _origin(options, source, origin)
    if options.kind == "cache" and mounted is None and source:
        found["source"] = source
    read_only = options.kind not in _WRITABLE if options.read_only is None else options.read_only
    return MountOperation(
        kind=options.kind,
        origin=mounted,
        source=source,
        target=_target(options, folder),
        read_only=read_only,
        # Which cache folder it is, and who shares it, says nothing about the result: its id and
        # sharing are left out (BuildKit exec, checkShouldClearCacheOpts).
        options=tuple(sorted(found.items())),
        location=options.location,
    )


def _target(options: MountOptions, folder: str) -> str:
    target = options.target
    if not target.startswith("/"):
        target = posixpath.normpath(posixpath.join("/", folder, target))
    if target == "/":
        raise options.error("the target cannot be the root", "target=/folder")
    return target


def _origin(options: MountOptions, source: str, origin: Callable[[str, Location], Origin]) -> Origin | None:
    match options.kind:
        case "bind":
            return origin(options.name, options.location) if options.name else MainContext()
        case "cache" if options.name:
            found = origin(options.name, options.location)
            return None if found == Scratch() and not source else found
        case _:
            return None
