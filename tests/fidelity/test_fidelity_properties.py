"""Random builds: what is used counts, what is not does not, and spelling never does."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve
from hypothesis import event, given, settings
from hypothesis import strategies as st

from fidelity.build_strategies import RandomBuild, builds, edited, folders, orders

_QUICK = settings(max_examples=80, deadline=None)


@contextmanager
def two_folders() -> Iterator[tuple[Path, Path]]:
    """Two places for one build; in memory, where a folder lists what came last first, if there is such."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder, "one"), Path(folder, "other")


def changes(one: RandomBuild, other: RandomBuild) -> bool:
    with two_folders() as (here, there):
        return one.tag(here) != other.tag(there)


@_QUICK
@given(builds(), st.data())
def test_an_edit_counts_exactly_if_the_file_is_used(build: RandomBuild, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(build.files)))

    event(f"used: {build.uses(path)}")
    assert changes(build, edited(build, path, "edited")) == build.uses(path)


@_QUICK
@given(builds(), st.data())
def test_the_x_bit_counts_exactly_if_the_file_is_used(build: RandomBuild, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(build.files)))

    assert changes(build, evolve(build, executable=frozenset([path]))) == build.uses(path)


@_QUICK
@given(builds(), st.data())
def test_a_new_file_counts_exactly_if_it_is_used(build: RandomBuild, data: st.DataObject) -> None:
    folder = data.draw(st.sampled_from(["", *folders(list(build.files))]))
    path = f"{folder}/new".lstrip("/")

    event(f"used: {build.uses(path)}")
    assert changes(build, edited(build, path, "new")) == build.uses(path)


@_QUICK
@given(builds(), st.data())
def test_a_removed_file_counts_if_it_is_used(build: RandomBuild, data: st.DataObject) -> None:
    """One that is not used leaves everything as it was, as long as its folder stays."""
    path = data.draw(st.sampled_from(sorted(build.files)))
    beside = edited(build, f"{path}-beside", "1")
    is_named = any(getattr(step, "source", "") == path for stage in build.stages for step in stage.steps)
    less = evolve(beside, files={each: text for each, text in beside.files.items() if each != path})

    if not is_named:
        assert changes(beside, less) == build.uses(path)


@_QUICK
@given(builds(), st.data())
def test_a_base_that_moves_counts_exactly_if_its_stage_is_needed(
    build: RandomBuild, data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(build.stages) - 1))
    stages = list(build.stages)
    stages[number] = evolve(stages[number], base=7)
    is_used = number in build.reachable and stages[number].parent is None

    assert changes(build, evolve(build, stages=tuple(stages))) == is_used


@_QUICK
@given(builds(), st.data())
def test_names_of_stages_and_their_order_never_count(build: RandomBuild, data: st.DataObject) -> None:
    names = data.draw(st.permutations(["one", "two-2", "z.z", "a_b"]))
    order = data.draw(orders(build))

    with two_folders() as (here, there):
        lines = build.dockerfile(names, order)
        assert build.tag(here) == build.tag(there, lines=lines, target=names[build.target].upper())


@_QUICK
@given(builds(), st.data())
def test_comments_and_spelling_never_count(build: RandomBuild, data: st.DataObject) -> None:
    lines = build.dockerfile()
    for dull in ("# FROM nothing", "", "   # syntax=none", " \t"):
        lines.insert(data.draw(st.integers(0, len(lines))), dull)
    number = data.draw(st.integers(0, len(lines) - 1))
    first, blank, rest = lines[number].partition(" ")
    if first.isalpha():
        lines[number] = f"  {first.lower()}{blank}{rest} \t"

    with two_folders() as (here, there):
        assert build.tag(here) == build.tag(there, lines=lines)


@_QUICK
@given(builds(), st.sampled_from(["ENV A=2", "COPY . /more", "RUN other", "FROM base-0:1\nCOPY . /"]))
def test_what_is_added_to_stages_that_are_not_needed_never_counts(build: RandomBuild, text: str) -> None:
    """At the end of the file, in a stage of its own."""
    with two_folders() as (here, there):
        lines = [*build.dockerfile(), "FROM s0 AS unneeded", *text.split("\n")]
        assert build.tag(here) == build.tag(there, lines=lines)


@_QUICK
@given(builds())
def test_the_order_in_which_files_came_never_counts(build: RandomBuild) -> None:
    with two_folders() as (here, there):
        assert build.tag(here) == build.tag(there, reverse=True)


@_QUICK
@given(builds(), st.data())
def test_an_ignore_line_counts_only_by_what_it_hides(build: RandomBuild, data: st.DataObject) -> None:
    """Of what is named nothing is missing: an ignored source is an error, as BuildKit says."""
    named = [getattr(step, "source", "") for stage in build.stages for step in stage.steps]
    free = [path for path in build.files if not any(_touch(path, source) for source in named)]
    if not free:
        return
    hidden = data.draw(st.sampled_from(free))

    assert changes(build, evolve(build, ignored=build.ignored | {hidden})) == build.uses(hidden)


def _touch(path: str, source: str) -> bool:
    """Whether hiding the path could leave the source missing, or a folder empty."""
    return source in (".", "*") or path.startswith(source.rstrip("*")) or source.startswith(path)
