"""SELECT and HASH on disk: each context listed once, each selection of it hashed once."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from attrs import frozen

from hashtag.context.fileset import MISSING, FileSet, Line, file_set, files_of, lines
from hashtag.context.listing import Kind, Listing
from hashtag.context.selection import Selection, select
from hashtag.context.uses import Use
from hashtag.errors import HashtagError, Location, MissingSource, UnreadableFile
from hashtag.images.model import MissingSources, Modes
from hashtag.worktree.capabilities import capabilities
from hashtag.worktree.ignorefile import read_rules
from hashtag.worktree.known import Known, folder_of
from hashtag.worktree.memories import Memories, Memory
from hashtag.worktree.selected import hash_files
from hashtag.worktree.staging import stage
from hashtag.worktree.stat_cache import StatCache
from hashtag.worktree.tree import TreeContents
from hashtag.worktree.views import View, Views, Whole
from hashtag.worktree.walk import read_tree


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


class Contexts:
    """
    What the images of a project use of their contexts.

    Contexts that lie in each other are read in one walk, and what several images select of one is hashed
    once.

    Args:
        display: How messages call a path.
        workers: How many read; 1: this process alone; None: as many as seem best.
        stat_cache: The folder of the stat cache; None: every file is read.
        git_index: The folder where answers are remembered while git finds nothing changed; None: none is.
        progress: Called now and then with the files and bytes hashed so far.
    """

    def __init__(
        self,
        *,
        display: Callable[[Path], str] = str,
        workers: int | None = None,
        stat_cache: Path | None = None,
        git_index: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._display = display
        self._stat_cache = stat_cache
        self._memories = Memories(git_index, os.environ)
        self._workers = workers
        self._progress = progress
        self._hashed = (0, 0)
        self._expected: dict[ContextFolder, set[tuple[str, Modes]]] = {}
        self._known: dict[ContextFolder, Known] = {}
        self.warnings: list[str] = []

    def expect(self, context: ContextFolder, uses: Iterable[Use], modes: Modes) -> None:
        """Note what will be selected: what is known before the first look is read in the same walk."""
        folders = (folder_of(use, modes) for use in uses)
        wholes = self._expected.setdefault(context, set())
        wholes.update((folder, modes) for folder in folders if folder is not None)

    def listing(self, context: ContextFolder) -> Listing:
        """Return what is visible of a context; raise `UnreadableFile` or `IgnoreError`."""
        return self._get(context).listing

    def select(
        self,
        context: ContextFolder,
        uses: Mapping[Use, Location | None],
        missing: MissingSources,
        modes: Modes,
    ) -> None:
        """
        Find what each use takes.

        Raises:
            MissingSource: Unless `missing` says to warn.
        """
        memory = self._memory(context)
        asked = [use for use in uses if memory.file_set(use, modes) is None]
        if not asked:
            return
        known = self._get(context)
        for use in asked:
            if (use, modes) in known.sets or use in known.selections:
                continue
            whole = known.whole(use, modes)
            if whole is None:
                known.selections[use] = self._select(known, use, uses[use], missing)
            else:
                known.sets[use, modes] = whole

    def hash(self, context: ContextFolder) -> None:
        """Read the files of all selections that were not read yet."""
        known = self._known.get(context)
        if known is None:  # nothing had to be selected
            return
        selections = (selection for selection in known.selections.values() if selection)
        paths = {path for selection in selections for path in files_of(selection, known.listing)}
        unread = [path for path in paths if path not in known.contents]
        if unread:
            known.contents.update(
                hash_files(context.folder, unread, known.listing, workers=self._workers, count=self._count)
            )

    def file_set(self, context: ContextFolder, use: Use, modes: Modes) -> FileSet:
        """Return what a use takes, after `select` and `hash`."""
        memory = self._memory(context)
        found = memory.file_set(use, modes)
        if found is None:
            found = self._file_set(context, use, modes)
            memory.note(use, modes, found)
        return found

    def _file_set(self, context: ContextFolder, use: Use, modes: Modes) -> FileSet:
        known = self._get(context)
        if (use, modes) not in known.sets:
            selection = known.selection(use)
            known.sets[use, modes] = (
                MISSING
                if selection is None
                else file_set(
                    selection,
                    known.listing,
                    known.contents,
                    modes,
                    _capabilities(context, known, selection, modes),
                )
            )
        return known.sets[use, modes]

    def lines(self, context: ContextFolder, use: Use, modes: Modes) -> tuple[Line, ...]:
        """Return the entries of a use's file set, after `select` and `hash`."""
        known = self._get(context)
        selection = known.selection(use)
        if selection is None:
            return ()
        counted = _capabilities(context, known, selection, modes)
        return tuple(lines(selection, known.listing, known.contents, modes, counted))

    def staged(self, context: ContextFolder, uses: Iterable[Use]) -> frozenset[str]:
        """Return every path that has to be staged for these uses."""
        selections = (self._get(context).selection(use) for use in uses)
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
        selection = self._get(context).selection(use)
        return () if selection is None else tuple(dict.fromkeys(path for _, path in selection.entries))

    def contents(self, context: ContextFolder) -> Mapping[str, str]:
        """Return the SHA-256 of each file read so far, in hex, by its path in the context."""
        return self._get(context).contents

    def takes(self, context: ContextFolder, uses: Iterable[Use], path: str) -> bool:
        """Whether these uses take a path, something below it, or need it as a folder on the way."""
        memory = self._memory(context)
        return any(memory.ask("takes", use, path, partial(self._takes, context)) for use in uses)

    def _takes(self, context: ContextFolder, use: Use, path: str) -> bool:
        return self._get(context).takes(use, path)

    def takes_all_of(self, context: ContextFolder, uses: Iterable[Use], folder: str) -> bool:
        """Whether one of these uses takes all that is visible in a folder; empty is the root."""
        memory = self._memory(context)
        return any(memory.ask("takes all", use, folder, partial(self._takes_all, context)) for use in uses)

    def _takes_all(self, context: ContextFolder, use: Use, folder: str) -> bool:
        known = self._get(context)
        entry = known.listing.get(folder)
        if folder and (entry is None or entry.kind is not Kind.FOLDER):
            return False
        return known.takes_all_of(use, folder)

    def remember(self) -> None:
        """Write what was found for later runs, where that is asked for and can be done."""
        self._memories.write(lambda group: Views([self._view(each, group[0].folder) for each in group]))

    def _memory(self, context: ContextFolder) -> Memory:
        return self._memories.of(context, self._together)

    def _get(self, context: ContextFolder) -> Known:
        if context not in self._known:
            together = self._together(context)
            try:
                self._read(together)
            except HashtagError:
                if len(together) == 1:
                    raise
                # Another one's, perhaps.
                self._read([context])
        return self._known[context]

    def _together(self, context: ContextFolder) -> list[ContextFolder]:
        """Return the contexts that one walk reads, the outermost first."""
        waiting = {*self._expected, context} - self._known.keys()
        folders = {each: _real(each.folder) for each in waiting}
        outer = (folder for folder in folders.values() if folders[context].is_relative_to(folder))
        root = min(outer, key=lambda folder: len(folder.parts))
        within = [each for each in (*self._expected, context) if each in waiting]
        within = [each for each in dict.fromkeys(within) if folders[each].is_relative_to(root)]
        return sorted(within, key=lambda each: len(folders[each].parts))

    def _read(self, contexts: Sequence[ContextFolder]) -> None:
        root = contexts[0].folder
        views: list[View] = []
        wholes: list[Whole] = []
        numbers: list[dict[tuple[str, Modes], int]] = []
        for number, context in enumerate(contexts):
            view = self._view(context, root)
            found: dict[tuple[str, Modes], int] = {}
            for folder, modes in self._expected.get(context, ()):
                found[folder, modes] = len(wholes)
                wholes.append(Whole(number, f"{view.folder}/{folder}".strip("/"), modes))
            views.append(view)
            numbers.append(found)
        cache = None if self._stat_cache is None else StatCache.open(self._stat_cache, root)
        tree = read_tree(root, Views(views, wholes), workers=self._workers, cache=cache, count=self._count)
        for number, context in enumerate(contexts):
            listing = tree.listing(number, context.name)
            contents = ChainMap[str, str]({}, TreeContents(listing))  # type: ignore[arg-type]  # only read
            self._known[context] = Known(tree, listing, numbers[number], contents)

    def _view(self, context: ContextFolder, root: Path) -> View:
        if not context.folder.is_dir():
            raise UnreadableFile("the build context is no folder", where=self._display(context.folder))
        rules = None
        if context.ignore_file is not None:
            rules = read_rules(context.ignore_file, display=self._display)
        folder = _real(context.folder).relative_to(_real(root)).as_posix()
        return View("" if folder == "." else folder, rules)

    def _count(self, files: int, size: int) -> None:
        self._hashed = (self._hashed[0] + files, self._hashed[1] + size)
        if self._progress is not None:
            self._progress(*self._hashed)

    def _select(
        self, known: Known, use: Use, location: Location | None, missing: MissingSources
    ) -> Selection | None:
        try:
            return select(known.listing, use, location)
        except MissingSource as error:
            if missing is MissingSources.ERROR:
                raise
            self.warnings.append(str(error))
            return None


def _real(folder: Path) -> Path:
    # Unlike Path.resolve, it knows no error: a loop is found where it is opened.
    return Path(os.path.realpath(folder))


def _capabilities(
    context: ContextFolder, known: Known, selection: Selection, modes: Modes
) -> Mapping[str, str]:
    if modes is Modes.GIT:
        return {}
    return capabilities(context.folder, files_of(selection, known.listing))
