"""Paired measurements: commands run in turn, so that a busy machine is busy for all of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Run(NamedTuple):
    """One run of a command: wall clock, and the most memory that one process of it held."""

    seconds: float
    kilobytes: int


class Command(NamedTuple):
    """A command, and what is done before each of its runs, outside the clock."""

    name: str
    argv: Sequence[str]
    before: Callable[[], object] | None = None
    folder: str | None = None


def run(command: Command) -> Run:
    """Run a command once."""
    if command.before is not None:
        command.before()
    start = time.perf_counter()
    process = subprocess.Popen(
        command.argv,
        cwd=command.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if not name.startswith("CI")},
    )
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(
            f"{command.name}: status {process.returncode}\n{errors.decode(errors='replace')[-2000:]}"
        )
    return Run(seconds, usage.ru_maxrss)


def interleaved(commands: Sequence[Command], rounds: int, *, warm: bool = True) -> list[list[Run]]:
    """Return the runs of each command: A B C A B C …, after one round that does not count."""
    if warm:
        for command in commands:
            run(command)
    runs: list[list[Run]] = [[] for _ in commands]
    for _ in range(rounds):
        for command, found in zip(commands, runs, strict=True):
            found.append(run(command))
    return runs


def ratio(runs: Sequence[Run], others: Sequence[Run]) -> float:
    """Return the median of the ratios within each round."""
    return statistics.median(a.seconds / b.seconds for a, b in zip(runs, others, strict=True))


def seconds(runs: Sequence[Run]) -> float:
    """Return the median."""
    return statistics.median(run.seconds for run in runs)


def megabytes(runs: Sequence[Run]) -> float:
    """Return the most memory of any process in any run."""
    return max(run.kilobytes for run in runs) / 1024
