"""The flow, spelled once: read, resolve and pin, select, hash, look up, decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashtag.project.project import Project as Project
    from hashtag.project.single import fingerprint as fingerprint

__all__ = ["Project", "fingerprint"]

_HOMES = {"Project": "project", "fingerprint": "single"}


def __getattr__(name: str) -> Any:
    """Return a public name, from its module: PEP 562, so that one image costs no project."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
