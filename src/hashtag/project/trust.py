"""Trust: which zone this pipeline writes, and which it believes."""

from __future__ import annotations

from collections.abc import Mapping

from hashtag.errors import ConfigError
from hashtag.planning.zone import TRUSTED, Zone
from hashtag.worktree import naming

_YES, _NO = ("1", "true", "yes"), ("", "0", "false", "no")


def zone_of(trust: str, ref: str | None, environ: Mapping[str, str]) -> Zone:
    """
    Return the zone that a pipeline writes; in every other than the trusted one it is on its own.

    Args:
        trust: The setting: "single" or "protected".
        ref: The branch or tag that the pipeline runs for.
        environ: `HASHTAG_TRUSTED`, else GitLab's `CI_COMMIT_REF_PROTECTED`, says whether it is trusted.

    Raises:
        ConfigError: `HASHTAG_TRUSTED` is neither true nor false.
    """
    if trust == "single" or is_trusted(environ):
        return TRUSTED
    return Zone(naming.slug(ref or "unknown"))


def is_trusted(environ: Mapping[str, str]) -> bool:
    """Return whether the pipeline runs for a protected ref; whoever is not known is not."""
    said = environ.get("HASHTAG_TRUSTED")
    if said is None:
        return environ.get("CI_COMMIT_REF_PROTECTED") == "true"
    if said.lower() not in (*_YES, *_NO):
        raise ConfigError(f"HASHTAG_TRUSTED is {said!r}", hint="write true or false")
    return said.lower() in _YES
