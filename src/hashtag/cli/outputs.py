"""Outputs: `-o KIND[=FILE]`, as often as one likes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from hashtag.errors import FileNotWritten
from hashtag.rendering import check_kind


class Output(NamedTuple):
    """A kind of document and the file it goes to; None is standard output."""

    kind: str
    path: Path | None = None

    def write(self, text: str) -> None:
        """Print the document, or replace the file by it."""
        if self.path is None:
            sys.stdout.write(text)
        else:
            write_file(self.path, text)


def add_output_option(parser: argparse.ArgumentParser, *kinds: str) -> None:
    """Add `-o KIND[=FILE]`; the first kind is what is printed without it."""
    parser.add_argument(
        "-o",
        "--output",
        dest="outputs",
        metavar="KIND[=FILE]",
        action="append",
        type=_reader(kinds),
        default=[],
        help=f"write a document, to FILE or standard output: {', '.join(kinds)} (default: {kinds[0]})",
    )
    parser.set_defaults(default_output=Output(kinds[0]))


def wanted(arguments: argparse.Namespace) -> Sequence[Output]:
    """Return the outputs asked for, or the default one."""
    return arguments.outputs or [arguments.default_output]


def files(arguments: argparse.Namespace) -> list[Path]:
    """Return the files that are about to be written."""
    return [output.path for output in getattr(arguments, "outputs", []) if output.path]


def write_all(outputs: Iterable[Output], render: Callable[[str], str]) -> None:
    """Write each output; all are rendered before the first is written."""
    texts = [(output, render(output.kind)) for output in outputs]
    for output, text in texts:
        output.write(text)


def write_file(path: Path, text: str) -> None:
    """Replace a file at once; raise `FileNotWritten`."""
    from hashtag.planning.file import replace_text

    try:
        replace_text(path, text)
    except OSError as error:
        raise FileNotWritten(f"cannot be written: {error.strerror}", where=str(path)) from error


def _reader(kinds: tuple[str, ...]) -> Callable[[str], Output]:
    def read(text: str) -> Output:
        kind, _, file = text.partition("=")
        return Output(check_kind(kind, kinds), Path(file) if file not in ("", "-") else None)

    return read
