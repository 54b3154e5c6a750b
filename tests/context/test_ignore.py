"""Ignore rules: reading a file, what it excludes, why, and what is refused."""

from __future__ import annotations

import time

import pytest

from hashtag.context.ignore import DockerignorePattern, IgnoreRules
from hashtag.errors import IgnoreError, SeveralErrors


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        pytest.param("foo", ["foo"], id="a name"),
        pytest.param("\ufefffoo\r\nbar\r\n", ["foo", "bar"], id="a byte order mark and CRLF"),
        pytest.param("# foo\n #foo\n", ["#foo"], id="a comment begins in the first column only"),
        pytest.param("\t\xa0foo\u3000\n\n  \n", ["foo"], id="Unicode space around a pattern goes"),
        pytest.param("\x1cfoo", ["\x1cfoo"], id="what Python alone calls space stays"),
        pytest.param("/foo/\n./bar\na/../b//c/.", ["foo", "bar", "b/c"], id="a path is cleaned"),
        pytest.param("//foo\n../foo\n/", ["foo", "../foo", "/"], id="slashes and dots at the start"),
        pytest.param("/ foo", ["foo"], id="space behind the first slash goes too"),
        pytest.param("/ /", [], id="space alone behind a slash is nothing"),
    ],
)
def test_a_line_is_read_as_buildkit_reads_it(text: str, clean: list[str]) -> None:
    assert [pattern.clean for pattern in IgnoreRules.parse(text).patterns] == clean


@pytest.mark.parametrize("text", ["!foo", " ! foo/", "!/foo", "/!foo", "./!foo"])
def test_an_exclamation_mark_makes_an_exception(text: str) -> None:
    (pattern,) = IgnoreRules.parse(text).patterns

    assert (pattern.is_exception, pattern.clean) == (True, "foo")


def test_bytes_that_are_no_utf8_stand_for_the_replacement_character() -> None:
    rules = IgnoreRules.parse(b"\xfffoo\n\xef\xbf\xbdbar")

    assert [pattern.clean for pattern in rules.patterns] == ["\ufffdfoo", "\ufffdbar"]


@pytest.mark.parametrize("path", ["foo/bar", "./foo/bar", "/foo/bar/", "foo//bar"])
def test_a_path_may_be_written_in_several_ways(path: str) -> None:
    assert IgnoreRules.parse("foo/bar").excludes(path)


def test_the_root_is_never_excluded() -> None:
    rules = IgnoreRules.parse("**\n.\n/")

    assert not rules.excludes("")
    assert not rules.excludes(".")


def test_a_byte_that_is_no_utf8_is_one_character_of_a_path() -> None:
    path = b"a\xff".decode("utf-8", "surrogateescape")

    assert IgnoreRules.parse("a?").excludes(path)
    assert IgnoreRules.parse("a[^b]").excludes(path)
    assert not IgnoreRules.parse("a??").excludes(path)
    assert not IgnoreRules.parse("a[^\ufffd]").excludes(path)


@pytest.mark.parametrize(
    ("text", "path", "why"),
    [
        pytest.param("# all\n\n  *.log \n", "x.log", (3, "*.log"), id="line and text as written"),
        pytest.param("a\na/b", "a/b", (2, "a/b"), id="the last pattern that matches"),
        pytest.param("a\n!a/b", "a/c", (1, "a"), id="a parent's pattern"),
        pytest.param("a", "a/b/c/d", (1, "a"), id="the pattern of a folder that is not entered"),
        pytest.param("a\n!a", "a", None, id="seen again by an exception"),
        pytest.param("a", "b", None, id="never excluded"),
    ],
)
def test_why_names_the_pattern_that_excludes(text: str, path: str, why: tuple[int, str] | None) -> None:
    assert IgnoreRules.parse(text).why(path) == why


def test_an_exception_that_was_not_asked_does_not_help_what_lies_below() -> None:
    rules = IgnoreRules.parse("foo/bar\n!foo")

    assert not rules.excludes("foo")
    assert rules.excludes("foo/bar/baz")


