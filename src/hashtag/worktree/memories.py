"""Memories: the answers about contexts that `git_index` remembers, by context and question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hashtag.context.fileset import FileSet
from hashtag.context.uses import Use
from hashtag.images.model import Modes

if TYPE_CHECKING:
    from hashtag.worktree.contexts import ContextFolder
    from hashtag.worktree.git_index import Remembered
    from hashtag.worktree.views import Views


class Memory:
    """
    What is known of one context without a look at it.

    Args:
        remembered: Of the contexts that are read together; None: nothing is, nor will be.
        number: Of the context among these.
    """

    def __init__(self, remembered: Remembered | None, number: int) -> None:
        self._remembered, self._number = remembered, str(number)

    def ask(self, question: str, use: Use, path: str, find: Callable[[Use, str], bool]) -> bool:
        """Return the answer to a question about a use and a path, found out where it is not known."""
        answer = self._get(question, repr(use), path)
        if answer is None:
            answer = find(use, path)
            self._note(answer, question, repr(use), path)
        return bool(answer)

    def file_set(self, use: Use, modes: Modes) -> FileSet | None:
        """Return the file set of a use, if it is known."""
        answer = self._get("file set", repr(use), modes.value)
        return None if answer is None else FileSet(*answer)

    def note(self, use: Use, modes: Modes, found: FileSet) -> None:
        """Take the file set of a use; not of one that is missing, as a warning is due each time."""
        if not found.is_missing:
            self._note((found.digest, found.count, found.size), "file set", repr(use), modes.value)

    def _get(self, *question: str) -> Any:
        return None if self._remembered is None else self._remembered.get((self._number, *question))

    def _note(self, answer: object, *question: str) -> None:
        if self._remembered is not None:
            self._remembered.note((self._number, *question), answer)


class Memories:
    """
    The memories of contexts.

    Args:
        folder: The cache's; None: nothing is remembered.
        environ: The variables, for git.
    """

    def __init__(self, folder: Path | None, environ: Mapping[str, str]) -> None:
        self._folder, self._environ = folder, environ
        self._groups: list[tuple[Remembered, Sequence[ContextFolder]]] = []
        self._memories: dict[ContextFolder, Memory] = {}

    def of(
        self, context: ContextFolder, together: Callable[[ContextFolder], Sequence[ContextFolder]]
    ) -> Memory:
        """
        Return the memory of a context.

        Args:
            together: Returns those that one walk reads with it, the outermost first.
        """
        if self._folder is None:
            return Memory(None, 0)
        if context not in self._memories:
            from hashtag.worktree.git_index import Remembered

            group = together(context)
            remembered = Remembered(self._folder, group, self._environ)
            self._groups.append((remembered, group))
            found = {each: Memory(remembered, number) for number, each in enumerate(group)}
            self._memories = {**found, **self._memories}
        return self._memories[context]

    def write(self, views: Callable[[Sequence[ContextFolder]], Views]) -> None:
        """Write what is new; `views` returns how contexts that are read together see their root."""
        for remembered, group in self._groups:
            remembered.write(partial(views, group))
