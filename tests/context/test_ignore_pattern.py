"""One pattern: what it matches, quirks of patternmatcher and Go's regexp included."""

from __future__ import annotations

import re

import pytest

from hashtag.context.ignore_pattern import MalformedPattern, regex


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        pytest.param("a.b", ["a.b"], ["axb", "a.b/c", "x/a.b"], id="literal"),
        pytest.param("*", ["a", ".a", "a\nb"], ["a/b"], id="a star stays within a name"),
        pytest.param("?", ["a", "é"], ["", "/", "ab"], id="a question mark is one character"),
        pytest.param("**", ["a", "a/b", "a\nb/c"], [], id="everything"),
        pytest.param("a/**", ["a/b", "a/b/c"], ["a", "ab"], id="all below, not the folder"),
        pytest.param("a**", ["a", "ab", "a/b"], ["ba"], id="a prefix"),
        pytest.param("**/a", ["a", "b/a", "b/c/a"], ["ba", "a/b"], id="a name at any depth"),
        pytest.param("**a", ["a", "ba", "b/a", "b/ca"], ["ab"], id="a suffix"),
        pytest.param(
            "a**b", ["ab", "a/b", "ax/b", "a/x/b"], ["axb"], id="two stars within a name end at a slash"
        ),
        pytest.param("**/a*", ["a", "ab", "x/ab"], ["xa", "x/a/b"], id="an expression at any depth"),
        pytest.param("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"], id="any folders between"),
        pytest.param("***", ["a", "a/b"], [], id="three stars"),
        pytest.param("**/**", ["a", "a/b"], ["a\nb/c"], id="an expression's dot stops at a line feed"),
        pytest.param("[a-c]", ["a", "c"], ["d", "-", "ab"], id="a class"),
        pytest.param("[^a]", ["b", "/"], ["a"], id="a negated class takes a slash"),
        pytest.param("[!a]", ["!", "a"], ["b"], id="an exclamation mark does not negate"),
        pytest.param("[[:alpha:]]", ["x", "Z"], ["é", ":", "1"], id="a POSIX class"),
        pytest.param("[[:^digit:]]", ["x"], ["1"], id="a negated POSIX class"),
        pytest.param("[[:a]x", [":x", "[x", "ax"], ["x"], id="half a POSIX class"),
        pytest.param("[\\d\\S]", ["1", "x"], [" "], id="Perl classes in brackets"),
        pytest.param("[\\]a]", ["]", "a"], ["\\"], id="an escape in brackets"),
        pytest.param("[\\x41-\\103]", ["A", "C"], ["D", "x"], id="codes in brackets"),
        pytest.param("[*]", ["[]", "/[^]", "]"], ["*", "a]"], id="a star in brackets breaks them"),
        pytest.param("[.]", ["."], ["a", "\\"], id="a dot in brackets is guarded"),
        pytest.param("*[]a]", [], [], id="brackets behind a star that Go checks"),
        pytest.param("a*[]b]", ["a]", "axb"], ["a", "a/b"], id="brackets that Go does not check"),
        pytest.param("a]*", ["a]", "a]b"], ["a"], id="a bracket alone"),
        pytest.param("a\\*", ["a*"], ["ab"], id="an escaped star"),
        pytest.param("\\foo", ["\foo"], ["foo"], id="an escape is Go's, here a form feed"),
        pytest.param("\\d\\w\\W", ["1x."], ["x1."], id="Perl classes"),
        pytest.param("\\x{41}*", ["A"], ["x{41}"], id="a code in braces"),
        pytest.param("\\x41\\101\\0*", ["AA\0"], ["x41101"], id="codes"),
        pytest.param("\\Qa.b\\E*", ["a\\.bc"], ["a.b"], id="a quotation holds the guards too"),
        pytest.param("\\Qa*", ["a[^/]*$", "a[^/]*$x"], ["a", "xa[^/]*$"], id="a quotation without an end"),
        pytest.param("a\\b*", ["a", "a.b"], ["ab"], id="a word boundary"),
        pytest.param("a\\B*", ["ab"], ["a", "a.b"], id="no word boundary"),
        pytest.param("\\A^a\\z*", ["a"], ["ab"], id="anchors"),
        pytest.param("a^b", ["a^b"], [], id="a caret in a literal"),
        pytest.param("a^b*", [], ["a^b"], id="a caret in an expression"),
        pytest.param(
            "a*\\", ["a$", "a$b"], ["a\\", "a"], id="a backslash that Go does not check takes the anchor"
        ),
        pytest.param("a|b", ["a|b"], ["a"], id="a bar in a literal"),
        pytest.param("a|b*", ["ax", "xb", "a|b"], ["x", "xa"], id="a bar in an expression is a choice"),
        pytest.param("a{2}", ["a{2}"], ["aa"], id="braces in a literal"),
        pytest.param("a{2}*", ["aa", "aab"], ["a", "a{2}"], id="braces in an expression count"),
        pytest.param("a{1,}b{0,1}?", ["aab.", "a."], ["b."], id="a count without end"),
        pytest.param("a{01}{,2}{x}*", ["a{01}{,2}{x}"], ["a"], id="braces that are no count"),
        pytest.param("{0,1}a?", ["ab", "xab"], ["a"], id="a count of the anchor"),
        pytest.param("+.()$?", ["+.()$x"], [".()$x"], id="what is guarded"),
        pytest.param("\ufeffa*", ["ab"], ["\ufeffa"], id="a byte order mark before an expression"),
        pytest.param("\ufeff**a", [], ["a", "\ufeffa"], id="a byte order mark before a suffix"),
    ],
)
def test_a_pattern_matches_whole_paths_from_the_root(
    pattern: str, matching: list[str], others: list[str]
) -> None:
    if not matching and not others:
        with pytest.raises(MalformedPattern):
            regex(pattern)
        return

    found = [path for path in (*matching, *others) if re.search(regex(pattern), path)]

    assert found == matching


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("[", id="nothing in brackets"),
        pytest.param("[^]", id="nothing in negated brackets"),
        pytest.param("[a", id="not closed"),
        pytest.param("[a\\", id="a backslash ends the brackets"),
        pytest.param("[-a]", id="a range without a start"),
        pytest.param("*[", id="behind a star"),
        pytest.param(".*[", id="behind what matches the dot"),
        pytest.param("?*[", id="behind any one character"),
        pytest.param("[+-9]*[", id="behind a class that holds the dot"),
        pytest.param("a*[", id="behind what does not match, for the compiler"),
        pytest.param("[[:foo:]]", id="no POSIX class"),
        pytest.param("[a-\\d]", id="a range to a class"),
        pytest.param("[b-a]", id="a range backwards"),
        pytest.param("\\8", id="a reference"),
        pytest.param("\\1", id="one octal digit"),
        pytest.param("\\C*", id="a byte"),
        pytest.param("\\pL", id="a Unicode class, which Go would know"),
        pytest.param("\\é", id="an escape beyond ASCII"),
        pytest.param("\\E", id="the end of no quotation"),
        pytest.param("*{2}", id="a count of a star"),
        pytest.param("a|{2}*", id="a count of nothing"),
        pytest.param("a{3,2}*", id="a count backwards"),
        pytest.param("[\\x{110000}-b]", id="a code beyond Unicode"),
    ],
)
def test_a_malformed_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(MalformedPattern):
        regex(pattern)


@pytest.mark.parametrize("pattern", ["*", "a/**", "[\\x{41}]", "a[b]*[^c]"])
def test_a_well_formed_pattern_is_not(pattern: str) -> None:
    re.compile(regex(pattern))
