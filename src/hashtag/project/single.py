"""One image without a project."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag.context.fingerprint import Fingerprint
from hashtag.errors import raise_all
from hashtag.images.bases import BaseImage, KnownBases
from hashtag.images.model import ContextFiles, Image, Modes, RemoteAdd
from hashtag.oci.platform import Platform
from hashtag.project.arguments import context_text, not_bases, not_texts, text, word
from hashtag.project.workspace import Progress, Workspace

if TYPE_CHECKING:
    from hashtag.oci.ports import Reader


def fingerprint(
    context: Path | str,
    *,
    dockerfile: Path | str | None = None,
    target: str | None = None,
    build_args: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    platform: str = "linux/amd64",
    build_contexts: Mapping[str, Path | str] | None = None,
    bases: KnownBases | Mapping[str, BaseImage] | None = None,
    registry: Reader | None = None,
    modes: str = "git",
    context_files: str = "used",
    remote_add: str = "fetch",
    workers: int | None = None,
    stat_cache: Path | None = None,
    git_index: Path | None = None,
    progress: Progress | None = None,
) -> Fingerprint:
    """
    Return the fingerprint of one image, without a project.

    Args:
        context: The build context, a folder.
        dockerfile: Default: `Dockerfile`, or `dockerfile`, in the context.
        target: A stage's name; default: the last stage.
        build_contexts: By name: a folder, `docker-image://…` or `oci-layout://…`.
        bases: By reference as written, with or without its digest; asked before any registry.
        registry: For bases that are not in `bases`; None: an unknown base is an error.
        modes: `git` or `full`.
        context_files: `used` or `all`.
        remote_add: `fetch`, `url` or `refuse`.
        workers: How many read files, 1: this process alone; default: as many as seem best.
        stat_cache: The folder of the stat cache; None: every file is read.
        git_index: The folder where results are kept while git sees no change; None: none is.
        progress: Called now and then with the files and bytes hashed so far.

    Raises:
        UsageError: An argument is of the wrong kind, or a word that is none of those above.
        HashtagError: BuildKit would refuse the build, or a base or a source is unknown.
    """
    from hashtag.worktree.ignorefile import find_dockerfile

    texts = {"build_args": build_args, "labels": labels}
    raise_all(each for name, given in texts.items() for each in not_texts(name, given or {}))
    raise_all(not_bases(bases or {}))
    folder = Path(context)
    path = find_dockerfile(folder) if dockerfile is None else Path(dockerfile)
    image = Image(
        name="image",
        dockerfile=str(path.absolute()),
        context=str(folder.absolute()),
        target=target,
        arguments=dict(build_args or {}),
        labels=dict(labels or {}),
        platforms=(Platform.asked(text("platform", platform)),),
        contexts={name: context_text(name, value) for name, value in (build_contexts or {}).items()},
        modes=word("modes", modes, Modes),
        context_files=word("context_files", context_files, ContextFiles),
        remote_add=word("remote_add", remote_add, RemoteAdd),
    )
    workspace = Workspace(folder=Path.cwd(), images=(image,))
    hashed = workspace.hash(
        (),
        bases if isinstance(bases, KnownBases) else KnownBases(bases),
        registry,
        at=datetime.now(UTC),
        workers=workers,
        stat_cache=stat_cache,
        git_index=git_index,
        progress=progress,
    )
    raise_all(hashed.errors.values())
    hashed.hashing.contexts.remember()
    return next(iter(hashed.fingerprints.found["image"].values()))
