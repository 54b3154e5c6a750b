"""File sets: the content of a selection as one number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import NamedTuple

from attrs import frozen

from hashtag.context.listing import Entry, Kind, Listing
from hashtag.context.selection import Selection
from hashtag.images.model import Modes

_NONE: Mapping[str, str] = MappingProxyType({})
_SPECIAL_BITS = 0o7000
_ALL_BITS = 0o7777
_OWNER_EXECUTES = 0o100
_USUAL_FOLDER = 0o755


@frozen
class FileSet:
    """
    What a build sees of a selection.

    Attributes:
        digest: Of the framed lines, 64 hex digits.
        count: Of the entries, the folder whose content is meant not among them.
        size: Of the files, in bytes.
        is_missing: The source is not in the context, and a setting allows it.
    """

    digest: str
    count: int
    size: int
    is_missing: bool = False

    def to_json(self) -> dict[str, object]:
        """Return what stands in a record."""
        document: dict[str, object] = {"digest": self.digest, "count": self.count, "bytes": self.size}
        return document | ({"missing": True} if self.is_missing else {})


MISSING = FileSet(sha256(b"").hexdigest(), 0, 0, is_missing=True)


class Line(NamedTuple):
    """
    One entry of a file set.

    Attributes:
        path: As the build sees it; empty for the folder whose content is meant.
        content: SHA-256 of a file's content or a link's text, in hex; `-` for all else.
    """

    path: str
    kind: str
    mode: str
    content: str

    def framed(self) -> bytes:
        """Return the bytes that are hashed: no path has a NUL, no other field a space."""
        path = as_bytes(self.path)
        return f"{self.kind} {self.mode} {self.content} ".encode() + path + b"\0"


def normalised_mode(entry: Entry, modes: Modes) -> int:
    """
    Return the permission bits that count, which are also those a staged copy gets.

    With `git`, what Git and a umask cannot change: the owner's x bit of files, and their setuid,
    setgid and sticky bits; folders are 0755.
    """
    if modes is Modes.FULL:
        return entry.mode & _ALL_BITS
    if entry.kind is Kind.FOLDER:
        return _USUAL_FOLDER
    return (0o755 if entry.mode & _OWNER_EXECUTES else 0o644) | (entry.mode & _SPECIAL_BITS)


def shown_mode(entry: Entry, modes: Modes) -> str:
    """Return how an entry's mode stands in its line: four octal digits; that of a link is nobody's."""
    return "-" if entry.kind is Kind.SYMLINK else f"{normalised_mode(entry, modes):04o}"


def lines(
    selection: Selection,
    listing: Listing,
    contents: Mapping[str, str],
    modes: Modes,
    capabilities: Mapping[str, str] = _NONE,
) -> Iterator[Line]:
    """
    Yield the entries of a file set, in the byte order of their paths.

    Args:
        contents: SHA-256 of each selected file, in hex, by its path in the context.
        capabilities: Of the files that have some and of which they count, in hex; they stand behind
            the mode.
    """
    for seen, path in sorted(selection.entries, key=lambda pair: as_bytes(pair[0])):
        if seen == "" or seen.endswith("/"):
            entry = listing.get(path)
            if entry is None or entry.kind is Kind.FOLDER:
                yield Line(seen, Kind.FOLDER.value, _own_mode(selection, entry, modes), "-")
                continue
        line = _line(seen, listing[path], contents, modes)
        yield line._replace(mode=f"{line.mode}+{capabilities[path]}") if path in capabilities else line


def _own_mode(selection: Selection, folder: Entry | None, modes: Modes) -> str:
    """Return the mode of the folder itself, `-` where it cannot be seen or is the usual one."""
    # It is not copied; where it is mounted, it is that of the mount, but for the context's root.
    if folder is None or not selection.is_mounted or normalised_mode(folder, modes) == _USUAL_FOLDER:
        return "-"
    return shown_mode(folder, modes)


def _line(seen: str, entry: Entry, contents: Mapping[str, str], modes: Modes) -> Line:
    mode = shown_mode(entry, modes)
    match entry.kind:
        case Kind.FILE:
            return Line(seen, entry.kind.value, mode, contents[entry.path])
        case Kind.SYMLINK | Kind.DEVICE:
            return Line(seen, entry.kind.value, mode, sha256(as_bytes(entry.target)).hexdigest())
        case Kind.FOLDER | Kind.FIFO | Kind.SOCKET:
            return Line(seen, entry.kind.value, mode, "-")


def file_set(
    selection: Selection,
    listing: Listing,
    contents: Mapping[str, str],
    modes: Modes,
    capabilities: Mapping[str, str] = _NONE,
) -> FileSet:
    """Return the digest, count and size of what a build sees; see `lines`."""
    found = list(lines(selection, listing, contents, modes, capabilities))
    size = sum(listing[path].size for _, path in selection.entries if path in listing)
    digest = sha256(b"".join(line.framed() for line in found)).hexdigest()
    return FileSet(digest, sum(1 for line in found if line.path), size)


def files_of(selection: Selection, listing: Listing) -> Iterator[str]:
    """Yield the paths whose content has to be hashed."""
    for _, path in selection.entries:
        entry = listing.get(path)
        if entry is not None and entry.kind is Kind.FILE:
            yield path


def as_bytes(text: str) -> bytes:
    """Return a text as it is hashed: UTF-8, and the bytes that PEP 383 made surrogates of."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that stand for nothing
        return text.encode("utf-8", "surrogatepass")
