"""All measurements of hashing, and the page that shows them: `nox -s bench`.

python benchmarks/run.py PEERS-PYTHON [--files 100000] [--rounds 7] [--out docs] [--only NAME…]
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import trees
from paired import Command, Run, interleaved, megabytes, ratio, run, seconds
from report import Row, write_report

HERE = Path(__file__).parent
HASHTAG = [sys.executable, "-m", "hashtag"]
PLANNED_IMAGES = 50
_ROUND_TRIP = 0.05  # seconds


class Bench(NamedTuple):
    """Where things are, and how often they are measured."""

    folder: Path
    peers: str
    files: int
    rounds: int

    def path(self, name: str) -> Path:
        """Return where a tree or program is."""
        return self.folder / name

    def planted(self, name: str, plant: Callable[[Path], None]) -> str:
        """Return the path of a tree, made on first use."""
        if not self.path(name).exists():
            plant(self.path(name))
            settle()
        return str(self.path(name))


def settle() -> None:
    """Let files grow older than what is taken for just written."""
    subprocess.run(["sync"], check=False)
    subprocess.run(["sleep", "2.5"], check=False)


def hash_of(tree: str, *more: str) -> Command:
    """Return the command under test, without a stat cache unless asked for."""
    chosen = [] if any(option.endswith("stat-cache") for option in more) else ["--no-stat-cache"]
    return Command("hashtag hash", [*HASHTAG, "hash", tree, *chosen, *more])


def limit(bench: Bench, tree: str, workers: int = 2) -> Command:
    """Return the same work in C."""
    return Command("C", [str(bench.path("limit")), str(workers), tree])


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("peers")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="hashtag-bench-"))
    folder.mkdir(exist_ok=True)
    bench = Bench(folder, given.peers, given.files, given.rounds)
    rows: list[Row] = []
    try:
        build(bench)
        for measure in MEASURES:
            if given.only and measure.__name__ not in given.only:
                continue
            print(f"… {measure.__name__}", file=sys.stderr, flush=True)
            for row in measure(bench):
                print(row.text(), flush=True)
                rows.append(row)
    finally:
        if given.folder is None:
            shutil.rmtree(folder)
    write_report(given.out, rows, machine(bench))


def build(bench: Bench) -> None:
    """Build the references in C and Go."""
    if not bench.path("limit").exists():
        compiler = [
            "cc",
            "-O2",
            "-pthread",
            "-o",
            str(bench.path("limit")),
            str(HERE / "limit.c"),
            "-lcrypto",
        ]
        subprocess.run(compiler, check=True)
    if not bench.path("limit-go").exists():
        go = str(Path(bench.peers).with_name("go"))
        environ = {
            **os.environ,
            "GOCACHE": str(bench.path("go-cache")),
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
        }
        source = str(HERE / "limit.go")
        subprocess.run([go, "build", "-o", str(bench.path("limit-go")), source], check=True, env=environ)


# ── the rows ─────────────────────────────────────────────────────────────────────────────────────


def small_files(bench: Bench) -> Sequence[Row]:
    """Many small files, in the page cache."""
    tree = bench.planted("B", lambda path: trees.plant(path, bench.files))
    ignored = bench.planted("B-ignored", lambda path: _with_ignore_file(path, bench.files))
    peers = [bench.peers, str(HERE / "peers.py")]
    commands = [
        limit(bench, tree),
        hash_of(tree),
        hash_of(ignored),
        Command("Go, two workers", [str(bench.path("limit-go")), "2", tree]),
        Command("stat alone in C", [str(bench.path("limit")), "-s", "2", tree]),
        Command(
            "find | xargs -P2 sha256sum",
            ["sh", "-c", 'find "$0" -type f -print0 | xargs -0 -P2 sha256sum', tree],
        ),
        Command("tar | sha256sum", ["sh", "-c", 'tar -C "$0" -cf - . | sha256sum', tree]),
        Command("dirhash, two jobs", [*peers, "dirhash", tree]),
        Command("checksumdir", [*peers, "checksumdir", tree]),
    ]
    runs = interleaved(commands, bench.rounds)
    slow = [
        hash_of(tree),
        Command("taskgraph's context hash", [*peers, "taskgraph", tree]),
        Command("Docker SDK's context tar", [*peers, "docker-tar", tree]),
    ]
    slow_runs = interleaved(slow, max(3, bench.rounds // 2))
    c, ours = runs[0], runs[1]
    files = f"{bench.files:,} files"
    return [
        _row(f"{files}, warm / C, two threads", 1.6, ours, c),
        _row("the same with a `.dockerignore` of 12 patterns / C without", 1.3, runs[2], c),
        _row("the same / Go, two workers", 0.7, ours, runs[3]),
        _row("the same / Docker SDK's context tar", 0.1, slow_runs[0], slow_runs[2]),
        _row("the same / taskgraph's context hash", 0.25, slow_runs[0], slow_runs[1]),
        _row("the same / dirhash, two jobs", 0.4, ours, runs[7]),
        *(
            _row(f"the same / {command.name}", None, ours, found)
            for command, found in zip(commands[4:], runs[4:], strict=True)
            if command.name != "dirhash, two jobs"
        ),
        Row("most memory of a process, in MB", 60.0, megabytes(ours), None, None),
    ]


def cold_files(bench: Bench) -> Sequence[Row]:
    """Ten thousand files that are not in the page cache; needs root."""
    if os.geteuid() != 0:
        return []
    tree = bench.planted("A", lambda path: trees.plant(path, 10_000))
    small = bench.planted("K", lambda path: trees.plant(path, 1_000))

    def forget() -> None:
        _forget()
        # The programs themselves are not what is cold.
        run(hash_of(small))
        run(limit(bench, small))

    ours, c = interleaved(
        [hash_of(tree)._replace(before=forget), limit(bench, tree)._replace(before=forget)],
        bench.rounds,
        warm=False,
    )
    return [_row("10,000 files, cold / C, two threads", 0.8, ours, c)]


def large_files(bench: Bench) -> Sequence[Row]:
    """A few large files, in the page cache."""
    tree = bench.planted("C", lambda path: trees.plant_large(path, 1024))
    ours, c = interleaved([hash_of(tree), limit(bench, tree)], bench.rounds)
    return [_row("eight files of 128 MB / C with as many threads", 1.1, ours, c)]


def git_status(bench: Bench) -> Sequence[Row]:
    """A work tree in which nothing, or little, changed."""
    tree = bench.planted("E", lambda path: _commit(path, bench.files))
    cached = bench.path("cache")
    remembered = Command(
        "hashtag", ["env", f"XDG_CACHE_HOME={cached}", *HASHTAG, "hash", tree, "--stat-cache"]
    )

    asked = Command("git path", [*remembered.argv[:-1], "--no-stat-cache", "--git-index"])

    def settled() -> None:
        settle()
        run(remembered)
        run(status)

    def remembering() -> None:
        settle()
        run(status)  # leaves no file as young as the index
        settle()
        run(asked)

    unchanged = remembered._replace(before=settled)
    changed = remembered._replace(before=lambda: _touch(Path(tree)))
    status = Command("git status", ["git", "-C", tree, "status", "--porcelain"])
    unasked = asked._replace(before=remembering)
    ours, theirs, some, by_git = interleaved([unchanged, status, changed, unasked], bench.rounds)
    return [
        _row("a work tree, nothing changed, stat cache / git status", 1.3, ours, theirs),
        _row("a work tree, nothing changed, git path / git status", 1.0, by_git, theirs),
        _row("1 % of the files changed / nothing changed", 1.6, some, ours),
        Row("most memory with the stat cache, in MB", 100.0, megabytes(ours), None, None),
    ]


def ignore_patterns(bench: Bench) -> Sequence[Row]:
    """The walk alone, with many patterns and without."""
    tree = bench.planted("B", lambda path: trees.plant(path, bench.files))
    walk = [sys.executable, str(HERE / "walk.py"), tree]
    runs = interleaved(
        [Command("bare", [*walk, "0"]), Command("12", [*walk, "12"]), Command("112", [*walk, "112"])],
        bench.rounds,
    )
    return [
        _row("walk with 112 patterns / bare walk", 1.25, runs[2], runs[0]),
        _row("walk with 12 patterns / bare walk", None, runs[1], runs[0]),
    ]


def many_images(bench: Bench) -> Sequence[Row]:
    """Fifty images over one context."""
    tree = bench.planted("I", lambda path: _with_images(path, bench.files))
    plan = [
        *HASHTAG,
        "-C",
        tree,
        "plan",
        "--repository",
        f"oci-layout:{bench.path('layout')}",
        "--no-stat-cache",
    ]
    fifty, one = interleaved(
        [Command("50", plan), Command("1", [*plan, "image0"])], max(3, bench.rounds // 2)
    )
    return [_row(f"{PLANNED_IMAGES} images over one context / one image", 2.0, fifty, one)]


def start(bench: Bench) -> Sequence[Row]:
    """What is paid before the first file is read."""
    tree = bench.planted("K", lambda path: trees.plant(path, 1_000))
    layout = f"oci-layout:{bench.path('layout')}"
    plan, version, hashed, nothing = interleaved(
        [
            Command("plan", [*HASHTAG, "-C", tree, "plan", "--repository", layout]),
            Command("version", [*HASHTAG, "--version"]),
            hash_of(tree),
            Command("nothing", [sys.executable, "-c", "pass"]),
        ],
        2 * bench.rounds,
    )
    return [
        _row("`plan` on 1,000 files, offline / `python -c pass`", 12.0, plan, nothing),
        _row("`--version` / `python -c pass`", 3.0, version, nothing),
        _row("`hash` on 1,000 files / `python -c pass`", None, hashed, nothing),
    ]


def shape(bench: Bench) -> Sequence[Row]:
    """From 1,000 to 500,000 files, and from 10 MB to 5 GB."""
    counts = [count for count in (1_000, 10_000, 100_000, 500_000) if count <= 5 * bench.files]
    rows, points = [], []
    empty = bench.planted("empty", lambda path: trees.plant(path, 8))
    for count in counts:
        tree = bench.planted(f"shape-{count}", lambda path, count=count: trees.plant(path, count, median=600))
        net, row = _net(f"{count:,} files of 1 KB", tree, empty)
        rows.append(row)
        points.append((count, net, row.other))
        shutil.rmtree(tree)
    # Of the smallest, start-up is all; below a thousand entries there is but one process.
    rows.append(
        Row("exponent of the cost in files", 1.05, _exponent([each[:2] for each in points[1:]]), None, None)
    )
    if len(points) > 2:
        growth = (points[-1][2] - points[-2][2]) / (points[-1][0] - points[-2][0]) * 100_000
        rows.append(Row("memory for 100,000 files more, in MB", 35.0, growth, None, None))
    sizes = []
    for size in (10, 100, 1_000, 5_000):
        tree = bench.planted(f"bytes-{size}", lambda path, size=size: trees.plant_large(path, size, files=10))
        net, row = _net(f"{size:,} MB in ten files", tree, empty)
        rows.append(row)
        sizes.append((size, net))
        shutil.rmtree(tree)
    rows.append(Row("exponent of the cost in bytes", 1.05, _exponent(sizes[1:]), None, None))
    return rows


def _net(name: str, tree: str, empty: str) -> tuple[float, Row]:
    """Return the seconds that a tree takes longer than an empty one, and the row: seconds, memory."""
    ours, nothing = interleaved([hash_of(tree), hash_of(empty)], 3)
    least = min(each.seconds for each in ours)
    net = max(least - min(each.seconds for each in nothing), 1e-3)
    return net, Row(f"{name}: seconds; memory in MB", None, least, None, megabytes(ours))


def lookups(_: Bench) -> Sequence[Row]:
    """Two hundred look-ups at 50 ms."""
    if shutil.which("docker-registry") is None:
        return []
    from lookups import OURS, SKOPEO, measured

    found = measured(200, _ROUND_TRIP)
    ours, one_by_one = found[OURS], found.get(SKOPEO)
    rows = [Row("200 look-ups at 50 ms, in round trips", 20.0, ours / _ROUND_TRIP, ours, None)]
    if one_by_one is not None:
        rows.append(Row("the same / skopeo, one by one", 0.02, ours / one_by_one, ours, one_by_one))
    return rows


MEASURES = (
    start,
    small_files,
    ignore_patterns,
    large_files,
    cold_files,
    many_images,
    git_status,
    shape,
    lookups,
)


# ── what they need ───────────────────────────────────────────────────────────────────────────────


def _row(name: str, goal: float | None, ours: Sequence[Run], others: Sequence[Run]) -> Row:
    return Row(name, goal, ratio(ours, others), seconds(ours), seconds(others))


def _with_ignore_file(path: Path, files: int) -> None:
    trees.plant(path, files)
    (path / ".dockerignore").write_text(trees.IGNORE_FILE)


def _with_images(path: Path, files: int) -> None:
    trees.plant(path, files)
    (path / "Dockerfile").unlink()
    (path / "images").mkdir()
    tables = []
    for number in range(PLANNED_IMAGES):
        (path / "images" / f"{number}.Dockerfile").write_text(f"FROM scratch\nENV N={number}\nCOPY . /\n")
        tables.append(
            f'[[image]]\nname = "image{number}"\ndockerfile = "images/{number}.Dockerfile"\ncontext = "."\n'
        )
    (path / "hashtag.toml").write_text("\n".join(tables))


def _commit(path: Path, files: int) -> None:
    trees.plant(path, files)
    (path / ".dockerignore").write_text(".git\n")
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    # No git may tidy up while the others are measured.
    for arguments in (
        ["init", "-q"],
        ["config", "gc.auto", "0"],
        ["add", "."],
        [*identity, "commit", "-q", "-m", "all"],
        ["status"],
    ):
        subprocess.run(["git", "-C", str(path), *arguments], check=True, stdout=subprocess.DEVNULL)


def _touch(tree: Path) -> None:
    """Write one file in a hundred anew, with the same content."""
    folders = [folder for folder in tree.iterdir() if folder.name != ".git"]
    files = sorted(path for folder in folders for path in folder.rglob("*[0-9]7.*") if path.is_file())
    for path in files[:: max(1, len(files) // (len(files) // 10 or 1))]:
        path.write_bytes(path.read_bytes())


def _forget() -> None:
    subprocess.run(["sync"], check=True)
    Path("/proc/sys/vm/drop_caches").write_text("3")


def _exponent(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the line through the points' logarithms."""
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)


def machine(bench: Bench) -> str:
    """Return one paragraph on where this was measured."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    has_sha = "with" if "sha_ni" in Path("/proc/cpuinfo").read_text() else "without"
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", str(HERE)], capture_output=True, text=True, check=False
    ).stdout
    load = os.getloadavg()[0]
    return (
        f"{len(os.sched_getaffinity(0))} processors ({model}, {has_sha} SHA instructions), {kind.strip()}, "
        f"{platform.system()} {platform.release()}, CPython {platform.python_version()}; "
        f"{bench.rounds} rounds; load average at the end {load:.1f}."
    )


if __name__ == "__main__":
    main()
