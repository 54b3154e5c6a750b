"""A file of bases: JSON, reference → digest and config."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hashtag.errors import HashtagError, InvalidDocument
from hashtag.images.bases import BaseImage
from hashtag.planning import strict_json

_LIMIT = 16 * 1024 * 1024


def read_bases(file: str) -> dict[str, BaseImage]:
    """
    Return the bases of a file, `-` for standard input.

    Raises:
        InvalidDocument: With the path to the bad value.
        UnreadableFile: It cannot be read.
    """
    try:
        document = strict_json.parse(_content(file))
    except InvalidDocument as error:
        raise InvalidDocument(error.what, where=file) from error
    if not isinstance(document, dict):
        raise _unfit(file, "$", "an object is expected")
    return {reference: _base(file, reference, value) for reference, value in document.items()}


def _content(file: str) -> bytes:
    from hashtag.worktree.files import read_file

    if file != "-":
        return read_file(Path(file), limit=_LIMIT)
    content = sys.stdin.buffer.read(_LIMIT + 1)
    if len(content) > _LIMIT:
        raise InvalidDocument("more than 16 MiB", where="standard input")
    return content


def _base(file: str, reference: str, value: Any) -> BaseImage:
    path = f"$[{reference!r}]"
    if not isinstance(value, dict) or not isinstance(value.get("digest"), str):
        raise _unfit(file, path, 'a digest is expected: {"digest": "sha256:…"}')
    config, index = value.get("config"), value.get("index")
    if not isinstance(config, dict | None):
        raise _unfit(file, f"{path}.config", "an object is expected")
    if not isinstance(index, str | None):
        raise _unfit(file, f"{path}.index", "a digest is expected")
    try:
        return BaseImage(value["digest"], config or {}, index)
    except HashtagError as error:
        raise _unfit(file, path, error.what) from error


def _unfit(file: str, path: str, what: str) -> InvalidDocument:
    hint = '{"docker.io/library/debian:12": {"digest": "sha256:…", "config": {"Env": []}}}'
    return InvalidDocument(f"{what} @ {path}", where=file, hint=hint)
