"""SELECT and HASH on disk: each context listed once, each selection of it hashed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from attrs import define, field, frozen

from hashtag.context.fileset import MISSING, FileSet, Line, file_set, files_of, lines
from hashtag.context.listing import Kind, Listing
from hashtag.context.selection import Selection, select
from hashtag.context.uses import Use
from hashtag.errors import Location, MissingSource, UnreadableFile
from hashtag.images.model import MissingSources, Modes
from hashtag.worktree.hashing import hash_files
from hashtag.worktree.ignorefile import read_rules
from hashtag.worktree.staging import stage
from hashtag.worktree.walk import read_listing


@frozen
class ContextFolder:
    """
    A build context on disk.

    Attributes:
        folder: Absolute.
        ignore_file: The one that counts, or None.
        name: How messages call it; empty for the project's own folder.
    """

    folder: Path
    ignore_file: Path | None
    name: str = ""


@define
class _Known:
    listing: Listing
    selections: dict[Use, Selection | None] = field(factory=dict)
    contents: dict[str, str] = field(factory=dict)
    sets: dict[tuple[Use, Modes], FileSet] = field(factory=dict)


class Contexts:
    """
    What the images of a project use of their contexts.

    Two images that share a folder and an ignore file share its listing, and what both select is
    hashed once.

    Args:
        display: How messages call a path.
        workers: Threads for large files; None: one a processor.
        progress: Called with the bytes hashed so far and in all.
    """

    def __init__(
        self,
        *,
        display: Callable[[Path], str] = str,
        workers: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._display = display
        self._workers = workers
        self._progress = progress
        self._known: dict[ContextFolder, _Known] = {}
        self.warnings: list[str] = []

    def listing(self, context: ContextFolder) -> Listing:
        """Return what is visible of a context; raise `UnreadableFile` or `IgnoreError`."""
        return self._get(context).listing

    def select(
        self, context: ContextFolder, uses: Mapping[Use, Location | None], missing: MissingSources
    ) -> None:
        """
        Find what each use takes; nothing is read yet.

        Raises:
            MissingSource: Unless `missing` says to warn.
        """
        known = self._get(context)
        for use, location in uses.items():
            if use not in known.selections:
                known.selections[use] = self._select(known, use, location, missing)

    def hash(self, context: ContextFolder) -> None:
        """Read the files of all selections that were not read yet."""
        known = self._get(context)
        selections = (selection for selection in known.selections.values() if selection)
        paths = {path for selection in selections for path in files_of(selection, known.listing)}
        unread = paths - known.contents.keys()
        if unread:
            known.contents |= hash_files(
                context.folder, unread, known.listing, workers=self._workers, progress=self._progress
            )

    def file_set(self, context: ContextFolder, use: Use, modes: Modes) -> FileSet:
        """Return what a use takes, after `select` and `hash`."""
        known = self._get(context)
        selection = known.selections[use]
        if selection is None:
            return MISSING
        if (use, modes) not in known.sets:
            known.sets[use, modes] = file_set(selection, known.listing, known.contents, modes)
        return known.sets[use, modes]

    def lines(self, context: ContextFolder, use: Use, modes: Modes) -> tuple[Line, ...]:
        """Return the entries of a use's file set, after `select` and `hash`."""
        known = self._get(context)
        selection = known.selections[use]
        return () if selection is None else tuple(lines(selection, known.listing, known.contents, modes))

    def staged(self, context: ContextFolder, uses: Iterable[Use]) -> frozenset[str]:
        """Return every path that has to be staged for these uses."""
        selections = (self._get(context).selections[use] for use in uses)
        return frozenset(path for selection in selections if selection for path in selection.staged())

    def stage(self, context: ContextFolder, uses: Iterable[Use], modes: Modes, target: Path) -> None:
        """
        Make the folder `target` with all that these uses need, after `hash`.

        Raises:
            StalePlan: A file is not what was hashed any more.
            UnsupportedBuild: A device, which only root can make.
        """
        known = self._get(context)
        stage(target, context.folder, self.staged(context, uses), known.listing, known.contents, modes)

    def taken(self, context: ContextFolder, use: Use) -> tuple[str, ...]:
        """Return the paths in the context that a use takes, after `select`."""
        selection = self._get(context).selections[use]
        return () if selection is None else tuple(dict.fromkeys(path for _, path in selection.entries))

    def contents(self, context: ContextFolder) -> Mapping[str, str]:
        """Return the SHA-256 of each file read so far, in hex, by its path in the context."""
        return self._get(context).contents

    def whole_folders(self, context: ContextFolder, uses: Iterable[Use]) -> frozenset[str]:
        """Return the folders of which these uses take all that is visible; empty is the root."""
        known = self._get(context)
        return frozenset(
            path
            for use in uses
            if (selection := known.selections[use])
            for _, path in selection.entries
            if path == "" or known.listing[path].kind is Kind.FOLDER
        )

    def _get(self, context: ContextFolder) -> _Known:
        if context not in self._known:
            self._known[context] = _Known(self._read(context))
        return self._known[context]

    def _read(self, context: ContextFolder) -> Listing:
        if not context.folder.is_dir():
            raise UnreadableFile("the build context is no folder", where=self._display(context.folder))
        rules = None
        if context.ignore_file is not None:
            rules = read_rules(context.ignore_file, display=self._display)
        return read_listing(context.folder, rules, name=context.name)

    def _select(
        self, known: _Known, use: Use, location: Location | None, missing: MissingSources
    ) -> Selection | None:
        try:
            return select(known.listing, use, location)
        except MissingSource as error:
            if missing is MissingSources.ERROR:
                raise
            self.warnings.append(str(error))
            return None
