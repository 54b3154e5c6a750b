"""Escaping: texts from anywhere, made harmless for one kind of reader each."""

from __future__ import annotations

from unicodedata import category

# Unicode: control, format (bidirectional overrides), surrogate, private, unassigned, line and paragraph ends.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_XML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}


def visible(text: str) -> str:
    r"""Return the text on one line, each character that a terminal would obey as `\x1b` or `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(c) if category(c) in _HIDDEN else c for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def xml(text: str) -> str:
    """Return the text for an XML element or attribute."""
    return "".join(_XML.get(character, character) for character in visible(text))


def mermaid_text(text: str) -> str:
    """Return the text for a quoted label of Mermaid, every sign as its `#number;`."""
    return "".join(c if c.isalnum() or c in " ./:-_" else f"#{ord(c)};" for c in visible(text))


def dot_text(text: str) -> str:
    """Return the text for a quoted label of Graphviz."""
    return visible(text).replace("\\", "\\\\").replace('"', '\\"')


def markdown_text(text: str) -> str:
    """Return the text for a cell of a Markdown table, every sign as its `&#number;`."""
    # CommonMark 0.31, «Entity and numeric character references»: they never stand for markup.
    return "".join(c if c.isalnum() or c in " ./-" else f"&#{ord(c)};" for c in visible(text))
