"""Files of the user's own cache folder: believed only where nobody else can have written them.

A line that names the format, the SHA-256 of all that follows, and that.
"""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path

_MOST = 512 * 1024 * 1024


def cache_path(folder: Path, prefix: str, subject: str) -> Path:
    """Return the file in the cache folder `folder` that is about `subject`."""
    name = sha256(subject.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return folder / f"{prefix}-{name}"


def read_cache(path: Path, form: bytes) -> bytes:
    """
    Return what a cache file holds.

    Args:
        form: The line that names the format, with its end, at most 64 bytes.

    Raises:
        ValueError: Another may have written it, or it is damaged or of another format.
        OSError: It cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        for status in (os.fstat(descriptor), path.parent.stat()):
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                raise ValueError(path)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST or file.readline(64) != form:
            raise ValueError(path)
        checksum, body = file.read(32), file.read()
    if sha256(body).digest() != checksum:
        raise ValueError(path)
    return body


def write_cache(path: Path, form: bytes, body: bytes) -> None:
    """Put a cache file in place of the one that is there, whole or not at all; raise OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    young = path.with_name(f"{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(young, flags, 0o600), "wb") as file:
            for part in (form, sha256(body).digest(), body):
                file.write(part)
        young.replace(path)
    finally:
        young.unlink(missing_ok=True)
