"""What is known of one context: what was hashed on the walk, and what was looked at entry by entry."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

from attrs import define, field

from hashtag.context.fileset import FileSet
from hashtag.context.paths import clean
from hashtag.context.selection import Selection, select
from hashtag.context.uses import CopyUse, MountUse, Use, WholeUse
from hashtag.images.model import Modes
from hashtag.worktree.tree import Tree, TreeListing

_SPECIAL = frozenset("*?[\\")


def folder_of(use: Use, modes: Modes) -> str | None:
    """Return the folder of which a use takes all that is visible, if it is one; None if it may be another."""
    match use:
        case _ if modes is Modes.FULL:  # capabilities count, which the walk does not read
            return None
        case WholeUse():
            return ""
        case CopyUse(_, source, (), parents=False) if not _SPECIAL & set(source):
            return clean(source)
        case MountUse(_, source):
            return clean(source)
        case _:
            return None


@define
class Known:
    """
    One context.

    Attributes:
        wholes: By folder of the context and modes, the number of the Whole in the tree.
        contents: SHA-256 of each file read so far, in hex, by path.
        selections: Of the uses that were looked at entry by entry; None where the source is missing.
    """

    tree: Tree
    listing: TreeListing
    wholes: Mapping[tuple[str, Modes], int]
    contents: MutableMapping[str, str]
    selections: dict[Use, Selection | None] = field(factory=dict)
    sets: dict[tuple[Use, Modes], FileSet] = field(factory=dict)
    _whole_sets: dict[int, FileSet | None] = field(factory=dict)

    def whole(self, use: Use, modes: Modes) -> FileSet | None:
        """Return the file set of a use that was hashed on the walk."""
        folder = folder_of(use, modes)
        number = None if folder is None else self.wholes.get((folder, modes))
        if number is None:
            return None
        if number not in self._whole_sets:
            self._whole_sets[number] = self.tree.file_set(number)
        return self._whole_sets[number]

    def selection(self, use: Use) -> Selection | None:
        """Return what a use takes, entry by entry."""
        if use not in self.selections:
            self.selections[use] = select(self.listing, use, None)
        return self.selections[use]

    def takes(self, use: Use, path: str) -> bool:
        """Whether a use takes a path, something below it, or needs it as a folder on the way."""
        whole = self._folder(use)
        if whole is not None:
            return path in self.listing and (_is_in(path, whole) or _is_in(whole, path))
        selection = self.selection(use)
        return selection is not None and any(_is_in(each, path) for each in selection.staged())

    def takes_all_of(self, use: Use, folder: str) -> bool:
        """Whether a use takes all that is visible in a folder; empty is the root."""
        whole = self._folder(use)
        if whole is not None:
            return _is_in(folder, whole)
        selection = self.selection(use)
        return selection is not None and any(path == folder for _, path in selection.entries)

    def _folder(self, use: Use) -> str | None:
        """Return the folder that a use takes whole, if it was hashed on the walk."""
        for modes in Modes:
            if (use, modes) in self.sets and self.whole(use, modes) is not None:
                return folder_of(use, modes)
        return None


def _is_in(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")
