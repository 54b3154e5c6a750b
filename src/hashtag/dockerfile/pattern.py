"""Shell patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/text}`.

`*` is any text and `?` any character of one line; everything else is itself, brackets too.
BuildKit frontend/dockerfile/shell/lex.go, convertShellPatternToRegex.
"""

from __future__ import annotations

import re
from typing import Final

from hashtag.dockerfile.characters import BYTE_ORDER_MARK

# Go's regular expressions take linear time; ours may take the square of this.
_LONGEST_VALUE: Final = 16 * 1024
_LONGEST_RESULT: Final = 4 * 1024 * 1024
_TEMPLATE_NAME: Final = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))")


class MalformedPattern(ValueError):
    """A pattern with an escape that means nothing, or too much to match."""


def without_prefix(value: str, pattern: str, *, greedy: bool) -> str:
    """Return the value without what the pattern matches at its start: the longest match, or the shortest."""
    found = _expression(pattern, value, greedy=greedy).match(value)
    return value[found.end() :] if found else value


def without_suffix(value: str, pattern: str, *, greedy: bool) -> str:
    """Return the value without what the pattern matches at its end: the longest match, or the shortest."""
    return without_prefix(value[::-1], _reversed(pattern), greedy=greedy)[::-1]


def replaced(value: str, pattern: str, replacement: str, *, everywhere: bool) -> str:
    """Return the value with the first match, or all matches, replaced."""
    expression = _expression(pattern, value, greedy=True)
    if everywhere:
        return _replaced_everywhere(value, expression, replacement)
    found = expression.search(value)
    return value[: found.start()] + replacement + value[found.end() :] if found else value


def _replaced_everywhere(value: str, expression: re.Pattern[str], replacement: str) -> str:
    # Go regexp, ReplaceAllString: an empty match right after another one does not count.
    parts: list[str] = []
    searched = copied = size = 0
    while searched <= len(value) and (found := expression.search(value, searched)):
        parts.append(value[copied : found.start()])
        if found.end() > copied or found.start() == 0:
            parts.append(_filled_in(replacement, found[0]))
            size += len(parts[-1])
        if size > _LONGEST_RESULT:
            raise MalformedPattern("the replaced text is longer than 4 MiB")
        copied = found.end()
        searched = max(searched + 1, copied)
    return "".join([*parts, value[copied:]])


def _filled_in(replacement: str, match: str) -> str:
    # Go regexp, Expand: `$0` is the match, `$$` a dollar sign, and any other name is empty.
    def text(name: re.Match[str]) -> str:
        if name[1]:
            return "$"
        return match if (name[2] or name[3]) == "0" else ""

    return _TEMPLATE_NAME.sub(text, replacement)


def _expression(pattern: str, value: str, *, greedy: bool) -> re.Pattern[str]:
    """
    Return a regular expression that does not backtrack over more than one star.

    All stars but the last may take as little as they can, and keep it: what the last part of the
    pattern can reach does not depend on more. Only a greedy pattern's last star takes all it can.
    """
    first, *rest = _parts(pattern)
    if rest and len(value) > _LONGEST_VALUE:
        raise MalformedPattern("the value is longer than 16 KiB, too long for a pattern with *")
    stars = [f"(?>.*?{part})" for part in rest]
    if rest and greedy:
        stars[-1] = f".*{rest[-1]}"
    return re.compile(first + "".join(stars))


def _parts(pattern: str) -> list[str]:
    """Return the regular expressions between the stars of a pattern: at least one."""
    parts = [""]
    characters = iter(pattern.removeprefix(BYTE_ORDER_MARK))
    for character in characters:
        match character:
            case "*":
                parts.append("")
            case "?":
                parts[-1] += "."
            case "\\":
                parts[-1] += re.escape(_escaped(next(characters, "")))
            case _:
                parts[-1] += re.escape(character)
    return parts


def _escaped(character: str) -> str:
    # A brace or slash is escaped for the sake of the substitution around it.
    if character and character in "*?\\}/":
        return character
    raise MalformedPattern(f"invalid escape '\\{character}' in a pattern")


def _reversed(pattern: str) -> str:
    return "".join(reversed(re.findall(r"\\.|.", pattern, re.DOTALL)))
