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
    def _normalised(cls, os: str, architecture: str, variant: str = "") -> Platform:
        os = "darwin" if os == "macos" else os
        architecture, implied = _ARCHITECTURES.get(architecture, (architecture, ""))
        if architecture == "arm" and variant in ("5", "6", "7", "8"):
            variant = f"v{variant}"
        variant = variant or implied
        return cls(os, architecture, _DEFAULT_VARIANTS.get((architecture, variant), variant))

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


LINUX_AMD64 = Platform("linux", "amd64")
