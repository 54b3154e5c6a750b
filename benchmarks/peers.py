"""What others do with the same tree: run by the Python of the peers' own environment."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path


def docker_tar(folder: str) -> None:
    """Write the tar that the Docker SDK sends to the engine, to nowhere."""
    from docker.utils.build import tar

    with Path(os.devnull).open("wb") as nowhere:
        tar(folder, fileobj=_Nowhere(nowhere))


class _Nowhere(io.RawIOBase):
    def __init__(self, file) -> None:
        self._file, self._size = file, 0

    def writable(self) -> bool:
        return True

    def write(self, content) -> int:
        self._size += len(content)
        return self._file.write(content)

    def tell(self) -> int:
        return self._size

    def seek(self, *_) -> int:
        return self._size


def taskgraph(folder: str) -> None:
    """Hash the context as taskgraph's docker images have it."""
    from taskgraph.util.docker import generate_context_hash

    print(generate_context_hash(folder, folder))


def dirhash(folder: str) -> None:
    """Hash names and contents with two processes."""
    from dirhash import dirhash as hashed

    print(hashed(folder, "sha256", jobs=2))


def checksumdir(folder: str) -> None:
    """Hash contents."""
    from checksumdir import dirhash as hashed

    print(hashed(folder, "sha256"))


if __name__ == "__main__":
    {"docker-tar": docker_tar, "taskgraph": taskgraph, "dirhash": dirhash, "checksumdir": checksumdir}[
        sys.argv[1]
    ](sys.argv[2])
