"""The command in a process of its own, started from one that has loaded all of it already."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

_LOADED = [
    "hashtag.cli.apply",
    "hashtag.cli.main",
    "hashtag.cli.promote",
    "hashtag.cli.run",
    "hashtag.project.building",
    "hashtag.project.promoting",
    "hashtag.registry.router",
    "httpx",
]


def start(folder: Path, argv: Sequence[str], environ: Mapping[str, str]) -> BaseProcess:
    """Start `hashtag` in a folder; what it says goes to the file `said` there."""
    context = get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    process = context.Process(target=run, args=(str(folder), list(argv), dict(environ)), daemon=True)
    process.start()
    return process


def run(folder: str, argv: list[str], environ: dict[str, str]) -> None:
    """Be `hashtag`; end with its status."""
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    from hashtag.cli.main import main

    status = main(argv)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
