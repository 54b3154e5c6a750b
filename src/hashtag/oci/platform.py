"""Platforms, normalised as containerd does."""

from __future__ import annotations

import re

from attrs import frozen

from hashtag.errors import InvalidPlatform

# containerd/platforms, normalizeArch and normalizeOS: the spellings that mean the same machine.
_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_DEFAULT_VARIANTS = {("amd64", "v1"): "", ("arm64", "8"): "", ("arm64", "v8"): "", ("arm", ""): "v7"}
# containerd/platforms, isKnownOS and isKnownArch, and what WebAssembly's shims are called.
_SYSTEMS = frozenset(
    (
        "aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl",
        "netbsd", "openbsd", "plan9", "solaris", "wasi", "wasip1", "windows", "zos",
    )
)  # fmt: skip
_MACHINES = frozenset(
    (
        "386", "amd64", "amd64p32", "arm", "arm64", "arm64be", "armbe", "loong64", "mips", "mips64",
        "mips64le", "mips64p32", "mips64p32le", "mipsle", "ppc", "ppc64", "ppc64le", "riscv", "riscv64",
        "s390", "s390x", "sparc", "sparc64", "wasm", "wasm32", "wasm64",
    )
)  # fmt: skip
# What people write in place of a machine's name.
_SLIPS = {
    "armv8": "arm64",
    "armv7": "arm/v7",
    "armv7l": "arm/v7",
    "armv6": "arm/v6",
    "arm32": "arm",
    "x64": "amd64",
    "x86": "386",
}
_PART = re.compile(r"[A-Za-z0-9_.-]+")


@frozen(order=True)
class Platform:
    """An operating system, an architecture and its variant: `linux/arm/v7`."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read `os/architecture[/variant]`, or an architecture alone, which means Linux."""
        parts = text.lower().split("/")
        if len(parts) == 1 and text:
            parts = [parts[0], ""] if parts[0] in ("linux", "windows", "darwin") else ["linux", parts[0]]
            parts[1] = parts[1] or "amd64"
        if len(parts) > 3 or not all(_PART.fullmatch(part) for part in parts):
            raise InvalidPlatform(f"not a platform: {text!r}", hint="write it as linux/amd64")
        return cls._normalised(*parts)

    @classmethod
    def asked(cls, text: str) -> Platform:
        """Read what somebody asks for; raise `InvalidPlatform` for one that is not known, too."""
        platform = cls.parse(text)
        if platform.os in _SYSTEMS and platform.architecture in _MACHINES:
            return platform
        raise InvalidPlatform(f"there is no platform {text!r}", hint=_nearest(platform))

    @classmethod
    def _normalised(cls, os: str, architecture: str, variant: str = "") -> Platform:
        os = "darwin" if os == "macos" else os
        architecture, implied = _ARCHITECTURES.get(architecture, (architecture, ""))
        if architecture == "arm" and variant in ("5", "6", "7", "8"):
            variant = f"v{variant}"
        variant = variant or implied
        return cls(os, architecture, _DEFAULT_VARIANTS.get((architecture, variant), variant))

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def _nearest(platform: Platform) -> str:
    system, machine = _near(platform.os, _SYSTEMS), _near(platform.architecture, _MACHINES)
    if platform.os == "linux" and not machine:  # one word may have been meant as either
        system, machine = _near(platform.architecture, _SYSTEMS), "amd64"
    if not (system and machine):
        return "write it as linux/amd64"
    return f"did you mean {'/'.join(filter(None, (system, machine, platform.variant)))!r}?"


def _near(word: str, known: frozenset[str]) -> str:
    if word in known:
        return word
    from difflib import get_close_matches

    near = get_close_matches(word, sorted(known), n=1)
    return _SLIPS.get(word) or (near[0] if near else "")


LINUX_AMD64 = Platform("linux", "amd64")
