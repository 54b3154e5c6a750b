"""Selection: what COPY, ADD and bind mounts take of a context."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.context.listing import Entry, Kind, Listing
from hashtag.context.selection import Selection, select
from hashtag.context.uses import CopyUse, MountUse, WholeUse
from hashtag.errors import DockerfileError, HashtagError, IgnoreError, MissingSource


def listing(*paths: str) -> Listing:
    """Return a listing: `a/` is a folder, `a -> b` a link, all else a file; parents are implied."""
    entries: dict[str, Entry] = {}
    for text in paths:
        path, arrow, target = text.partition(" -> ")
        for index, character in enumerate(path):
            if character == "/":
                folder = path[:index]
                entries.setdefault(folder, Entry(folder, Kind.FOLDER, 0o755))
        if arrow:
            entries[path] = Entry(path, Kind.SYMLINK, 0o777, 0, target)
        elif not path.endswith("/"):
            entries[path] = Entry(path, Kind.FILE, 0o644, 1)
    return Listing(entries)


def copied(tree: Listing, source: str, **options: object) -> list[str]:
    """Return what a COPY takes, as the build sees it; `.` is the folder whose content is meant."""
    selection = select(tree, CopyUse("", source, **options), None)
    return [seen or "." for seen, _ in selection.entries]


TREE = listing("a.txt", "b.txt", "d/x", "d/y/z", "e/x", "[q]", "ln -> d", "lf -> a.txt", "up -> ../../a.txt")


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        pytest.param("a.txt", ["a.txt"], id="a file"),
        pytest.param("./a.txt", ["a.txt"], id="a file with a dot"),
        pytest.param("/a.txt", ["a.txt"], id="a file from the root"),
        pytest.param("../a.txt", ["a.txt"], id="a file above the root is clamped"),
        pytest.param("d/../a.txt", ["a.txt"], id="a file by a detour"),
        pytest.param("d", [".", "x", "y", "y/z"], id="a folder is its content"),
        pytest.param("d/", [".", "x", "y", "y/z"], id="a folder with a slash"),
        pytest.param("d/.", [".", "x", "y", "y/z"], id="a folder with a dot"),
        pytest.param("d/y", [".", "z"], id="a folder in a folder"),
        pytest.param("ln", [".", "x", "y", "y/z"], id="a link to a folder"),
        pytest.param("ln/x", ["x"], id="through a link"),
        pytest.param("lf", ["lf"], id="a link to a file has its own name"),
        pytest.param("up", ["up"], id="a link that leads out is clamped"),
        pytest.param("*.txt", ["a.txt", "b.txt"], id="a wildcard"),
        pytest.param("?.txt", ["a.txt", "b.txt"], id="one character"),
        pytest.param("[^a].txt", ["b.txt"], id="a class that is negated"),
        pytest.param("[a-b].txt", ["a.txt", "b.txt"], id="a range"),
        pytest.param("[!a].txt", ["a.txt"], id="an exclamation mark is a letter of the class"),
        pytest.param(r"[\]].txt", [], id="an escaped bracket in a class"),
        pytest.param("*.none", [], id="a wildcard that matches nothing"),
        pytest.param("*/x", ["x", "x"], id="a wildcard for a folder"),
        pytest.param("[de]", ["d/", "d/x", "d/y", "d/y/z", "e/", "e/x"], id="folders that match"),
        pytest.param("none/*", [], id="a wildcard in a folder that is not there"),
        pytest.param("ln/*", ["x", "y/", "y/z"], id="a wildcard behind a link"),
        pytest.param("l*/x", [], id="links that match are not entered"),
        pytest.param("d[^a]x", ["x"], id="a class that is negated matches a slash"),
        pytest.param("[d]/y/*", ["z"], id="a class before other folders"),
        pytest.param("[d]*[y]*[z]", [], id="a star does not match a slash"),
        pytest.param("?/*/*", ["z"], id="wildcards in each folder"),
        pytest.param("**********.txt", ["a.txt", "b.txt"], id="many stars are one"),
        pytest.param("[b-a].txt", [], id="a range that runs backwards"),
        pytest.param("[^b-a].txt", ["a.txt", "b.txt"], id="a range that runs backwards, negated"),
        pytest.param(r"[a\-c].tx?", ["a.txt"], id="an escaped dash in a class"),
        pytest.param(r"\a*", ["a.txt"], id="an escaped letter"),
    ],
)
def test_a_copy_takes(source: str, seen: list[str]) -> None:
    assert copied(TREE, source) == seen


@pytest.mark.parametrize(
    "source", ["none", "a.txt/b", "d/none", "loop", "dangling", "d/y/../../none", r"\[q\]"]
)
def test_a_literal_source_that_is_not_there_is_an_error(source: str) -> None:
    tree = listing("a.txt", "d/y/z", "loop -> loop", "dangling -> nowhere")

    with pytest.raises(MissingSource) as caught:
        copied(tree, source)

    assert repr(source) in caught.value.what


@pytest.mark.parametrize("source", ["[a", "[", "[]", "[a-", "x*\\", "[-a]*"])
def test_a_malformed_wildcard_is_refused(source: str) -> None:
    with pytest.raises(DockerfileError):
        copied(listing("a", "x"), source)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("*a" * 120 + "b", id="stars"),
        pytest.param("*[a]" * 60 + "b", id="stars and classes"),
        pytest.param("*" * 60 + "b", id="stars without anything between them"),
    ],
)
def test_no_wildcard_takes_long(source: str) -> None:
    assert copied(listing("a" * 250), source) == []


def test_a_chain_of_links_may_be_long() -> None:
    links = [f"l{number} -> l{number + 1}" for number in range(200)]

    assert copied(listing(*links, "l200"), "l0") == ["l0"]


def test_a_match_that_leads_nowhere_counts_as_itself() -> None:
    assert copied(listing("l1 -> nowhere", "l2"), "l*") == ["l1", "l2"]


@pytest.mark.parametrize(
    ("exclude", "seen"),
    [
        pytest.param(("*.go",), [".", "a.txt", "s", "s/b.txt", "s/c.go"], id="at the top only"),
        pytest.param(("**/*.go",), [".", "a.txt", "s", "s/b.txt"], id="at any depth"),
        pytest.param(("s",), [".", "a.txt", "m.go"], id="a folder"),
        pytest.param(("s", "!s/b.txt"), [".", "a.txt", "m.go", "s", "s/b.txt"], id="a folder but for a file"),
        pytest.param(("**",), ["."], id="everything"),
    ],
)
def test_what_is_excluded_is_not_taken(exclude: tuple[str, ...], seen: list[str]) -> None:
    tree = listing("d/a.txt", "d/m.go", "d/s/b.txt", "d/s/c.go")

    assert sorted(copied(tree, "d", exclude=exclude)) == sorted(seen)


def test_a_malformed_exclusion_is_refused() -> None:
    with pytest.raises(IgnoreError):
        copied(listing("d/a"), "d", exclude=("[",))


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        pytest.param("a/b/c", [".", "a", "a/b", "a/b/c"], id="a file with its folders"),
        pytest.param("a", [".", "a", "a/b", "a/b/c", "a/d"], id="a folder with all below"),
        pytest.param("a/./b/c", [".", "b", "b/c"], id="from the pivot on"),
        pytest.param("**/c", [".", "a", "a/b", "a/b/c"], id="at any depth"),
        pytest.param("none*", [], id="a wildcard that matches nothing"),
        pytest.param("*/./b", ["a/./", "a/./b", "a/./b/c"], id="a wildcard before the pivot"),
    ],
)
def test_a_copy_with_parents_takes(source: str, seen: list[str]) -> None:
    assert sorted(copied(listing("a/b/c", "a/d", "e"), source, parents=True)) == seen


@pytest.mark.parametrize(
    ("source", "exclude"),
    [
        pytest.param("a/none", (), id="not there"),
        pytest.param("none/./b", (), id="not there before the pivot"),
        pytest.param("l/b", (), id="behind a link"),
        pytest.param("a/b", ("a/b",), id="excluded"),
    ],
)
def test_a_literal_source_with_parents_has_to_be_there(source: str, exclude: tuple[str, ...]) -> None:
    with pytest.raises(MissingSource):
        copied(listing("a/b", "l -> a"), source, parents=True, exclude=exclude)


def test_a_mount_shows_content_without_a_name() -> None:
    tree = listing("d/x", "f", "l -> d")

    assert select(tree, MountUse("", ""), None).entries == (
        ("", ""), ("d", "d"), ("f", "f"), ("l", "l"), ("d/x", "d/x"),
    )  # fmt: skip
    assert select(tree, MountUse("", "l"), None) == Selection(
        (("", "d"), ("x", "d/x")), frozenset({"l"}), is_mounted=True
    )
    assert select(tree, MountUse("", "f"), None).entries == (("", "f"),)


def test_a_missing_mount_is_an_error() -> None:
    with pytest.raises(MissingSource):
        select(listing("a"), MountUse("", "b"), None)


def test_what_is_staged_has_the_links_their_targets_and_all_folders_above() -> None:
    tree = listing("p/q/f", "r/l -> ../p/q")

    assert select(tree, CopyUse("", "r/l/f"), None).staged() == {"p", "p/q", "p/q/f", "r", "r/l"}


names = st.sampled_from(["a", "b", "c.txt", "d.go"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


@given(st.lists(paths, min_size=1, max_size=8), paths)
def test_a_selection_is_part_of_the_whole(files: list[str], source: str) -> None:
    tree = listing(*[path for path in files if not any(o.startswith(path + "/") for o in files)])
    try:
        selection = select(tree, CopyUse("", source), None)
    except HashtagError:
        assert source not in tree
        return

    whole = {path for _, path in select(tree, WholeUse(""), None).entries}
    assert {path for _, path in selection.entries} <= whole
    assert selection.staged() <= whole


@given(st.lists(paths, min_size=1, max_size=8), st.randoms())
def test_a_listings_order_is_irrelevant(files: list[str], random: object) -> None:
    kept = [path for path in files if not any(other.startswith(path + "/") for other in files)]
    tree = listing(*kept)
    shuffled = list(tree.items())
    random.shuffle(shuffled)

    assert select(Listing(dict(shuffled)), CopyUse("", "*"), None) == select(tree, CopyUse("", "*"), None)
