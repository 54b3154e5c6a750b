"""hashtag context: what a build sees of its context, and why it does not see more."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NamedTuple

from hashtag.cli.arguments import Parser
from hashtag.cli.options import open_project
from hashtag.errors import HashtagError, UnknownImage, UnreadableFile, UsageError, did_you_mean
from hashtag.rendering.escape import visible


class _Context(NamedTuple):
    folder: Path
    dockerfile: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    acts = parser.add_subparsers(metavar="ls|why", required=True, parser_class=Parser)
    ls = acts.add_parser("ls", help="print the paths that a build sees", allow_abbrev=False)
    ls.add_argument(
        "of", metavar="IMAGE|FOLDER", nargs="?", default=".", help="whose context (default: this folder)"
    )
    ls.add_argument("-f", "--file", metavar="FILE", help="the Dockerfile, whose own ignore file holds")
    ls.add_argument("-0", "--null", action="store_true", help="end each path with NUL, byte for byte")
    ls.set_defaults(act=_list)
    why = acts.add_parser("why", help="print which line hides a path", allow_abbrev=False)
    why.add_argument("path", metavar="PATH", help="from the context")
    why.add_argument(
        "of", metavar="IMAGE|FOLDER", nargs="?", default=".", help="whose context (default: this folder)"
    )
    why.add_argument("-f", "--file", metavar="FILE", help="the Dockerfile, whose own ignore file holds")
    why.set_defaults(act=_explain)


def run(arguments: argparse.Namespace) -> int:
    """List or explain."""
    return int(arguments.act(arguments))


def _list(arguments: argparse.Namespace) -> int:
    from hashtag.worktree.files import list_context

    for path in list_context(*_context(arguments)):
        if arguments.null:
            sys.stdout.buffer.write(os.fsencode(path) + b"\0")
        else:
            print(visible(path))
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    from hashtag.worktree.ignorefile import find_ignore_file, read_rules

    context = _context(arguments)
    file, path = find_ignore_file(*context), _inside(context.folder, arguments.path)
    reason = read_rules(file).why(path) if file else None
    if reason:
        line, pattern = reason
        print(f"{visible(path)}: ignored by {visible(str(file))}:{line}: {visible(pattern)}")
    elif os.path.lexists(context.folder / path):
        print(f"{visible(path)}: seen")
    else:
        raise UnreadableFile("no pattern hides it, but it is not there", where=str(context.folder / path))
    return 0


def _inside(folder: Path, path: str) -> str:
    """Return a path from the context, whether it is written from there or from anywhere."""
    relative = os.path.relpath(path, folder.absolute()) if path.startswith("/") else os.path.normpath(path)
    if relative.split("/")[0] == "..":
        raise UsageError(f"{path!r} is outside the context", where=str(folder))
    return relative


def _context(arguments: argparse.Namespace) -> _Context:
    dockerfile = Path(arguments.file) if arguments.file else None
    of: str = arguments.of
    is_folder = Path(of).is_dir()
    if is_folder and of.startswith((".", "/")):  # no image is called so
        return _Context(Path(of), dockerfile)
    try:
        project = open_project(arguments)
    except HashtagError:
        if is_folder:
            return _Context(Path(of), dockerfile)
        raise
    images = {image.name: image for image in project.images}
    if is_folder and of not in images:
        return _Context(Path(of), dockerfile)
    if of not in images:
        hint = did_you_mean(of, images) or "hashtag list"
        raise UnknownImage(f"there is no image and no folder {of!r}", hint=hint)
    image, folder = images[of], project.settings.folder
    return _Context(_from_here(folder / image.context), dockerfile or _from_here(folder / image.dockerfile))


def _from_here(path: Path) -> Path:
    return Path(os.path.relpath(path))
