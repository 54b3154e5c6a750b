"""The processes of builders: started, heard, and ended when their pipeline is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import BinaryIO

from hashtag.errors import BuilderMissing, BuildFailed

_GRACE_SECONDS = 5.0


class Processes:
    """
    The builders that run now; any thread may start one.

    What they print goes to standard error. Each has a process group of its own, so that what a RUN
    started ends with it.

    Args:
        labels: Whether each line says whose it is: for several builds at once.
    """

    def __init__(self, *, labels: bool = False) -> None:
        self._labels = labels
        self._running: set[subprocess.Popen[bytes]] = set()
        self._is_stopped = False
        self._lock = Lock()

    def run(self, argv: Sequence[str], environ: Mapping[str, str], name: str) -> None:
        """
        Run a command to its end.

        Args:
            argv: The program and its arguments; never goes through a shell.
            environ: All that it sees.
            name: Of the image, for messages.

        Raises:
            BuildFailed: It ended with another status than 0.
            BuilderMissing: It cannot be started.
        """
        status = self._status(self._start(argv, environ), name)
        if status != 0:
            ended = f"status {status}" if status > 0 else signal.Signals(-status).name
            raise BuildFailed(f"{os.path.basename(argv[0])} ended with {ended}", where=name)  # noqa: PTH119

    def output(self, argv: Sequence[str], environ: Mapping[str, str], name: str) -> str:
        """Run a command and return what it prints on standard output, its lines stripped of spaces."""
        process = self._start(argv, environ, stdout=subprocess.PIPE, stderr=_standard_error())
        try:
            content, _ = process.communicate()
        finally:
            self._forget(process)
        if process.returncode != 0:
            raise BuildFailed(
                f"{os.path.basename(argv[0])} ended with status {process.returncode}",  # noqa: PTH119
                where=name,
            )
        return content.decode("utf-8", "replace").strip()

    def stop(self) -> None:
        """End all that run, and start no more."""
        with self._lock:
            self._is_stopped = True
            running = list(self._running)
        for process in running:
            _signal(process, signal.SIGTERM)
        for process in running:
            try:
                process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait()

    def _start(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        *,
        stdout: int | BinaryIO | None = None,
        stderr: int | BinaryIO = subprocess.STDOUT,
    ) -> subprocess.Popen[bytes]:
        out = (subprocess.PIPE if self._labels else _standard_error()) if stdout is None else stdout
        with self._lock:
            if self._is_stopped:
                raise KeyboardInterrupt
            try:
                process = subprocess.Popen(
                    list(argv),
                    env=dict(environ),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=stderr,
                    process_group=0,
                )
            except OSError as error:
                raise BuilderMissing(f"cannot be started: {error.strerror}", where=argv[0]) from error
            self._running.add(process)
            return process

    def _status(self, process: subprocess.Popen[bytes], name: str) -> int:
        try:
            for line in process.stdout or ():
                sys.stderr.buffer.write(f"{name} | ".encode() + line)
                sys.stderr.buffer.flush()
            return process.wait()
        finally:
            if process.stdout is not None:
                process.stdout.close()
            self._forget(process)

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.discard(process)


def _standard_error() -> int:
    sys.stderr.flush()
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError):  # replaced by something without a file
        return 2


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
