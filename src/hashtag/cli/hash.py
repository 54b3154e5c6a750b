"""hashtag hash [CONTEXT]: the cache tag of one image, no project needed."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag.cli.options import (
    add_base_options,
    add_memory_options,
    add_registry_options,
    asked_early,
    connect_anywhere,
    git_index_folder,
    known_bases,
    stat_cache_folder,
)
from hashtag.cli.outputs import add_output_option, wanted, write_all
from hashtag.cli.progress import progress
from hashtag.cli.values import one_of, pair
from hashtag.errors import UsageError

if TYPE_CHECKING:
    from hashtag.context.fingerprint import Fingerprint
    from hashtag.registry import Registry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line, in the words of `docker build`."""
    add_output_option(parser, "text", "json")
    parser.add_argument(
        "context", metavar="CONTEXT", nargs="?", default=".", help="a folder (default: this one)"
    )
    parser.add_argument("-f", "--file", metavar="FILE", help="the Dockerfile (default: the one in CONTEXT)")
    parser.add_argument("--target", metavar="STAGE", help="the stage to build (default: the last)")
    parser.add_argument("--build-arg", dest="arguments", metavar="NAME[=VALUE]", action="append", default=[])
    parser.add_argument(
        "--label",
        dest="labels",
        metavar="NAME=VALUE",
        action="append",
        type=pair("--label", "NAME=VALUE"),
        default=[],
    )
    parser.add_argument("--platform", metavar="OS/ARCHITECTURE", default="linux/amd64")
    parser.add_argument(
        "--build-context",
        dest="contexts",
        metavar="NAME=FOLDER",
        action="append",
        type=pair("--build-context", "NAME=FOLDER"),
        default=[],
        help="a folder, docker-image://… or oci-layout://…",
    )
    parser.add_argument("--modes", metavar="git|full", type=one_of("--modes", "git", "full"), default="git")
    parser.add_argument(
        "--repository", metavar="REPOSITORY", help="whose --creds, --ca-cert and --insecure are"
    )
    add_memory_options(parser)
    add_base_options(parser)
    add_registry_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Hash the image; print its cache tag, or the whole record."""
    with asked_early(arguments, Path(arguments.context)), connect_anywhere(arguments) as registry:
        found = _fingerprint(arguments, registry)
    write_all(wanted(arguments), lambda kind: _text(found) if kind == "text" else _json(found))
    return 0


def _fingerprint(arguments: argparse.Namespace, registry: Registry) -> Fingerprint:
    from hashtag.project import fingerprint

    with progress("hashing") as count, known_bases(arguments) as known:
        return fingerprint(
            Path(arguments.context),
            dockerfile=Path(arguments.file) if arguments.file else None,
            target=arguments.target,
            build_args=build_arguments(arguments.arguments, os.environ),
            labels=dict(arguments.labels),
            platform=arguments.platform,
            build_contexts=dict(arguments.contexts),
            bases=known,
            registry=registry,
            modes=arguments.modes,
            stat_cache=stat_cache_folder(arguments),
            git_index=git_index_folder(arguments),
            progress=count,
        )


def build_arguments(texts: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return build arguments by name; one without a value takes the variable's, if there is one."""
    found: dict[str, str] = {}
    for text in texts:
        name, has_value, value = text.partition("=")
        if not name:
            raise UsageError(f"--build-arg {text!r} has no name", hint="write --build-arg NAME=VALUE")
        if has_value or name in environ:
            found[name] = value if has_value else environ[name]
    return found


def _text(found: Fingerprint) -> str:
    return f"{found.tag}\n"


def _json(found: Fingerprint) -> str:
    document = {"fingerprint": found.text, "cache_tag": found.tag, "record": found.record}
    return json.dumps(document, indent=2) + "\n"
