"""The contexts of one image: where they are, what the image uses of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from hashtag.context.fileset import FileSet, Line
from hashtag.context.uses import MAIN, CopyUse, MountUse, Use, WholeUse, uses
from hashtag.errors import Location
from hashtag.images.lowered import Lowered
from hashtag.images.model import ContextFiles, Image
from hashtag.worktree.contexts import ContextFolder, Contexts
from hashtag.worktree.ignorefile import DEFAULT_IGNORE_FILE, find_ignore_file, read_rules


def context_of_use(use: Use) -> str:
    """Return the name of the context that a use takes from; empty for the main one."""
    match use:
        case CopyUse(context) | MountUse(context) | WholeUse(context):
            return context


@frozen
class ImageContexts:
    """
    One image's view of the contexts.

    Attributes:
        folder: The project's folder.
        contexts: Shared by all images.
    """

    folder: Path
    image: Image
    contexts: Contexts

    def uses(self, lowered: Lowered) -> dict[Use, Location | None]:
        """Return all uses of a lowered build; all of the main context where a setting says so."""
        found = uses(lowered)
        if self.image.context_files is ContextFiles.ALL:
            found.setdefault(WholeUse(MAIN), None)
        return found

    def expect(self, lowered: Lowered) -> None:
        """Note what the build will take of its contexts, before the first of them is read."""
        for name, taken in self._by_context(lowered).items():
            self.contexts.expect(self.context(name), taken, self.image.modes)

    def select(self, lowered: Lowered) -> None:
        """Find what the build takes of its contexts; raise `MissingSource`."""
        for name, taken in self._by_context(lowered).items():
            self.contexts.select(self.context(name), taken, self.image.missing_sources, self.image.modes)

    def file_sets(self, lowered: Lowered) -> dict[Use, FileSet]:
        """Return the file set of each use; its files are read now."""
        for name in self._by_context(lowered):
            self.contexts.hash(self.context(name))
        modes = self.image.modes
        return {
            use: self.contexts.file_set(self.context(context_of_use(use)), use, modes)
            for use in self.uses(lowered)
        }

    def lines(self, lowered: Lowered) -> dict[str, tuple[Line, ...]]:
        """Return the entries of each file set, by the file set's digest."""
        modes = self.image.modes
        found: dict[str, tuple[Line, ...]] = {}
        for use in self.uses(lowered):
            context = self.context(context_of_use(use))
            digest = self.contexts.file_set(context, use, modes).digest
            found[digest] = self.contexts.lines(context, use, modes)
        return found

    def staged(self, lowered: Lowered) -> dict[str, frozenset[str]]:
        """Return for each used context every path that a builder has to be given."""
        return {
            name: self.contexts.staged(self.context(name), taken)
            for name, taken in self._by_context(lowered).items()
        }

    def stage(self, builds: Iterable[Lowered], name: str, target: Path) -> None:
        """
        Make the folder `target` with all that builds of the image need of one context.

        Raises:
            StalePlan: A file is not what was hashed any more.
        """
        uses = {use: None for lowered in builds for use in self._by_context(lowered).get(name, {})}
        self.contexts.stage(self.context(name), uses, self.image.modes, target)

    def takes(self, lowered: Lowered, path: str) -> bool:
        """Whether a file of the main context is in the selection, or would be if it existed."""
        context = self.context(MAIN)
        taken = self._by_context(lowered).get(MAIN, {})
        if not taken or self.contexts.takes(context, taken, path):
            return bool(taken)
        rules = read_rules(context.ignore_file) if context.ignore_file else None
        is_visible = rules is None or not rules.excludes(path)
        return is_visible and self.contexts.takes_all_of(context, taken, path.rpartition("/")[0])

    def takes_now(self, lowered: Lowered, path: str) -> bool:
        """Whether something of the main context at or below a path is in the selection."""
        taken = self._by_context(lowered).get(MAIN, {})
        return bool(taken) and self.contexts.takes(self.context(MAIN), taken, path)

    def context(self, name: str) -> ContextFolder:
        """Return where a context is; the empty name is the main one."""
        if name == MAIN:
            folder = self.folder / self.image.context
            ignore_file = find_ignore_file(folder, self.folder / self.image.dockerfile)
            return ContextFolder(folder, ignore_file)
        folder = self.folder / self.image.contexts[name]
        own = folder / DEFAULT_IGNORE_FILE
        return ContextFolder(folder, own if own.is_file() else None, name)

    def _by_context(self, lowered: Lowered) -> dict[str, dict[Use, Location | None]]:
        found: dict[str, dict[Use, Location | None]] = {}
        for use, location in self.uses(lowered).items():
            found.setdefault(context_of_use(use), {})[use] = location
        return found
