"""Checksums: the same Dockerfile, whose `ADD https://…` gets what was hashed or nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import accumulate

from attrs import evolve

from hashtag.dockerfile.characters import BYTE_ORDER_MARK
from hashtag.dockerfile.instruction import Copy
from hashtag.dockerfile.parser import parse
from hashtag.dockerfile.script import script
from hashtag.dockerfile.stage import Dockerfile, Stage
from hashtag.errors import HashtagError
from hashtag.images.copies import is_git
from hashtag.images.lowered import CopyOperation, Lowered
from hashtag.images.pinned import PlaceKey, place_key

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ADD = re.compile(r"ADD(?=[ \t])", re.IGNORECASE)


def checksums(builds: Iterable[Lowered], remotes: Mapping[tuple[str, str], str]) -> dict[PlaceKey, str]:
    """
    Return the SHA-256 in hex of what each ADD fetches, by its place.

    BuildKit takes a checksum for one URL alone; and where platforms fetch different bodies there is none.

    Args:
        remotes: What stands for a source with its checksum: its digest comes last where it was fetched.
    """
    found: dict[PlaceKey, set[str]] = {}
    for build in builds:
        for operation in build.remote_copies():
            digest = remotes.get((operation.remotes[0], operation.checksum), "").rpartition(" ")[2]
            if _takes_checksum(operation) and _SHA256.fullmatch(digest):
                found.setdefault(place_key(operation.location), set()).add(digest)
    return {place: digests.pop() for place, digests in found.items() if len(digests) == 1}


def with_checksums(text: str, dockerfile: Dockerfile, wanted: Mapping[PlaceKey, str]) -> str:
    """
    Return a Dockerfile's text with `--checksum` in these ADDs; as it was where that would read otherwise.

    Args:
        text: Bytes that are not UTF-8 are surrogates (PEP 383).
        dockerfile: What was parsed from it.
    """
    starts = list(accumulate((len(line) for line in script(text, dockerfile.path).lines), initial=0))
    if text.startswith(BYTE_ORDER_MARK):  # columns do not count it
        starts[0] = len(BYTE_ORDER_MARK)
    done: dict[PlaceKey, str] = {}
    changed = text
    for place in sorted(wanted, reverse=True):
        line, column = place
        at = starts[line - 1] + column - 1
        if add := _ADD.match(text, at):  # else a trigger's, which stands in no file
            flag = f" --checksum=sha256:{wanted[place]}"
            changed = changed[: add.end()] + flag + changed[add.end() :]
            done[place] = f"sha256:{wanted[place]}"
    try:
        is_meant = parse(changed, dockerfile.path).stages == _expected(dockerfile.stages, done)
    except HashtagError:  # the line grew too long
        return text
    return changed if is_meant else text


def _takes_checksum(operation: CopyOperation) -> bool:
    others = operation.sources or operation.inline or operation.checksum
    return len(operation.remotes) == 1 and not others and not is_git(operation.remotes[0])


def _expected(stages: Iterable[Stage], done: Mapping[PlaceKey, str]) -> tuple[Stage, ...]:
    return tuple(
        evolve(
            stage,
            instructions=tuple(
                evolve(each, checksum=done[place_key(each.location)])
                if isinstance(each, Copy) and place_key(each.location) in done
                else each
                for each in stage.instructions
            ),
        )
        for stage in stages
    )
