"""The command: arguments in, exit status out; every error as two lines on standard error."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence

from hashtag.cli.arguments import read
from hashtag.cli.log import logged
from hashtag.cli.terminal import begin, report, report_bug
from hashtag.errors import FAILED, FileNotWritten, HashtagError, UsageError

INTERRUPTED = 130
# What a shell reports for a program that SIGPIPE ended: `hashtag list | head`.
READER_LEFT = 141
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 failed, 2 usage, 3 denied, and so on."""
    _accept_any_text()
    begin()
    try:
        status = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except HashtagError as error:
        return report(error)
    except BrokenPipeError:
        _forget_output()
        return READER_LEFT
    except OSError as error:
        if error.errno not in _NO_ROOM:
            report_bug()
            return FAILED
        _forget_output()
        return report(FileNotWritten(f"cannot be written: {error.strerror}", where="standard output"))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception:  # noqa: BLE001  # a bug: all that is known of it belongs into the report
        report_bug()
        return FAILED
    return status


def _forget_output() -> None:
    # Python flushes standard output once more at its end, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(argv: Sequence[str]) -> int:
    try:
        arguments = read(argv)
    except SystemExit as done:  # --help and --version
        return int(done.code or 0)
    before = _go_to(arguments.folder)
    try:
        with logged(arguments.verbosity):
            return int(arguments.verb.run(arguments))
    finally:
        os.chdir(before)


def _go_to(folder: str) -> str:
    """Change the working directory; return the one before."""
    try:
        before = os.getcwd()  # noqa: PTH109  # every start would pay for pathlib
        os.chdir(folder)
    except OSError as error:
        raise UsageError(f"cannot go to {folder!r}: {error.strerror}", where="-C") from error
    return before


def _accept_any_text() -> None:
    """Let no name, whatever its characters, end the program where the terminal's encoding is small."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
