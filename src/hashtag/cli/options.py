"""Options that several verbs share, and what they stand for: a project, a registry, known bases."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from hashtag.cli.terminal import warn
from hashtag.cli.values import moment, one_of, pair, pinned, seconds

if TYPE_CHECKING:
    from hashtag.images.bases import BaseImage, KnownBases
    from hashtag.oci.reference import Repository
    from hashtag.project import Project
    from hashtag.registry import Registry


def add_project_options(parser: argparse.ArgumentParser) -> None:
    """Add what takes the place of settings."""
    group = parser.add_argument_group("settings")
    group.add_argument("--repository", metavar="REPOSITORY", help="where the images live: host/group/project")
    group.add_argument(
        "--pipeline-tag", metavar="TAG", help="this pipeline's tag (default: $CI_PIPELINE_IID)"
    )
    group.add_argument(
        "--modes",
        metavar="git|full",
        type=one_of("--modes", "git", "full"),
        help="which permission bits count",
    )
    group.add_argument(
        "--missing-sources",
        metavar="error|warn",
        type=one_of("--missing-sources", "error", "warn"),
        help="what a source that is not in the context means",
    )


def add_registry_options(parser: argparse.ArgumentParser) -> None:
    """Add how a registry is reached."""
    group = parser.add_argument_group("registry")
    group.add_argument("--creds", metavar="USER:PASSWORD", help="for the repository (better: docker login)")
    group.add_argument("--ca-cert", metavar="FILE", help="certificates to trust besides the system's")
    group.add_argument(
        "--insecure", action="store_true", help="the repository's registry may speak plain HTTP"
    )
    group.add_argument(
        "--budget",
        metavar="SECONDS",
        type=seconds,
        default=30,
        help="how long a failing registry is asked again (default: 30)",
    )


def add_base_options(parser: argparse.ArgumentParser) -> None:
    """Add what is known of external bases without asking."""
    group = parser.add_argument_group("external bases")
    group.add_argument(
        "--base",
        dest="bases",
        metavar="REFERENCE=DIGEST",
        action="append",
        type=pinned("--base"),
        default=[],
        help="a base's digest; its config is taken as empty",
    )
    group.add_argument(
        "--bases",
        dest="bases_file",
        metavar="FILE",
        help='bases as JSON: {"debian:12": {"digest": "sha256:…", "config": {…}}}',
    )


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """Add what shapes a plan: for `plan`, and the verbs that plan before they act."""
    parser.add_argument("images", metavar="IMAGE", nargs="*", help="with all it is built from (default: all)")
    parser.add_argument(
        "--rebuild", metavar="IMAGE", action="append", default=[], help="build it in any case"
    )
    parser.add_argument(
        "--salt",
        dest="salts",
        metavar="IMAGE:TEXT",
        action="append",
        type=pair("--salt", "IMAGE:TEXT", ":"),
        default=[],
        help="any text that changes an image's fingerprint",
    )
    parser.add_argument("--at", metavar="TIME", type=moment, help="the time of the plan (default: now)")
    parser.add_argument(
        "--keep-going", action="store_true", help="plan the others where one cannot be planned"
    )
    parser.add_argument(
        "--deep", action="store_true", help="look at every part of what is found; build again what lacks one"
    )
    parser.add_argument(
        "--look-in",
        metavar="REPOSITORY",
        action="append",
        help="a repository to read images from, after our own; may be given again",
    )
    add_memory_options(parser)
    add_base_options(parser)
    add_project_options(parser)
    add_registry_options(parser)


def add_memory_options(parser: argparse.ArgumentParser) -> None:
    """Add what is taken from earlier runs where nothing changed."""
    parser.add_argument(
        "--stat-cache",
        action=argparse.BooleanOptionalAction,
        help="read only files whose status changed since the last run (default: outside CI)",
    )
    parser.add_argument(
        "--git-index",
        action="store_true",
        help="look at no file while git sees that nothing changed since an earlier run",
    )


def stat_cache_folder(arguments: argparse.Namespace) -> Path | None:
    """Return where digests are remembered; None where every file is to be read."""
    wanted: bool | None = arguments.stat_cache
    if not (not os.environ.get("CI") if wanted is None else wanted):
        return None
    return _cache_folder()


def git_index_folder(arguments: argparse.Namespace) -> Path | None:
    """Return where results are remembered while git sees no change; None where that is not asked for."""
    return _cache_folder() if arguments.git_index else None


@contextmanager
def asked_early(arguments: argparse.Namespace, folder: Path) -> Iterator[None]:
    """Let git begin to look at a folder while the rest of the program is loaded, if it will be asked."""
    cache = git_index_folder(arguments)
    if cache is None:
        yield
        return
    from hashtag.worktree.differences import asked_early as early

    with early(cache, folder, os.environ):
        yield


def _cache_folder() -> Path | None:
    # XDG Base Directory Specification 0.8: a relative path is to be ignored.
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (named if named.is_absolute() else Path.home() / ".cache") / "hashtag"
    except RuntimeError:  # nobody's home
        return None


def open_project(arguments: argparse.Namespace) -> Project:
    """Return the project of the working directory, with the options' settings; say what it warns of."""
    from hashtag.project import Project

    names = ("repository", "pipeline_tag", "look_in", "modes", "missing_sources")
    overrides: dict[str, Any] = {name: getattr(arguments, name, None) for name in names}
    project = Project.open(Path.cwd(), overrides=overrides)
    warn(project.settings.warnings)
    return project


