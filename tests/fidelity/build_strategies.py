"""Random small builds, and what they use, told without asking hashtag."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from attrs import evolve, field, frozen
from hypothesis import strategies as st

import hashtag

NAMES = ["a", "ab", "b", "é", "a-b", "c.d"]


@frozen
class Taking:
    """
    A COPY, ADD or bind mount of the context.

    Attributes:
        source: A path, `.`, or a path whose last name is a prefix and `*`.
        exclude: A name directly below the source; empty for none.
    """

    verb: str
    source: str
    exclude: str = ""

    @property
    def text(self) -> str:
        if self.verb == "RUN":
            return f"RUN --mount=type=bind,source={self.source},target=/m cat /m"
        exclude = f"--exclude={self.exclude} " if self.exclude else ""
        return f"{self.verb} {exclude}{json.dumps([self.source, '/t/'], ensure_ascii=False)}"

    def takes(self, path: str) -> bool:
        """Return whether a visible file of the context is taken."""
        if self.source.endswith("*"):
            folder, _, prefix = self.source.removesuffix("*").rpartition("/")
            return path.startswith(f"{folder}/{prefix}" if folder else prefix)
        below = path if self.source == "." else path.removeprefix(self.source).removeprefix("/")
        is_excluded = self.exclude != "" and below.split("/")[0] == self.exclude
        return (self.source == "." or is_at_or_below(path, self.source)) and not is_excluded


@frozen
class TakingStage:
    """A COPY from an earlier stage, or a mount of it."""

    verb: str
    stage: int


@frozen
class Plain:
    """An instruction that uses no file."""

    text: str


Step: TypeAlias = Taking | TakingStage | Plain


@frozen
class Stage:
    """`parent` is an earlier stage, or None for an image of its own, whose digest ends in `base`."""

    parent: int | None
    steps: tuple[Step, ...]
    base: int = 0


@frozen
class RandomBuild:
    """
    A context, an ignore file and a Dockerfile.

    Attributes:
        files: Content by path.
        executable: Files with the x bit.
        ignored: Paths of files and folders.
        target: The number of a stage.
    """

    files: Mapping[str, str]
    ignored: frozenset[str]
    stages: tuple[Stage, ...]
    target: int
    executable: frozenset[str] = field(default=frozenset())

    @property
    def reachable(self) -> frozenset[int]:
        """The stages that the target needs."""
        found: set[int] = set()
        waiting = [self.target]
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                waiting.extend(needs(self.stages[number]))
        return frozenset(found)

    def uses(self, path: str) -> bool:
        """Return whether the target is made of this file, which need not exist yet."""
        steps = [step for number in self.reachable for step in self.stages[number].steps]
        is_visible = not any(is_at_or_below(path, ignored) for ignored in self.ignored)
        return is_visible and any(isinstance(step, Taking) and step.takes(path) for step in steps)

    def dockerfile(self, names: Sequence[str] = (), order: Sequence[int] = ()) -> list[str]:
        """Return the lines, with other names of the stages and in another order."""
        called = names or [f"s{number}" for number in range(len(self.stages))]
        lines = []
        for number in order or range(len(self.stages)):
            stage = self.stages[number]
            parent = f"base-{number}:1" if stage.parent is None else called[stage.parent]
            lines += [f"FROM {parent} AS {called[number]}", *[_line(step, called) for step in stage.steps]]
        return lines

    def tag(self, folder: Path, *, lines: Sequence[str] = (), target: str = "", reverse: bool = False) -> str:
        """Write all this below a folder; return the cache tag."""
        context = folder / "context"
        context.mkdir(parents=True)
        for path in sorted(self.files, reverse=reverse):
            file = context / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.files[path])
            file.chmod(0o755 if path in self.executable else 0o644)
        dockerfile = folder / "Dockerfile"
        dockerfile.write_text("\n".join(lines or self.dockerfile()) + "\n")
        (folder / "Dockerfile.dockerignore").write_text("\n".join(sorted(self.ignored)) + "\n")
        bases = {
            f"base-{number}:1": hashtag.BaseImage(f"sha256:{stage.base + 1:064x}")
            for number, stage in enumerate(self.stages)
        }
        target = target or f"s{self.target}"
        return hashtag.fingerprint(context, dockerfile=dockerfile, target=target, bases=bases).tag


def is_at_or_below(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}/")


def needs(stage: Stage) -> set[int]:
    """Return the stages that a stage is made of, directly."""
    taken = {step.stage for step in stage.steps if isinstance(step, TakingStage)}
    return taken if stage.parent is None else taken | {stage.parent}


def folders(paths: Sequence[str]) -> list[str]:
    """Return all folders that hold one of these."""
    return sorted({path[:at] for path in paths for at, letter in enumerate(path) if letter == "/"})


def _line(step: Step, called: Sequence[str]) -> str:
    match step:
        case TakingStage("RUN", stage):
            return f"RUN --mount=from={called[stage]},target=/m cat /m"
        case TakingStage(verb, stage):
            return f"{verb} --from={called[stage]} / /stage"
        case _:
            return step.text


@st.composite
def _trees(draw: st.DrawFn) -> dict[str, str]:
    paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
    files = draw(st.dictionaries(paths, st.sampled_from(["", "1", "2"]), min_size=1, max_size=6))
    return {path: content for path, content in files.items() if path not in folders(list(files))}


def _takings(visible: Sequence[str]) -> st.SearchStrategy[Taking]:
    inside = folders(visible)
    # BuildKit's parser (split_command.go, extractBuilderFlags) takes flags byte by byte: é becomes Ã©.
    ascii_paths = [path for path in (".", *visible, *inside) if path.isascii()]
    globs = ["*", "a*", *[f"{folder}/{prefix}*" for folder in inside for prefix in ("", "a")]]
    excluding = st.builds(
        Taking,
        st.sampled_from(["COPY", "ADD"]),
        st.sampled_from([".", *inside]),
        st.sampled_from(["", *filter(str.isascii, NAMES)]),
    )
    copying = st.builds(
        Taking, st.sampled_from(["COPY", "ADD"]), st.sampled_from([".", *globs, *visible, *inside])
    )
    mounting = st.builds(Taking, st.just("RUN"), st.sampled_from(ascii_paths))
    return copying | excluding | mounting


@st.composite
def builds(draw: st.DrawFn) -> RandomBuild:
    """Draw a build that BuildKit would do: nothing it names is missing."""
    files = draw(_trees())
    everything = [*files, *folders(list(files))]
    ignored = draw(st.frozensets(st.sampled_from(everything), max_size=2))
    visible = [path for path in files if not any(is_at_or_below(path, each) for each in ignored)]
    plain = st.sampled_from(["ENV A=1", "RUN make", "USER 1", "WORKDIR /w", "LABEL a=b", "CMD a"]).map(Plain)
    stages: list[Stage] = []
    for number in range(draw(st.integers(1, 4))):
        earlier = st.integers(0, number - 1)
        steps = _takings(visible) | plain
        if number:
            steps |= st.builds(TakingStage, st.sampled_from(["COPY", "RUN"]), earlier)
        parent = draw(st.none() | earlier) if number else None
        stages.append(Stage(parent, tuple(draw(st.lists(steps, max_size=4)))))
    return RandomBuild(files, ignored, tuple(stages), draw(st.integers(0, len(stages) - 1)))


@st.composite
def orders(draw: st.DrawFn, build: RandomBuild) -> list[int]:
    """Draw an order of the stages in which each comes after those that it needs."""
    left, order = set(range(len(build.stages))), []
    while left:
        ready = sorted(number for number in left if not needs(build.stages[number]) & left)
        order.append(draw(st.sampled_from(ready)))
        left.remove(order[-1])
    return order


def edited(build: RandomBuild, path: str, content: str) -> RandomBuild:
    return evolve(build, files={**build.files, path: content})
