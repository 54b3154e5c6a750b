"""LOOK UP: the only package that speaks HTTP; also the OCI layout folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashtag.registry.bases import find as find
    from hashtag.registry.bases import pin as pin
    from hashtag.registry.bases import pin_all as pin_all
    from hashtag.registry.router import Registry as Registry

__all__ = ["Registry", "find", "pin", "pin_all"]

_HOMES = {"Registry": "router", "find": "bases", "pin": "bases", "pin_all": "bases"}


def __getattr__(name: str) -> Any:
    """Return a public name, from its module: PEP 562, so that importing the package costs nothing."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
