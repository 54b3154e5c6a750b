"""Text files that the caller names: read whole within a limit, replaced at once.

`Plan.save` and `Plan.load` take a path by contract. This module is all they do to a file system,
and only at the path that is handed in.
"""

from __future__ import annotations

from hashlib import sha256
from posixpath import exists, isfile, realpath
from typing import Protocol, TypeAlias

# Bytes; a thousand images with their records take about a tenth of it.
SIZE_LIMIT = 64 * 1024 * 1024
# Where a name stands for something open, such as /dev/stdout, even if that is a file.
_NO_FILES = ("/dev/", "/proc/")


class _PathLike(Protocol):
    def __fspath__(self) -> str: ...


PathText: TypeAlias = str | _PathLike


def read_text(path: PathText) -> str:
    """
    Return a file's text.

    Raises:
        OSError: It cannot be read.
        ValueError: It is larger than 64 MiB or not UTF-8.
    """
    with open(_text(path), "rb") as file:  # noqa: PTH123  # pathlib belongs to the shell
        content = file.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        raise ValueError("the file is larger than 64 MiB")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"the file is not UTF-8: {error.reason} at byte {error.start}") from error


def replace_text(path: PathText, text: str) -> None:
    """
    Write a file: a reader sees the old text or the new, never half of one; raise OSError.

    A link stays one, what it leads to is written. What is no file (a device, a pipe) is written to.
    """
    from shutil import move  # slow to import, and a plan is rarely saved

    name = _text(path)
    if name.startswith(_NO_FILES) or (exists(name) and not isfile(name)):
        _write(name, text)
        return
    target = realpath(name)
    # The content names the file beside it: two writers of one name write the same bytes.
    beside = f"{target}.{sha256(text.encode()).hexdigest()[:16]}"
    _write(beside, text)
    move(beside, target)


def _write(name: str, text: str) -> None:
    with open(name, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123  # pathlib belongs to the shell
        file.write(text)


def _text(path: PathText) -> str:
    return path if isinstance(path, str) else path.__fspath__()
