"""Characters: what BuildKit takes for white space, letters, and lower case.

Go and Python differ here: Python's `str.isspace` counts U+001C to U+001F, its regular
expressions take the vertical tab for space, its `str.lower` makes two characters of `İ`.
"""

from __future__ import annotations

from typing import Final

# Go unicode.IsSpace.
SPACES: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
# The same among single bytes.
OCTET_SPACES: Final = "\t\n\v\f\r \x85\xa0"
# The one separator of instructions and words: BuildKit parser, reWhitespace.
BLANKS: Final = "\t\v\f\r "
BYTE_ORDER_MARK: Final = "\ufeff"


def lower(text: str) -> str:
    """Return the text in lower case, one character for one, as Go's strings.ToLower does."""
    return "".join("i" if character == "İ" else character.lower() for character in text)


def as_octets(text: str) -> str:
    """
    Return the text with one character for each byte of its UTF-8 form.

    BuildKit walks over flags and HEALTHCHECK types byte by byte and takes each for a character.
    """
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def from_octets(octets: str) -> str:
    """Return what `as_octets` was given."""
    return octets.encode("latin-1").decode("utf-8", "surrogateescape")