def open_registry(arguments: argparse.Namespace, project: Project) -> Registry:
    """Return the registry of the project's repository."""
    settings = project.settings
    # A folder on the command line is the shell's, one in the file the file's.
    is_typed = settings.origins.get("repository") == "command line"
    root = Path.cwd() if is_typed else settings.folder
    return connect(arguments, settings.repository, layout_root=root, mirrors=settings.mirrors)


def connect(arguments: argparse.Namespace, repository: Repository | None, **more: Any) -> Registry:
    """Return the registry of a repository; raise `ConfigError` where there is none."""
    from hashtag.registry import Registry

    return Registry.from_environment(
        str(repository) if repository else None,
        creds=arguments.creds,
        ca=Path(arguments.ca_cert) if arguments.ca_cert else None,
        budget_seconds=arguments.budget,
        insecure=[repository.registry] if repository and arguments.insecure else [],
        warn=lambda text: warn([text]),
        **more,
    )


def connect_anywhere(arguments: argparse.Namespace) -> Registry:
    """Return a registry to read bases with, whether or not a repository is named."""
    from hashtag.oci.reference import Repository

    named = (
        arguments.repository or os.environ.get("HASHTAG_REPOSITORY") or os.environ.get("CI_REGISTRY_IMAGE")
    )
    repository = Repository.parse(named or "localhost/unnamed")
    is_plain = not any(
        (arguments.creds, arguments.ca_cert, arguments.insecure, os.environ.get("HASHTAG_REGISTRY"))
    )
    late = _Late(partial(connect, arguments, repository))
    return cast("Registry", late) if is_plain else connect(arguments, repository)


class _Late:
    """A registry that is made when it is first asked for something: most images need none."""

    def __init__(self, make: Callable[[], Registry]) -> None:
        self._make = make
        self._made: Registry | None = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._made is not None:
            self._made.close()


@contextmanager
def known_bases(
    arguments: argparse.Namespace, what_if: Mapping[str, str] | None = None
) -> Iterator[KnownBases]:
    """Yield the bases that the command line knows; then warn of each `--base` that nothing is built from."""
    from hashtag.images.bases import KnownBases

    known = KnownBases(given_bases(arguments), what_if)
    try:
        yield known
    finally:
        for name, near in known.unused(name for name, _ in arguments.bases).items():
            warn([f"--base {name}: nothing is built from it" + (f"; {near}" if near else "")])


def given_bases(arguments: argparse.Namespace) -> dict[str, BaseImage]:
    """Return the bases that the command line knows, by reference; `--base` wins over `--bases`."""
    from hashtag.cli.bases import read_bases
    from hashtag.images.bases import BaseImage

    given = read_bases(arguments.bases_file) if arguments.bases_file else {}
    return given | {reference: BaseImage(digest) for reference, digest in arguments.bases}
