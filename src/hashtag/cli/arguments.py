"""The command line, read: a verb and what it is told; every mistake is a `UsageError`."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NoReturn

from hashtag import __version__
from hashtag.cli.verbs import VERBS, load
from hashtag.errors import UsageError, did_you_mean

_DESCRIPTION = "Decide by content which container images a pipeline has to build, and alias the rest."
_EPILOG = (
    "hashtag VERB --help tells more. Documents go to standard output, everything else to standard error."
)
_COLUMNS = 80
# The words of argparse: invalid choice: 'foo' (choose from 'ls', 'why')
_CHOICE = re.compile(r"invalid choice: '(.*)' \(choose from (.*)\)")


class _Version(argparse.Action):
    """Prints the version, without the formatter of help and all that it imports."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"hashtag {__version__}")
        parser.exit()


class _Formatter(argparse.HelpFormatter):
    """Help as wide as the terminal; argparse itself would import shutil, and that all compressors."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


@cache
def _columns() -> int:
    try:
        return int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(1).columns or _COLUMNS
    except (ValueError, OSError):
        return _COLUMNS


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of leaving the process."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=_Formatter, **settings)

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`, with the nearest word where one was to be chosen."""
        choice = _CHOICE.search(message)
        near = did_you_mean(choice[1], choice[2].replace("'", "").split(", ")) if choice else ""
        raise UsageError(message, hint=near or f"{self.prog} --help")


def read(argv: Sequence[str]) -> argparse.Namespace:
    """
    Return the arguments, with the verb's module as `verb`.

    Raises:
        UsageError: With the nearest verb or option as a hint.
        SystemExit: After `--help` and `--version`, which print.
    """
    start, verb = _split(argv)
    top = Parser(prog="hashtag", description=_DESCRIPTION, epilog=_EPILOG, allow_abbrev=False)
    top.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    top.add_argument("-C", dest="folder", metavar="DIR", default=".", help="as if started in DIR")
    _add_verbosity(top, default=0)
    verbs = top.add_subparsers(metavar="VERB", title="verbs", parser_class=Parser, prog="hashtag")
    parsers = {
        name: verbs.add_parser(name, help=text, description=_sentence(text), allow_abbrev=False)
        for name, text in VERBS.items()
    }
    if verb is None:
        # Nothing but --help, --version and mistakes are left.
        top.parse_args(start)
        top.error("a verb is missing")
    for argument in start:
        _check_start(argument, top)
    if verb not in parsers:
        raise UsageError(f"there is no verb {verb!r}", hint=did_you_mean(verb, VERBS) or "hashtag --help")
    parser, module = parsers[verb], load(verb)
    module.add_arguments(parser)
    for each in _with_those_below(parser):
        _add_verbosity(each, default=argparse.SUPPRESS)
    top.set_defaults(verb=module)
    arguments, rest = top.parse_known_args(argv)
    for argument in rest:
        _refuse(argument, top if argument in start else parser)
    return arguments


def _with_those_below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a verb's parser and those of its acts: argparse has no public list of them, nor of options."""
    yield parser
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            yield from action.choices.values()


def _add_verbosity(parser: argparse.ArgumentParser, default: int | str) -> None:
    parser.add_argument(
        "-v",
        "--verbose",
        dest="verbosity",
        action="count",
        default=default,
        help="say which requests are made again; -vv: every request",
    )


def _split(argv: Sequence[str]) -> tuple[Sequence[str], str | None]:
    """Return what stands before the verb, and the verb."""
    at = 0
    while at < len(argv) and argv[at].startswith("-") and argv[at] != "-":
        at += 2 if argv[at] == "-C" else 1
    return (argv[:at], argv[at]) if at < len(argv) else (argv, None)


def _check_start(argument: str, top: argparse.ArgumentParser) -> None:
    """Refuse an unknown option before the verb: what follows it might be its value, not a verb."""
    options = [option for action in top._actions for option in action.option_strings]  # noqa: SLF001
    is_known = argument in options or argument.startswith(("-C", "-v")) or not argument.startswith("-")
    if not is_known:
        near = did_you_mean(argument.upper(), options) if len(argument) == 2 else ""
        hint = did_you_mean(argument, options) or near or "hashtag --help"
        raise UsageError(f"hashtag has no option {argument.partition('=')[0]!r}", hint=hint)


def _refuse(argument: str, parser: argparse.ArgumentParser) -> NoReturn:
    if not argument.startswith("-"):
        parser.error(f"unexpected argument {argument!r}")
    name = argument.partition("=")[0]
    parsers = _with_those_below(parser)
    known = [option for each in parsers for action in each._actions for option in action.option_strings]  # noqa: SLF001
    hint = did_you_mean(name, known) or f"{parser.prog} --help"
    if name == "-C":
        hint = f"write it before the verb: hashtag -C … {parser.prog.removeprefix('hashtag ')}"
    raise UsageError(f"{parser.prog} has no option {name!r}", hint=hint)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