@pytest.mark.parametrize(
    ("text", "folder", "is_entered"),
    [
        pytest.param("a", "a", False, id="without exceptions"),
        pytest.param("a\n!a/b", "a", True, id="an exception below it"),
        pytest.param("a\n!b/a", "a", False, id="an exception elsewhere"),
        pytest.param("a\n!ab", "a", False, id="an exception whose name only begins so"),
        pytest.param("a\n!a/*", "a", True, id="a final star"),
        pytest.param("a/b\n!a/*/**", "a/b", False, id="two final wildcards, which fsutil cuts off both"),
        pytest.param("a\n!**/x", "a", True, id="a wildcard at the start"),
        pytest.param("a\n!z?", "a", True, id="any wildcard in any exception"),
        pytest.param("a\n!b", "c", True, id="a folder that is not excluded"),
    ],
)
def test_an_excluded_folder_is_entered_where_an_exception_could_match_below(
    text: str, folder: str, is_entered: bool
) -> None:
    verdict = IgnoreRules.parse(text).root
    for name in folder.split("/"):
        verdict = verdict.enter(name)

    assert verdict.is_entered is is_entered


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        pytest.param("a[", 1, 1, id="brackets that are not closed"),
        pytest.param("a\n  []", 2, 3, id="empty brackets"),
        pytest.param("[a-]", 1, 1, id="a range without an end"),
        pytest.param("[z-a]", 1, 1, id="a range backwards"),
        pytest.param("foo\\", 1, 1, id="a backslash at the end"),
        pytest.param("a\n! ", 2, 1, id="an exclamation mark alone"),
        pytest.param("!/", 1, 1, id="an exception of the root"),
        pytest.param("\\q*", 1, 1, id="an escape that Go does not know"),
        pytest.param("a{2}{2}*", 1, 1, id="a count of a count"),
        pytest.param("a{1001}*", 1, 1, id="a count above 1000"),
        pytest.param("x" * 65536, 1, 1, id="a line of 64 KiB"),
    ],
)
def test_what_buildkit_refuses_is_refused_with_its_place(text: str, line: int, column: int) -> None:
    with pytest.raises(IgnoreError) as caught:
        IgnoreRules.parse(text, "web/.dockerignore")

    assert caught.value.where == f"web/.dockerignore:{line}:{column}"


def test_all_malformed_patterns_of_a_file_are_reported_together() -> None:
    with pytest.raises(SeveralErrors) as caught:
        IgnoreRules.parse("[\nfoo\n!\n")

    assert [error.location.line for error in caught.value.errors if error.location] == [1, 3]


def test_a_malformed_exception_that_is_never_asked_is_accepted_as_buildkit_does() -> None:
    rules = IgnoreRules.parse("!a\n![z-a]\nfoo")

    assert rules.excludes("foo")
    assert not rules.excludes("z")


@pytest.mark.parametrize(
    ("pattern", "path", "is_excluded"),
    [
        pytest.param("/foo", "foo", False, id="a slash at the start is kept"),
        pytest.param(" foo/ ", "foo", True, id="space and a slash at the end go"),
        pytest.param("#foo", "#foo", True, id="there are no comments"),
        pytest.param("  ", "foo", False, id="space alone is nothing"),
    ],
)
def test_patterns_outside_a_file_are_read_as_patternmatcher_reads_them(
    pattern: str, path: str, is_excluded: bool
) -> None:
    assert IgnoreRules.of([pattern]).excludes(path) is is_excluded


def test_patterns_outside_a_file_enter_every_excluded_folder_for_one_exception() -> None:
    assert IgnoreRules.of(["a/b", "!a/*/**"]).excludes("a/b/c") is False
    assert IgnoreRules.parse("a/b\n!a/*/**").excludes("a/b/c") is True


def test_a_malformed_pattern_outside_a_file_is_refused_by_its_number() -> None:
    with pytest.raises(IgnoreError) as caught:
        IgnoreRules.of(["a", "["])

    assert caught.value.where == "--exclude:2:1"


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("*a" * 30 + "b", id="many stars"),
        pytest.param("**/a/" * 20 + "b", id="many folders"),
        pytest.param("a|" + "*a" * 20 + "b|c", id="within a choice"),
        pytest.param("a{0,}" * 20 + "a{0,9}b{2}*", id="counted"),
    ],
)
def test_many_wildcards_take_linear_time(pattern: str) -> None:
    rules = IgnoreRules.parse(pattern)
    start = time.process_time()

    rules.excludes("a/" * 20 + "a" * 200)

    assert time.process_time() - start < 2


def test_many_wildcards_match_as_few_do() -> None:
    rules = IgnoreRules.parse("*a*b*c*[d]?{2}\n**/x/**/y/**/z/**/w")

    assert rules.excludes("1a2b3cdd..")
    assert not rules.excludes("1a2b3cd.")
    assert rules.excludes("x/1/y/z/w")
    assert not rules.excludes("x/1/yz/w")


def test_many_wildcards_beside_what_cannot_be_simulated_are_refused() -> None:
    with pytest.raises(IgnoreError, match="too many wildcards"):
        IgnoreRules.parse(r"*a*b*c*\b*d")


def test_the_pattern_class_serves_pathspec() -> None:
    from pathspec import PathSpec

    spec = PathSpec.from_lines("dockerignore", ["*.log", "!a.log"], backend="simple")

    assert list(spec.match_files(["a.log", "b.log", "c/b.log"])) == ["b.log"]
    assert DockerignorePattern("!a").include is False
