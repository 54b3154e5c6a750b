"""Remote sources of ADD: what stands in a record for content that is not in the context."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import urlsplit

from hashtag.context.record import hidden
from hashtag.errors import UnsupportedConstruct
from hashtag.images.dispatch import is_git
from hashtag.images.lowered import CopyOperation
from hashtag.images.model import RemoteAdd

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def stands_for(remote: str, operation: CopyOperation, policy: RemoteAdd) -> str:
    """
    Return what stands for a remote source: its checksum where one is given, else as the policy says.

    Raises:
        UnsupportedConstruct: The policy refuses it, or its content cannot be told.
    """
    name = posixpath.basename(urlsplit(remote).path)
    if operation.checksum:
        return f"{hidden(name)} {hidden(operation.checksum)}"
    if policy is RemoteAdd.URL:
        return hidden(remote)
    if policy is RemoteAdd.REFUSE:
        raise UnsupportedConstruct(
            f"ADD {remote} can change without a change here",
            where=operation.location,
            hint='pin it with --checksum=sha256:…, or set remote-add = "fetch"',
        )
    if is_git(remote):
        return _pinned_commit(remote, operation)
    from hashtag.registry.download import content_digest

    return f"{hidden(name)} {content_digest(remote, operation.location)}"


def _pinned_commit(remote: str, operation: CopyOperation) -> str:
    fragment = remote.partition("#")[2].partition(":")[0]
    if not _COMMIT.fullmatch(fragment):
        raise UnsupportedConstruct(
            f"ADD {remote} names no commit",
            where=operation.location,
            hint="write the commit: #<40 hex digits>, or --checksum=<commit>",
        )
    return hidden(remote)
