"""Remote sources of ADD: what stands in a record for content that is not in the context."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

from attrs import frozen

from hashtag.context.canonical import hidden
from hashtag.errors import UnsupportedConstruct, UntrustedAnswer
from hashtag.images.copies import is_git
from hashtag.images.lowered import CopyOperation
from hashtag.images.model import RemoteAdd
from hashtag.registry.origin import shown

CommitOf: TypeAlias = Callable[[str, str], str | None]
"""Returns the commit that a ref of a repository's URL has now; an empty ref is the default branch."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def stands_for(remote: str, operation: CopyOperation, policy: RemoteAdd, commit_of: CommitOf) -> str:
    """
    Return what stands for a remote source: its checksum where one is given, else as the policy says.

    Raises:
        UnsupportedConstruct: The policy refuses it, or its content cannot be told.
        UntrustedAnswer: It leads to an address of this machine's link.
    """
    name = posixpath.basename(urlsplit(remote).path)
    if operation.checksum and is_git(remote):  # its folder, its submodules: all of the text counts
        return f"{hidden(remote)} {hidden(operation.checksum)}"
    if operation.checksum:
        return f"{hidden(name)} {hidden(operation.checksum)}"
    if policy is RemoteAdd.URL:
        return hidden(remote)
    if policy is RemoteAdd.REFUSE:
        raise UnsupportedConstruct(
            f"ADD {shown(remote)} can change without a change here",
            where=operation.location,
            hint='pin it with --checksum=sha256:…, or set remote-add = "fetch"',
        )
    if is_git(remote):
        return _commit(remote, operation, commit_of)
    from hashtag.registry.download import content_digest

    return f"{hidden(name)} {content_digest(remote, operation.location)}"


@frozen
class GitSource:
    """
    A Git repository as ADD names it.

    Attributes:
        ref: A branch, a tag or a commit; empty for the default branch.
        commit: What it is pinned to; empty where it is not.
    """

    url: str
    ref: str = ""
    commit: str = ""

    @classmethod
    def parse(cls, remote: str) -> GitSource:
        """Read `URL#ref:folder` or `URL?ref=…&subdir=…&checksum=…` (BuildKit dfgitutil, ParseGitRef)."""
        bare, _, fragment = remote.partition("#")
        url, _, text = bare.partition("?")
        query = {key: values[-1] for key, values in parse_qs(text).items()}
        named = (query.get(key) for key in ("ref", "branch", "tag"))
        ref = next(filter(None, (*named, fragment.partition(":")[0])), "")
        pinned = query.get("checksum") or query.get("commit") or ref
        return cls(url, ref, pinned if _COMMIT.fullmatch(pinned) else "")

    @property
    def host(self) -> str:
        """The server: of a URL, or of `user@host:path`."""
        if "://" in self.url:
            return urlsplit(self.url).hostname or ""
        return self.url.partition(":")[0].rpartition("@")[2]


def _commit(remote: str, operation: CopyOperation, commit_of: CommitOf) -> str:
    from hashtag.registry.download import check_host

    source = GitSource.parse(remote)
    if source.commit:
        return hidden(remote)
    try:
        check_host(source.host)
    except UntrustedAnswer as error:
        raise UntrustedAnswer(error.what, where=operation.location) from error
    commit = commit_of(source.url, source.ref)
    if commit is None:
        raise UnsupportedConstruct(
            f"ADD {shown(remote)}: git does not tell which commit {source.ref or 'its default branch'} is",
            where=operation.location,
            hint="write the commit: #<40 hex digits>, or --checksum=<commit>",
        )
    return f"{hidden(remote)} {commit}"
