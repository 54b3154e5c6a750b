"""Copies: what COPY and ADD take, and where they put it (BuildKit dockerfile2llb convert_copy.go)."""

from __future__ import annotations

import re

from hashtag.dockerfile.expansion import expand_raw
from hashtag.dockerfile.instruction import Copy
from hashtag.errors import DockerfileError, Location
from hashtag.images.lowered import CopyOperation, Inline, MainContext, Origin
from hashtag.images.paths import destination_path
from hashtag.images.state import StageState

# BuildKit dfgitutil, ParseGitRef: an HTTP URL is a repository only with .git at the end of its path.
_GIT = re.compile(
    r"(?:git|ssh)://|[A-Za-z0-9_-]+@[A-Za-z0-9.-]+:|https?://[^?#]*\.git(?:[?#]|$)",
)
_URL = re.compile(r"https?://")
_OCTAL = re.compile(r"[0-7]+")
_TOP_MODE = 0o7777


def copy_operation(state: StageState, instruction: Copy) -> CopyOperation:
    """Return what a COPY or ADD does."""
    at = instruction.location
    named = instruction.source_locations or (at,) * len(instruction.sources)
    words = tuple(map(state.expand, instruction.sources, named))
    remotes = tuple(word for word in words if instruction.is_add and is_remote(word))
    paths = tuple(word for word in words if word not in remotes)
    places = zip(words, named, strict=True)
    chmod = _mode(state.expand(instruction.chmod or "", at), at)
    # Archives of the context are extracted unless ADD says otherwise, fetched ones only if it says so.
    unpack = instruction.is_add if instruction.unpack is None else instruction.unpack
    return CopyOperation(
        origin=_origin(state, instruction),
        sources=paths,
        source_locations=tuple(place for word, place in places if word not in remotes),
        remotes=remotes,
        written=words if paths and remotes else (),
        inline=_inline(state, instruction),
        destination=destination_path(
            state.config.working_dir or "/", _current(state.expand(instruction.destination, at))
        ),
        chown=state.expand(instruction.chown or "", at),
        chmod=chmod,
        # dispatchCopy: with a mode there is no MergeOp, and --link says nothing.
        link=instruction.link and not chmod,
        parents=instruction.parents and bool(paths),
        exclude=instruction.exclude,
        unpack=unpack and bool(paths),
        unpack_remotes=bool(instruction.unpack) and any(not is_git(remote) for remote in remotes),
        checksum=state.expand(instruction.checksum or "", at),
        keep_git_dir=bool(instruction.keep_git_dir) and any(is_git(remote) for remote in remotes),
        location=at,
    )


def _origin(state: StageState, instruction: Copy) -> Origin:
    if instruction.source is None:
        return MainContext()
    return state.copy_origin(instruction.source, instruction.source_location or instruction.location)


def _inline(state: StageState, instruction: Copy) -> tuple[Inline, ...]:
    variables, at = state.environment.variables, instruction.location
    return tuple(
        Inline(h.name, expand_raw(h.content, variables, location=at) if h.expand else h.content)
        for h in instruction.heredocs
    )


def is_remote(source: str) -> bool:
    """Whether a source of ADD is a URL or a Git reference."""
    return bool(_URL.match(source) or is_git(source))


def is_git(source: str) -> bool:
    """Whether a source of ADD is a Git repository."""
    return bool(_GIT.match(source))


def _current(destination: str) -> str:
    # pathRelativeToWorkingDir: "" and "." are the working folder, as a folder.
    return "./" if destination in ("", ".") else destination


def _mode(text: str, at: Location) -> str:
    if not _OCTAL.fullmatch(text):
        if text.isdecimal():
            raise DockerfileError(f"not a mode: {text!r}", where=at, hint="--chmod=0755, at most 07777")
        return text
    mode = int(text, 8)
    if mode > _TOP_MODE:
        raise DockerfileError(f"not a mode: {text!r}", where=at, hint="--chmod=0755, at most 07777")
    return f"{mode:04o}"
