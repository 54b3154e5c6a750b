"""Selection: which entries of a build context one use takes, and what staging them needs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from attrs import frozen

from hashtag.context.listing import Kind, Listing
from hashtag.context.paths import Resolved, clean, resolve
from hashtag.context.uses import CopyUse, MountUse, Use, WholeUse
from hashtag.context.wildcards import glob, has_wildcard
from hashtag.errors import DockerfileError, Location, MissingSource

if TYPE_CHECKING:
    from hashtag.context.ignore import IgnoreRules


@frozen
class Selection:
    """
    What one use takes from a context.

    Attributes:
        entries: Pairs of the path as the build sees it and the path in the context. An empty
            first path is the folder whose content is meant.
        links: The links of the context that were followed.
        is_mounted: The folder itself can be seen, its mode, too.
    """

    entries: tuple[tuple[str, str], ...]
    links: frozenset[str] = frozenset()
    is_mounted: bool = False

    def staged(self) -> frozenset[str]:
        """Return every path of the context that has to exist for a builder to find the same."""
        paths: set[str] = set()
        for path in (*self.links, *(path for _, path in self.entries)):
            while path and path not in paths:
                paths.add(path)
                path = path.rpartition("/")[0]  # noqa: PLW2901  # walks up to the root
        return frozenset(paths)


def select(listing: Listing, use: Use, location: Location | None) -> Selection:
    """
    Return what a use takes.

    Raises:
        MissingSource: A literal source is not in the context, or ignored.
        DockerfileError: A pattern is malformed.
    """
    try:
        return _selected(listing, use, location)
    except DockerfileError as error:
        raise DockerfileError(error.what, where=error.location or location or "", hint=error.hint) from error


def _selected(listing: Listing, use: Use, location: Location | None) -> Selection:
    match use:
        case WholeUse():
            return Selection((("", ""), *((path, path) for path in listing)))
        case MountUse(_, source):
            return _mount(listing, source, location)
        case CopyUse(parents=True):
            return _parents(listing, use, location)
        case CopyUse():
            return _copy(listing, use, location)


def _missing(listing: Listing, source: str, location: Location | None) -> MissingSource:
    where = f"the context {listing.name}" if listing.name else "the build context"
    return MissingSource(
        f"{source!r} is not in {where}",
        where=location or "",
        hint="it does not exist, or .dockerignore leaves it out: hashtag context why "
        + shlex.quote(clean(source) or "."),
    )


# ── COPY and ADD ─────────────────────────────────────────────────────────────────────────────────


def _copy(listing: Listing, use: CopyUse, location: Location | None) -> Selection:
    source = clean(use.source)
    if not has_wildcard(source):
        end = resolve(listing, source)
        if end is None:
            raise _missing(listing, use.source, location)
        content = _content(listing, end, source.rpartition("/")[2], "", use.exclude)
        return Selection(tuple(content), frozenset(end.links))
    entries: list[tuple[str, str]] = []
    links: set[str] = set()
    for path, followed in glob(listing, source):
        # A match that is a link counts as what it leads to; one that leads nowhere as itself.
        end = resolve(listing, path) or Resolved(path, ())
        name = path.rpartition("/")[2]
        entries += _content(listing, end, name, name + "/", use.exclude)
        links |= {*followed, *end.links}
    return Selection(tuple(entries), frozenset(links))


def _content(
    listing: Listing, end: Resolved, name: str, prefix: str, exclude: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """Yield a file under its name, or what a folder holds under `prefix`."""
    entry = listing.get(end.path)
    if entry is not None and entry.kind is not Kind.FOLDER:
        yield name, end.path
        return
    yield prefix, end.path
    inner = ((path[len(end.path) :].lstrip("/"), path) for path in _below(listing, end.path))
    for relative, path in _without(inner, exclude, listing):
        yield prefix + relative, path


def _below(listing: Listing, folder: str) -> Iterator[str]:
    """Yield all paths below a folder, each folder before what it holds."""
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        names = listing.children(current)
        paths = [f"{current}/{name}" if current else name for name in names]
        yield from paths
        waiting.extend(path for path in reversed(paths) if listing[path].kind is Kind.FOLDER)


def _without(
    entries: Iterable[tuple[str, str]], exclude: tuple[str, ...], listing: Listing
) -> Iterable[tuple[str, str]]:
    if not exclude:
        return entries
    rules = _rules(exclude)
    found = list(entries)
    kept = [(relative, path) for relative, path in found if not rules.excludes(relative)]
    # An excluded folder is there as soon as something in it is.
    needed = {folder for relative, _ in kept for folder in _ancestors(relative)}
    files = {relative for relative, _ in kept}
    return [
        (relative, path)
        for relative, path in found
        if relative in files or (relative in needed and listing[path].kind is Kind.FOLDER)
    ]


def _rules(patterns: Iterable[str]) -> IgnoreRules:
    from hashtag.context.ignore import IgnoreRules  # with pathspec, which few images need

    return IgnoreRules.of(patterns)


def _ancestors(path: str) -> Iterator[str]:
    folder = path.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _parents(listing: Listing, use: CopyUse, location: Location | None) -> Selection:
    """Return the matches of `COPY --parents` with their folders, seen from the pivot `/./`."""
    base, pivot, pattern = use.source.partition("/./")
    if not pivot:
        base, pattern = "", use.source
    base, pattern = clean(base), clean(pattern)
    is_literal = not (has_wildcard(base) or has_wildcard(pattern))
    starts = [(base, resolve(listing, base))] if is_literal else list(_matches(listing, base))
    entries: list[tuple[str, str]] = []
    for name, start in starts:
        if start is not None:
            prefix = f"{name}/./" if has_wildcard(base) else ""
            entries += _matching_below(listing, start.path, pattern, prefix, use.exclude)
    # contenthash, RequiredPaths: neither behind a link nor excluded; `.` asks for nothing.
    if is_literal and not entries and (pattern or starts[0][1] is None):
        raise _missing(listing, use.source, location)
    return Selection(tuple(entries), frozenset(link for _, start in starts if start for link in start.links))


def _matches(listing: Listing, base: str) -> Iterator[tuple[str, Resolved | None]]:
    if not has_wildcard(base):
        yield base, resolve(listing, base)
        return
    for path, links in glob(listing, base):
        end = resolve(listing, path)
        yield path, end and Resolved(end.path, (*links, *end.links))


def _matching_below(
    listing: Listing, folder: str, pattern: str, prefix: str, exclude: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """Yield what matches below a folder, and the folders on the way to it."""
    inner = ((path[len(folder) :].lstrip("/"), path) for path in _below(listing, folder))
    entries = list(_without(inner, exclude, listing))
    rules = _rules((pattern,)) if pattern else None
    matched = {relative for relative, _ in entries if rules is None or rules.excludes(relative)}
    needed = matched | {above for relative in matched for above in _ancestors(relative)}
    if matched:
        yield prefix, folder
    yield from ((prefix + relative, path) for relative, path in entries if relative in needed)


# ── mounts ───────────────────────────────────────────────────────────────────────────────────────


def _mount(listing: Listing, source: str, location: Location | None) -> Selection:
    """Return what a bind mount shows; neither the name nor the place of its source can be seen."""
    end = resolve(listing, clean(source))
    if end is None:
        raise _missing(listing, source, location)
    entries = tuple(_content(listing, end, "", "", ()))
    return Selection(entries, frozenset(end.links), is_mounted=True)
