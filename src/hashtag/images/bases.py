"""Bases: the images that Dockerfiles are built from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from hashtag.oci.digest import Digest


def _digest(value: Digest | str) -> Digest:
    return value if isinstance(value, Digest) else Digest(value)


def _optional_digest(value: Digest | str | None) -> Digest | None:
    return None if value is None else _digest(value)


@frozen
class BaseImage:
    """
    An external base, pinned for one platform.

    Attributes:
        digest: Of the manifest for the platform; of what a reference names where that is all
            that is known.
        config: The `config` object of its OCI image configuration: `Env`, `WorkingDir`, `User`,
            `OnBuild` and the others.
        index: Of the index through which the manifest was found, if there was one.
    """

    digest: Digest = field(converter=_digest)
    config: Mapping[str, Any] = field(factory=dict, hash=False)
    index: Digest | None = field(default=None, converter=_optional_digest)

    @property
    def pinned_digest(self) -> Digest:
        """The digest to write behind a reference: the index's where there is one."""
        return self.index or self.digest
