"""
A tool for the report that hashes as many scripts do: the Dockerfile, the context's files, the arguments.

    python -m fidelity.report --tool "python tests/fidelity/example_tool.py"
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path


def fingerprint(build: dict) -> str:
    """Return what such a script would use as the tag."""
    hasher = hashlib.sha256(Path(build["dockerfile"]).read_bytes())
    context = Path(build["context"])
    for path in sorted(path for path in context.rglob("*") if path.is_file()):
        hasher.update(f"{path.relative_to(context)}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    hasher.update(json.dumps([build["build_args"], build["target"], build["platform"]]).encode())
    return hasher.hexdigest()


if __name__ == "__main__":
    print(fingerprint(json.load(sys.stdin)))
