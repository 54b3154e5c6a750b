"""A context of a million files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

_FOLDERS = 1000
_FILES = 1000
# ext4 allows 65,000 names for one file.
_CONTENTS = 20
_MEGABYTES = 450

_SCRIPT = """
import json, resource, sys
from pathlib import Path
from hashtag.images.model import Modes
from hashtag.worktree.views import View, Views, Whole
from hashtag.worktree.walk import read_tree

found = read_tree(Path(sys.argv[1]), Views([View("", None)], [Whole(0, "", Modes.GIT)])).file_set(0)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps([found.digest, found.count, found.size, memory]))
"""


@pytest.fixture
def million() -> Iterator[Path]:
    """Return a tree of a million names for a few files; in memory where there is such a folder."""
    memory = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    try:
        for number in range(_CONTENTS):
            (root / f"content{number}").write_text(f"text {number}")
        for folder in range(_FOLDERS):
            (root / f"d{folder}").mkdir()
            descriptor = os.open(root / f"d{folder}", os.O_RDONLY)
            for file in range(_FILES):
                os.link(root / f"content{(folder + file) % _CONTENTS}", f"f{file}", dst_dir_fd=descriptor)
            os.close(descriptor)
        yield root
    finally:
        shutil.rmtree(root)


def framed() -> Iterator[tuple[str, bytes]]:
    """Yield path and line of each entry, as docs/fingerprint.md has them."""
    digests = [sha256(f"text {number}".encode()).hexdigest() for number in range(_CONTENTS)]
    for number, digest in enumerate(digests):
        yield f"content{number}", f"file 0644 {digest} content{number}\0".encode()
    for folder in range(_FOLDERS):
        yield f"d{folder}", f"dir 0755 - d{folder}\0".encode()
        for file in range(_FILES):
            path = f"d{folder}/f{file}"
            yield path, f"file 0644 {digests[(folder + file) % _CONTENTS]} {path}\0".encode()


def test_a_million_files_are_hashed_in_bounded_memory(million: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(million)], capture_output=True, text=True, check=True
    )

    digest, count, _, megabytes = json.loads(done.stdout)
    lines = sorted(framed())
    assert digest == sha256(b"dir - - \0" + b"".join(line for _, line in lines)).hexdigest()
    assert count == len(lines) == _CONTENTS + _FOLDERS * (_FILES + 1)
    assert megabytes < _MEGABYTES
