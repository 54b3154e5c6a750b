"""The options of `RUN --mount`, as BuildKit's parseMount reads them."""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import define

from hashtag.dockerfile.instruction import Mount
from hashtag.errors import DockerfileError, Location, did_you_mean
from hashtag.images.sizes import size_in_bytes

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
_OWNED = ("cache", "secret", "ssh")
_SWITCHES = ("readonly", "readwrite", "required")
_SHARINGS = ("shared", "private", "locked")
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")
_NUMBERS = {"mode": (re.compile("[0-7]{1,64}"), 8), "uid": (re.compile("[0-9]{1,64}"), 10)}
_NUMBERS["gid"] = _NUMBERS["uid"]
_LARGEST_NUMBER = 2**32 - 1


@define
class MountOptions:
    """What a mount says: the last value of each option, those with a meaning of their own understood."""

    location: Location
    kind: str = "bind"
    read_only: bool | None = None
    is_required: bool = False
    size: int = 0
    name: str = ""
    source: str = ""
    target: str = ""
    identity: str = ""
    sharing: str = ""
    env: str | None = None
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None

    def error(self, what: str, hint: str = "") -> DockerfileError:
        """Return an error at this mount."""
        return DockerfileError(f"--mount: {what}", where=self.location, hint=hint)

    @property
    def has_owner(self) -> bool:
        """Whether an owner or a mode is given."""
        return (self.uid, self.gid, self.mode) != (None, None, None)

    def owner(self, mode: int) -> dict[str, str]:
        """Return owner and mode as they will be, with this mode where none is given."""
        chosen = mode if self.mode is None else self.mode
        return {"uid": str(self.uid or 0), "gid": str(self.gid or 0), "mode": f"{chosen:04o}"}

    def other_owner(self, mode: int) -> dict[str, str]:
        """Return of owner and mode what is not so by default."""
        usual = {"uid": "0", "gid": "0", "mode": f"{mode:04o}"}
        return {name: value for name, value in self.owner(mode).items() if value != usual[name]}


def mount_options(mount: Mount, expand: Callable[[str, Location], str]) -> MountOptions:
    """
    Return what a mount says, its variables filled in.

    Raises:
        DockerfileError: BuildKit would refuse it.
    """
    options = MountOptions(mount.location)
    for written, value in mount.options:
        key = _ALIASES.get(written, written)
        if key not in _KEYS:
            raise options.error(f"{written!r} is no option", did_you_mean(written, _KEYS))
        if value is None and key not in _SWITCHES:
            raise options.error(f"{written} needs a value")
        text = "true" if value is None else value
        # The name behind `from` was looked up as it stands.
        _set(options, key, text if key == "from" else expand(text, mount.location))
    _check(options)
    return options


def _set(options: MountOptions, key: str, text: str) -> None:  # noqa: C901, PLR0912  # one case an option
    match key:
        case "type":
            options.kind = _one_of(options, "type", text, _KINDS)
        case "from":
            options.name = text
        case "source":
            options.source = text
        case "target":
            options.target = text
        case "readonly" | "readwrite":  # the last one decides
            options.read_only = _truth(options, key, text) == (key == "readonly")
        case "required":
            _expect(options, key, ("secret", "ssh"))
            options.is_required = _truth(options, key, text)
        case "size":
            _expect(options, key, ("tmpfs",))
            options.size = _size(options, text)
        case "id":
            options.identity = text
        case "sharing":
            options.sharing = _one_of(options, "sharing", text, _SHARINGS)
        case "env":
            options.env = text
        case _:
            setattr(options, key, _number(options, key, text))


def _one_of(options: MountOptions, key: str, text: str, known: tuple[str, ...]) -> str:
    if text.lower() not in known:
        raise options.error(f"{text!r} is no {key}", did_you_mean(text.lower(), known))
    return text.lower()


def _expect(options: MountOptions, key: str, kinds: tuple[str, ...]) -> None:
    # parseMount: what stands before `type` is read as of a bind mount.
    if options.kind not in kinds:
        raise options.error(f"{key} means nothing here", f"write type={kinds[0]} before it")


def _truth(options: MountOptions, key: str, text: str) -> bool:
    if text not in _TRUE + _FALSE:
        raise options.error(f"{key}={text} is neither true nor false")
    return text in _TRUE


def _size(options: MountOptions, text: str) -> int:
    size = size_in_bytes(text)
    if size is None:
        raise options.error(f"{text!r} is no size", "size=64m")
    return size


def _number(options: MountOptions, key: str, text: str) -> int:
    form, base = _NUMBERS[key]
    number = int(text, base) if form.fullmatch(text) else -1
    if not 0 <= number <= _LARGEST_NUMBER:
        raise options.error(f"{key}={text} is no number", "mode=0400" if key == "mode" else f"{key}=1000")
    return number


def _check(options: MountOptions) -> None:
    if options.has_owner and options.kind not in _OWNED:
        raise options.error(f"a mount of type {options.kind} has no owner and no mode")
    if options.sharing and options.kind != "cache":
        raise options.error(f"sharing is of caches, not of type {options.kind}")
    if options.kind == "ssh" and options.source:
        raise options.error("an agent has no source")
    if options.kind == "secret":
        _check_secret(options)


def _check_secret(options: MountOptions) -> None:
    if options.name:
        raise options.error("a secret comes from nowhere: take from= away")
    if options.source and options.identity:
        raise options.error("source and id of a secret are the same: write one")
    if not (options.source or options.identity or options.target):
        raise options.error("a secret needs an id or a target", "--mount=type=secret,id=name")
