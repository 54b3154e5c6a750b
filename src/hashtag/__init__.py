"""Decide by content which container images a pipeline has to build, and alias the rest.

All that is public stands here and is loaded when it is first used. Values are immutable and safe to
share between threads; a `Registry` may be used by several threads at once. Never fork in a process
that runs threads.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashtag import errors, testing
    from hashtag.apply import Receipt, apply
    from hashtag.context.fingerprint import Fingerprint
    from hashtag.context.ignore import IgnoreRules
    from hashtag.errors import HashtagError, SeveralErrors
    from hashtag.images.bases import BaseImage
    from hashtag.planning.plan import Alias, Build, Failed, Plan, Reason
    from hashtag.project import Project, fingerprint
    from hashtag.registry import Registry
    from hashtag.rendering import render
    from hashtag.worktree.files import list_context

__version__ = "0.1.0"

__all__ = [
    "Alias",
    "BaseImage",
    "Build",
    "Failed",
    "Fingerprint",
    "HashtagError",
    "IgnoreRules",
    "Plan",
    "Project",
    "Reason",
    "Receipt",
    "Registry",
    "SeveralErrors",
    "__version__",
    "apply",
    "errors",
    "fingerprint",
    "list_context",
    "render",
    "testing",
]

_HOMES = {
    "Alias": "planning.plan",
    "BaseImage": "images.bases",
    "Build": "planning.plan",
    "Failed": "planning.plan",
    "Fingerprint": "context.fingerprint",
    "HashtagError": "errors",
    "IgnoreRules": "context.ignore",
    "Plan": "planning.plan",
    "Project": "project",
    "Reason": "planning.plan",
    "Receipt": "apply",
    "Registry": "registry",
    "SeveralErrors": "errors",
    "apply": "apply",
    "fingerprint": "project",
    "list_context": "worktree.files",
    "render": "rendering",
}

# Public as modules: `hashtag.testing.MemoryRegistry`, `hashtag.errors.UnknownBase`.
_MODULES = ("errors", "testing")


class _Door(ModuleType):
    """The package as users see it: `hashtag.apply` is the function, also after its module was imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Door


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
