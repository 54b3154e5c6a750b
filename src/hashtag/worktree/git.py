"""What git and the CI system know of the commit at hand."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from attrs import frozen

_TIMEOUT_SECONDS = 20
_NETWORK_TIMEOUT_SECONDS = 90
_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# A repository's own configuration may name programs. Of the commands below these could start one:
# the file-system monitor, and a fetch of missing objects from a remote of a scheme like ext::.
_SAFE = (
    "--no-pager",
    "--no-replace-objects",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "protocol.allow=never",
    "-c", "safe.bareRepository=explicit",
)  # fmt: skip


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
    options = (*_SAFE, *_OF_OTHERS, "ls-remote", "--", url, wanted, f"{wanted}^{{}}")
    variables = _environment(environ) | _REMOTE
    text = _run(Path("/"), variables, options, _NETWORK_TIMEOUT_SECONDS) or ""
    found = {name: commit for commit, _, name in (line.partition("\t") for line in text.splitlines())}
    full = f"refs/{ref.removeprefix('refs/')}"
    names = (f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", f"{full}^{{}}", full)
    return _object_of(next((found[name] for name in (names if ref else ("HEAD",)) if name in found), None))


class WorkTree(NamedTuple):
    """
    A work tree, and git's index of it.

    Attributes:
        folder: Its top, without links.
        index_file: The file with git's index.
        hash_size: Of its object ids, in bytes.
    """

    folder: str
    index_file: str
    hash_size: int


def work_tree(folder: Path, environ: Mapping[str, str]) -> WorkTree | None:
    """Return the work tree that a folder is in; None without one, or one that git does not trust."""
    asked = ("--path-format=absolute", "--show-toplevel", "--git-path", "index", "--show-object-format")
    match (_ask(folder, environ, "rev-parse", *asked) or "").split("\n"):
        case [top, index, "sha1" | "sha256" as algorithm]:
            return WorkTree(top, index, 20 if algorithm == "sha1" else 32)
        case _:
            return None


class Differences:
    """
    The files below a folder whose status is not what the index has, asked of git while others work.

    No content is compared, so that no filter is started: provided no entry is as young as the index.
    """

    def __init__(self, folder: bytes, tree: WorkTree, environ: Mapping[str, str]) -> None:
        # Whatever repository git finds now: this index, this work tree.
        pinned = {"GIT_INDEX_FILE": tree.index_file, "GIT_WORK_TREE": tree.folder}
        command = ["git", *_SAFE, *_BY_STATUS, *_DIFFERENCES]
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(  # noqa: S603  # no shell, nothing from outside
                command,
                cwd=folder,
                env=_environment(environ) | pinned,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            with self._process as process:
                process.kill()

    def paths(self) -> frozenset[bytes] | None:
        """Return the paths relative to the work tree; None where git failed, or had something to say."""
        if self._process is None:
            return None
        try:
            answer, complaints = self._process.communicate(timeout=_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        if self._process.returncode != 0 or complaints:
            return None
        return frozenset(answer.split(b"\0")[:-1])


# Whatever a repository's configuration says: look at every file, and compare all of its status.
_BY_STATUS = (
    "-c", "core.checkStat=default",
    "-c", "core.trustctime=true",
    "-c", "core.fileMode=true",
    "-c", "core.preloadIndex=true",
)  # fmt: skip
# Submodules are git's to look at only by starting git in them, with their configuration.
_DIFFERENCES = ("diff-files", "--name-only", "-z", "--no-ext-diff", "--ignore-submodules=all", "--", ".")

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
    return _run(folder, _environment(environ), (*_SAFE, *arguments))


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


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would lead git to another repository or make it write."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "",
        "LC_ALL": "C",
    }
