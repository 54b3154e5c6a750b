"""What git and the CI system know of the commit at hand."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen

from hashtag.worktree.differences import SAFE, WorkTree, environment

_TIMEOUT_SECONDS = 20
_NETWORK_TIMEOUT_SECONDS = 90
_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@frozen(kw_only=True)
class GitFacts:
    """
    The commit that is planned; None for what is not known.

    Attributes:
        commit: The full object id.
        commit_time: When it was committed, in UTC.
        ref: The branch, or the tag of a pipeline for a tag.
    """

    commit: str | None = None
    commit_time: datetime | None = None
    ref: str | None = None


def facts(folder: Path, environ: Mapping[str, str]) -> GitFacts:
    """
    Return the commit, its time and its ref: from GitLab's or GitHub's variables, else from git.

    No git, no repository, or one that git does not trust: None each.
    """
    commit = _object_of(environ.get("CI_COMMIT_SHA") or environ.get("GITHUB_SHA"))
    commit = commit or _object_of(_ask(folder, environ, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"))
    ref = next((environ[name] for name in _REFS if environ.get(name)), None)
    if ref is None:
        ref = _ask(folder, environ, "symbolic-ref", "--quiet", "--short", "HEAD")
    time = _time_of(environ.get("CI_COMMIT_TIMESTAMP"))
    if time is None and commit is not None:
        time = _committed(_ask(folder, environ, "cat-file", "commit", commit))
    return GitFacts(commit=commit, commit_time=time, ref=ref)


def remote_commit(url: str, ref: str, environ: Mapping[str, str]) -> str | None:
    """
    Return the commit that a ref of another repository has now, as BuildKit chooses it.

    A branch before a tag of the same name, and of a tag with a message the commit behind it. The
    user's own settings of git count (proxies, logins); a repository's here do not.

    Args:
        url: http, https, ssh, git, or `user@host:path`.
        ref: A branch, a tag, or `refs/…`; empty for the default branch.
        environ: The variables.
    """
    wanted = ref or "HEAD"
    options = (*SAFE, *_OF_OTHERS, "ls-remote", "--", url, wanted, f"{wanted}^{{}}")
    variables = environment(environ) | _REMOTE
    text = _run(Path("/"), variables, options, _NETWORK_TIMEOUT_SECONDS) or ""
    found = {name: commit for commit, _, name in (line.partition("\t") for line in text.splitlines())}
    full = f"refs/{ref.removeprefix('refs/')}"
    names = (f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", f"{full}^{{}}", full)
    return _object_of(next((found[name] for name in (names if ref else ("HEAD",)) if name in found), None))


def work_tree(folder: Path, environ: Mapping[str, str]) -> WorkTree | None:
    """Return the work tree that a folder is in; None without one, or one that git does not trust."""
    asked = ("--path-format=absolute", "--show-toplevel", "--git-path", "index", "--show-object-format")
    match (_ask(folder, environ, "rev-parse", *asked) or "").split("\n"):
        case [top, index, "sha1" | "sha256" as algorithm]:
            return WorkTree(top, index, 20 if algorithm == "sha1" else 32)
        case _:
            return None


# What reads another repository may use the network, but asks nobody and follows nobody.
_OF_OTHERS = ("-c", "http.followRedirects=false", "-c", "core.askPass=")
_REMOTE = {
    "GIT_ALLOW_PROTOCOL": "http:https:ssh:git",
    "GIT_DIR": "/dev/null",  # no repository, and so none's settings
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
}
_REFS = ("CI_COMMIT_BRANCH", "CI_COMMIT_REF_NAME", "CI_COMMIT_TAG", "GITHUB_REF_NAME")


def _object_of(text: str | None) -> str | None:
    return text if text is not None and _OBJECT.fullmatch(text) else None


def _time_of(text: str | None) -> datetime | None:
    """Read GitLab's ISO 8601; anything else is not known."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time.astimezone(UTC) if time.tzinfo else None


def _committed(commit: str | None) -> datetime | None:
    """Read the committer's line: `committer NAME <MAIL> 1700000000 +0100`."""
    found = re.search(
        r"^committer .*> (\d{1,11}) [+-]\d{4}$", (commit or "").partition("\n\n")[0], re.MULTILINE
    )
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def _ask(folder: Path, environ: Mapping[str, str], *arguments: str) -> str | None:
    # Without one git finds nothing, which a process need not be started for.
    above = folder.absolute()
    if not any(os.path.lexists(each / ".git") for each in (above, *above.parents)):
        return None
    return _run(folder, environment(environ), (*SAFE, *arguments))


def _run(
    folder: Path, environ: Mapping[str, str], arguments: Sequence[str], seconds: float = _TIMEOUT_SECONDS
) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603  # no shell; what comes from outside stands after --
            ["git", *arguments],  # noqa: S607  # as the user's PATH has it
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.decode("utf-8", "replace").strip() or None if answer.returncode == 0 else None
