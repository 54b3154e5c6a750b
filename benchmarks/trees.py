"""The trees that are measured: the same names, sizes and bytes on every machine."""

from __future__ import annotations

import math
import random
from pathlib import Path

_FILES_A_FOLDER = 7
_ROOT_FILES = "FROM scratch\nCOPY . /\n"


def plant(root: Path, files: int, *, median: int = 2700, seed: int = 5) -> None:
    """Make a build context of so many small files, seven a folder, log-normal sizes around 4 KB."""
    chance = random.Random(seed)
    root.mkdir(parents=True)
    (root / "Dockerfile").write_text(_ROOT_FILES)
    folders = [root]
    noise = chance.randbytes(8 * 1024 * 1024)
    for number in range(max(1, files // _FILES_A_FOLDER)):
        # Few levels and many: a new folder lies in one of those made before, early ones more often.
        parent = folders[int(len(folders) * chance.random() ** 2)] if number >= 40 else root
        folder = parent / f"{chance.choice(_WORDS)}{number}"
        folder.mkdir()
        folders.append(folder)
    for number in range(files - 1):
        folder = folders[1 + number % (len(folders) - 1)]
        size = min(int(chance.lognormvariate(math.log(median), 1.0)), 4 * 1024 * 1024)
        start = chance.randrange(len(noise) - size)
        name = f"{chance.choice(_WORDS)}-{number}{chance.choice(_ENDINGS)}"
        (folder / name).write_bytes(noise[start : start + size])


def plant_large(root: Path, megabytes: int, *, files: int = 8) -> None:
    """Make a build context of a few large files."""
    root.mkdir(parents=True)
    (root / "Dockerfile").write_text(_ROOT_FILES)
    block = random.Random(7).randbytes(1024 * 1024)
    for number in range(files):
        with (root / f"large-{number}.bin").open("wb") as file:
            for part in range(megabytes // files):
                file.write(number.to_bytes(4) + part.to_bytes(4) + block[8:])


# Leaves about eight files of ten of a planted tree.
IGNORE_FILE = """\
# what a project leaves out
**/*.log
**/*.tmp
**/node_modules
.git
dist
**/__pycache__
**/*.o
!**/keep.log
build/*
**/*.pyc
coverage
**/.cache
"""


def many_patterns(count: int = 112) -> str:
    """Return an ignore file of so many patterns, of the kinds that projects have."""
    kinds = ("**/*.ext{}", "**/folder{}", "top{}/sub", "/rooted{}", "**/cache{}/**", "name{}*")
    return "\n".join(kinds[number % len(kinds)].format(number) for number in range(count))


_WORDS = (
    "api",
    "web",
    "core",
    "test",
    "model",
    "view",
    "lib",
    "store",
    "job",
    "auth",
    "mail",
    "page",
    "unit",
)
_ENDINGS = (
    ".py",
    ".py",
    ".c",
    ".h",
    ".js",
    ".go",
    ".md",
    ".json",
    ".txt",
    ".log",
    ".tmp",
    ".o",
    ".rs",
    ".yaml",
)
