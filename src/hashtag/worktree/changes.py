"""What changed in the contexts of an image since it was planned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from hashtag.images.lowered import Lowered
from hashtag.worktree.descent import shown
from hashtag.worktree.image_contexts import ImageContexts, context_of_use


def changed_since(
    view: ImageContexts, builds: Iterable[Lowered], known: Collection[str], moment: datetime
) -> list[str]:
    """
    Return the files that an image takes and that were written after a moment, the youngest first.

    Args:
        view: The image's, after its contexts were hashed.
        builds: Of the image, one for each platform.
        known: The digests of the file sets that did not change.
        moment: When the image was planned.
    """
    times: dict[str, float] = {}
    for path in _changed(view, builds, known):
        try:
            status = path.lstat()
        except OSError:  # gone meanwhile
            continue
        # Who restores a file's time cannot restore when that was done.
        times[shown(path, "")] = max(status.st_mtime, status.st_ctime)
    young = [path for path, time in times.items() if time >= moment.timestamp()]
    return sorted(young, key=lambda path: -times[path])


def differences(before: ImageContexts, after: ImageContexts, builds: Iterable[Lowered]) -> list[str]:
    """Return the files that an image takes and whose content is another than before."""
    found: dict[str, None] = {}
    for lowered in builds:
        for use in before.uses(lowered):
            name = context_of_use(use)
            context = before.context(name)
            old, new = before.contexts.contents(context), after.contexts.contents(after.context(name))
            for path in before.contexts.taken(context, use):
                if old.get(path) != new.get(path):
                    found[shown(context.folder, path)] = None
    return list(found)


def _changed(view: ImageContexts, builds: Iterable[Lowered], known: Collection[str]) -> Iterator[Path]:
    for lowered in builds:
        for use, files in view.file_sets(lowered).items():
            if files.digest not in known:
                context = view.context(context_of_use(use))
                for path in view.contexts.taken(context, use):
                    yield context.folder / path
