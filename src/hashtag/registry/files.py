"""Files that several processes write: replaced at once, and locked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from hashtag.errors import ManifestMissing, RegistryError

_PIECE = 256 * 1024


def replace(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file at once, so that a reader sees the old bytes or the new ones; an error leaves the old."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".hashtag-", delete=False) as file:
        temporary = Path(file.name)
        try:
            for piece in (content,) if isinstance(content, bytes) else content:
                file.write(piece)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    try:
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def pieces_of(path: Path, where: str) -> Iterator[bytes]:
    """Yield a file's bytes; raise `ManifestMissing` where it is not there."""
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
    except (FileNotFoundError, NotADirectoryError):
        raise ManifestMissing("not in the layout", where=where) from None
    except OSError as error:
        raise RegistryError(f"cannot be read: {error.strerror}", where=str(path)) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file against other processes; does nothing where the system has no such locks."""
    try:
        from fcntl import LOCK_EX, flock
    except ImportError:  # pragma: no cover — Windows
        yield
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise RegistryError(f"cannot be written: {error.strerror}", where=str(path)) from error
    with file:
        flock(file, LOCK_EX)
        yield
