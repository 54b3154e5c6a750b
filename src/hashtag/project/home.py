"""The registry that a project is built into."""

from __future__ import annotations

from typing import Protocol

from hashtag.oci.ports import Home, Writer


class HomeWriter(Home, Writer, Protocol):
    """A registry with a repository of its own, to read from and write to."""
