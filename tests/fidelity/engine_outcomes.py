"""Every golden case's cache tag, or error, by each way to read files: printed by a process without threads.

python -m fidelity.engine_outcomes FOLDER
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import hashtag
from fidelity.buildkit_cases import Build, edits, write
from hashtag.worktree.crew import can_fork

_SETTLED_SECONDS = 2.2
_SECOND = 1.1


def _tag(build: Build, arguments: dict[str, Any], modes: str, **how: Any) -> str:
    bases = {name: hashtag.BaseImage(**base) for name, base in build.bases.items()}
    try:
        return hashtag.fingerprint(**arguments, bases=bases, modes=modes, remote_add="url", **how).tag
    except hashtag.HashtagError as error:
        return error.code


def _commit(folder: Path) -> None:
    """Let git have an index of all, which is younger than the files by more than it can tell."""
    time.sleep(_SECOND)
    for arguments in (["init", "--quiet"], ["add", "--force", "--all"]):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True)


def main(folder: Path) -> None:
    """Print the outcomes by engine, case and modes."""
    cases: dict[str, Build] = {}
    for edit in edits():
        if not edit.before.document.get("http"):
            cases.setdefault(edit.case, edit.before)
    planted = {
        (name, modes): write(build, folder / modes / name, http="http://127.0.0.1:1")
        for name, build in cases.items()
        for modes in ("full", "git")
    }
    _commit(folder)
    time.sleep(_SETTLED_SECONDS)  # younger files are not remembered
    engines: dict[str, dict[str, Any]] = {
        "serial": {"workers": 1},
        "forked": {"workers": 2},
        "filling the cache": {"workers": 1, "stat_cache": folder / "cache"},
        "cached": {"workers": 1, "stat_cache": folder / "cache"},
        "forked and cached": {"workers": 2, "stat_cache": folder / "cache"},
        "remembering": {"workers": 1, "git_index": folder / "cache"},
        "remembered": {"workers": 1, "git_index": folder / "cache"},
    }
    found: dict[str, dict[str, dict[str, str]]] = {}
    read: dict[str, set[tuple[str, str]]] = {engine: set() for engine in engines}
    for engine, how in engines.items():
        for (name, modes), arguments in planted.items():
            by_modes = found.setdefault(engine, {}).setdefault(name, {})
            sizes: list[int] = []
            how["progress"] = lambda _, size, sizes=sizes: sizes.append(size)
            by_modes[modes] = _tag(cases[name], arguments, modes, **how)
            if any(sizes):
                read[engine].add((name, modes))
    counts = {engine: len(each) for engine, each in read.items()}
    print(json.dumps({"outcomes": found, "forked": can_fork(), "read": counts}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
