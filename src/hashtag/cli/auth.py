"""hashtag auth check: rights to a repository, proved without writing."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hashtag.cli.arguments import Parser
from hashtag.cli.options import add_registry_options, connect

if TYPE_CHECKING:
    from hashtag.registry.login import Login


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    questions = parser.add_subparsers(metavar="check", required=True, parser_class=Parser)
    check = questions.add_parser("check", help="whether the login is good", allow_abbrev=False)
    check.add_argument(
        "repository",
        metavar="REPOSITORY",
        nargs="?",
        help="host/group/project (default: HASHTAG_REPOSITORY or CI_REGISTRY_IMAGE)",
    )
    check.add_argument(
        "--push", action="store_true", help="also to write: an upload is begun and cancelled again"
    )
    add_registry_options(check)


def run(arguments: argparse.Namespace) -> int:
    """Ask the registry; say who it takes us for."""
    from hashtag.oci.reference import Repository

    named = Repository.parse(arguments.repository) if arguments.repository else None
    with connect(arguments, named) as registry:
        login = registry.check_access(push=arguments.push)
        rights = "pull and push" if arguments.push else "pull"
        print(f"{registry.repository}: {rights}, {_name(login)}")
    return 0


def _name(login: Login | None) -> str:
    if login is None:
        return "without a login"
    return f"as {login.name} (from {login.origin})"
