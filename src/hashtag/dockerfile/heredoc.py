"""Here-documents: which words of a line start one, and under which name.

BuildKit frontend/dockerfile/parser/parser.go, heredocsFromLine and heredocFromMatch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import evolve

from hashtag.dockerfile.cursor import Malformed
from hashtag.dockerfile.instruction import Heredoc
from hashtag.dockerfile.lexer import Lexer, Reading

_START: Final = re.compile(r"(\d*)<<(-?)[\t\n\f\r ]*([^<]*)\Z", re.ASCII)
_LEADING_TABS: Final = re.compile(r"^\t+", re.MULTILINE)
_NO_VARIABLES: Final[Mapping[str, str]] = MappingProxyType({})
# The backslash is the escape character here whatever the escape directive says.
_LINE: Final = Reading(keeps_quotes=True, keeps_escapes=True, keeps_unset=True)
_QUOTED: Final = Reading(keeps_quotes=True, keeps_unset=True)
_PLAIN: Final = Reading(keeps_unset=True)


def heredocs_in(line: str) -> tuple[Heredoc, ...]:
    """Return the here-documents that a line starts, in order, without their content."""
    try:
        _, words = Lexer(line, _NO_VARIABLES, _LINE).read()
    except Malformed:  # as BuildKit: a line with an open quote starts none
        return ()
    return tuple(heredoc for word in words if (heredoc := heredoc_in(word)))


def heredoc_in(word: str) -> Heredoc | None:
    """Return the here-document that a word is the start of, without its content."""
    match = _START.match(word)
    if not match or not match[3]:
        return None
    try:
        _, names = Lexer(match[3], _NO_VARIABLES, _PLAIN).read()
        _, quoted_names = Lexer(match[3], _NO_VARIABLES, _QUOTED).read()
    except Malformed:
        return None
    if len(names) != 1 or len(quoted_names) != 1:
        return None
    return Heredoc(
        name=names[0], content="", expand=_quotes(names[0]) == _quotes(quoted_names[0]), chomp=match[2] == "-"
    )


def chomped(heredoc: Heredoc) -> Heredoc:
    """Return the here-document with the tabs before its lines removed if it was written `<<-`."""
    if not heredoc.chomp:
        return heredoc
    return evolve(heredoc, content=_LEADING_TABS.sub("", heredoc.content))


def _quotes(word: str) -> int:
    return word.count("'") + word.count('"')
