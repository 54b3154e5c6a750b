"""Every way to read a tree finds the same: one process, forked ones, threads, and the plain definition."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hashtag.context.fileset import FileSet, file_set, files_of
from hashtag.context.ignore import IgnoreRules
from hashtag.context.listing import Listing
from hashtag.context.selection import select
from hashtag.context.uses import CopyUse
from hashtag.errors import FileChanged, UnreadableFile
from hashtag.images.model import Modes
from hashtag.worktree.crew import can_fork
from hashtag.worktree.selected import hash_files
from hashtag.worktree.tree import TreeContents
from hashtag.worktree.views import View, Views, Whole
from hashtag.worktree.walk import read_tree
from hashtag.worktree.worker import work

_NAMES = st.sampled_from(["a", "b", "a-b", "a.log", "é", "\udcff", "\U0001f600", "x y", "node_modules"])
_FILES = st.dictionaries(
    st.lists(_NAMES, min_size=1, max_size=4).map("/".join), st.sampled_from(["text", "link", "x", "fifo"])
)
_PATTERNS = st.sampled_from(
    ["a", "*", "**/*.log", "!a", "!**/a.log", "!b/a", "node_modules", "**/a-b", "!*/b", "**", "é", "a/*"]
)


def plant(root: Path, files: dict[str, str]) -> None:
    """Make files, links and pipes; what lies below a file is left out."""
    for path, kind in files.items():
        whole = root / os.fsdecode(path.encode("utf-8", "surrogateescape"))
        try:
            whole.parent.mkdir(parents=True, exist_ok=True)
            match kind:
                case "link":
                    whole.symlink_to("a")
                case "fifo":
                    os.mkfifo(whole)
                case _:
                    whole.write_text(path.encode("utf-8", "replace").decode() * (1 + len(path)))
                    whole.chmod(0o4755 if kind == "x" else 0o640)
        except OSError:  # below a file, or a link that leads in circles
            continue


def plain(root: Path, listing: Listing, folder: str, modes: Modes) -> FileSet:
    """Return the file set by the pure definition."""
    selection = select(listing, CopyUse("", folder or "."), None)
    contents = hash_files(root, files_of(selection, listing), listing)
    return file_set(selection, listing, contents, modes)


@settings(deadline=None)
@given(_FILES, st.lists(_PATTERNS, max_size=4), st.sampled_from(["", "a", "b", "a/b"]))
def test_what_is_taken_whole_has_the_file_set_of_its_entries(files, patterns, folder) -> None:
    rules = IgnoreRules.parse("\n".join(patterns))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        plant(root, files)
        wholes = [Whole(0, folder, modes) for modes in Modes]
        tree = read_tree(root, Views([View("", rules)], wholes), workers=1)
        listing = tree.listing(0)
        found = [tree.file_set(number) for number in range(len(wholes))]

        for whole, file_set_found in zip(wholes, found, strict=True):
            if file_set_found is not None:
                assert file_set_found == plain(root, listing, folder, whole.modes)
                contents = TreeContents(listing)
                assert dict(contents) == hash_files(root, contents, listing)
            else:
                assert not any(path.startswith(f"{folder}/") for path in listing)


@settings(deadline=None)
@given(
    _FILES, st.lists(_PATTERNS, max_size=4), st.lists(_PATTERNS, max_size=4), st.sampled_from(["a", "a/b"])
)
def test_contexts_in_each_other_are_seen_as_if_alone(files, outer, inner, folder) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        if outer:
            (root / folder).mkdir(parents=True)
        plant(root, files)
        assume((root / folder).is_dir() and os.path.realpath(root / folder) == str(root / folder))
        alone = [
            (root, IgnoreRules.parse("\n".join(outer))),
            (root / folder, IgnoreRules.parse("\n".join(inner))),
            (root, None),
        ]
        views = Views(
            [View("", alone[0][1]), View(folder, alone[1][1]), View("", None)],
            [Whole(0, "", Modes.FULL), Whole(1, folder, Modes.GIT), Whole(2, "", Modes.GIT)],
        )
        tree = read_tree(root, views, workers=1)

        for number, (start, rules) in enumerate(alone):
            modes = views.wholes[number].modes
            single = read_tree(start, Views([View("", rules)], [Whole(0, "", modes)]), workers=1)
            assert list(tree.listing(number).items()) == list(single.listing(0).items())
            assert tree.file_set(number) == single.file_set(0)


_SCRIPT = """
import json, sys
from pathlib import Path
from hashtag.context.ignore import IgnoreRules
from hashtag.errors import HashtagError
from hashtag.images.model import Modes
from hashtag.worktree.crew import can_fork
from hashtag.worktree.selected import hash_files
from hashtag.worktree.views import View, Views, Whole
from hashtag.worktree.walk import read_tree

assert can_fork() or sys.platform != "linux"
root, workers, rules = sys.argv[1:]
views = Views([View("", IgnoreRules.parse(rules))], [Whole(0, "", Modes.GIT), Whole(0, "d1", Modes.FULL)])
counted = []
try:
    count = lambda *more: counted.append(more)
    tree = read_tree(Path(root), views, workers=int(workers) or None, count=count)
except HashtagError as error:
    print(json.dumps([type(error).__name__, error.what, str(error.where)]))
else:
    listing = tree.listing(0)
    sets = [str(tree.file_set(number)) for number in (0, 1)]
    totals = [sum(each) for each in zip(*counted)]
    hashed = []
    count = lambda *more: hashed.append(more)
    digests = hash_files(Path(root), listing, listing, workers=int(workers) or None, count=count)
    totals += [sum(each) for each in zip(*hashed)]
    entries = [list(map(str, entry)) for entry in listing.values()]
    print(json.dumps([sets, entries, list(digests.items()), totals]))
children = [line for line in Path("/proc/self/task").glob("*/children") for line in line.read_text().split()]
assert children == [], children
"""


# What is imported later need not be readable for nobody.
_AS_NOBODY = "import os, resource, concurrent.futures.thread\nos.geteuid() or os.seteuid(65534)"


def read_elsewhere(root: Path, workers: int, rules: str = "", *, as_nobody: bool = False) -> list[object]:
    """Return what a fresh process finds, in which no thread runs."""
    script = _SCRIPT.replace("counted = []", f"counted = []\n{_AS_NOBODY if as_nobody else ''}")
    done = subprocess.run(
        [sys.executable, "-c", script, str(root), str(workers), rules],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree of some thousand files, two of them large."""
    root = tmp_path_factory.mktemp("many")
    chance = random.Random(3)
    folders = [root]
    for number in range(400):
        folder = folders[int(len(folders) * chance.random() ** 2)] / f"d{number}"
        folder.mkdir()
        folders.append(folder)
    for number in range(3000):
        folder = chance.choice(folders)
        (folder / f"{chance.choice('abé')}{number}.{chance.choice(['log', 'c'])}").write_bytes(
            chance.randbytes(40)
        )
    (folders[7] / "large").write_bytes(bytes(2_000_000))
    (root / "larger").write_bytes(bytes(3_000_000))
    return root


@pytest.mark.parametrize(
    "rules", ["", "**/*.log\nd2", "**\n!**/*.c", "d1/*\n!d1/d3"], ids=["no rules", "some", "all but", "one"]
)
def test_forked_workers_find_what_one_process_finds(many: Path, rules: str) -> None:
    serial = read_elsewhere(many, 1, rules)

    assert read_elsewhere(many, 3, rules) == serial
    assert read_elsewhere(many, 0, rules) == serial


def test_what_a_worker_meets_is_raised_in_its_parent() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "d0").mkdir()
        (root / "d0" / "file").touch()
        (root / "d1").mkdir(mode=0)

        found = read_elsewhere(root, 2, as_nobody=True)

    assert found == ["UnreadableFile", "cannot be read: permission denied", str(root / "d1")]


def test_a_thread_in_this_process_forbids_a_fork() -> None:
    is_over = threading.Event()
    thread = threading.Thread(target=is_over.wait)
    thread.start()
    try:
        assert not can_fork()
    finally:
        is_over.set()
        thread.join()


def test_a_worker_answers_until_its_tasks_end(many: Path) -> None:
    import marshal

    small = [str(path.relative_to(many)) for path in (many / "d0").iterdir() if path.is_file()]
    reader, tasks = os.pipe()
    results, writer = os.pipe()
    tasks_given = [
        ("hash", [("larger", 3_000_000)]),
        ("hash", [("larger", 1)]),
        ("hash", [(path, 40) for path in small]),
        ("scan", "d1"),
    ]
    for each in map(marshal.dumps, tasks_given):
        os.write(tasks, len(each).to_bytes(8) + each)
    os.close(tasks)
    worker = threading.Thread(target=work, args=(many, Views([View("", None)]), reader, writer))
    worker.start()
    answers = []
    for _ in tasks_given:
        size = int.from_bytes(os.read(results, 8))
        text = b""
        while len(text) < size:
            text += os.read(results, size - len(text))
        answers.append(marshal.loads(text))
    worker.join()
    for descriptor in (reader, results, writer):
        os.close(descriptor)

    assert [answer[0] for answer in answers] == ["hashed", "error", "hashed", "scanned"]
    assert answers[2][1] == {path: hashlib.sha256((many / path).read_bytes()).hexdigest() for path in small}
    assert answers[1][2] == "it changed while the build context was read"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_no_worker_outlives_its_parent(tmp_path: Path, how: signal.Signals) -> None:
    # Sparse: long to hash, nothing on disk.
    for number in range(4):
        (tmp_path / f"d{number}").mkdir()
        with (tmp_path / f"d{number}" / "huge").open("wb") as file:
            file.truncate(64 * 1024**3)
    parent = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, str(tmp_path), "2", ""],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    workers = wait_for_children(parent.pid)
    if how is signal.SIGINT:
        parent.send_signal(how)
        _, errors = parent.communicate(timeout=20)
        assert b"KeyboardInterrupt" in errors
        assert not [worker for worker in workers if is_alive(worker)]
    else:
        parent.send_signal(how)
        parent.communicate(timeout=20)
        deadline = time.monotonic() + 20
        while any(map(is_alive, workers)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not [worker for worker in workers if is_alive(worker)]


def wait_for_children(process: int) -> list[int]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        if len(children) == 2:
            return [int(child) for child in children]
        time.sleep(0.05)
    raise AssertionError("no workers")


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_a_killed_worker_changes_nothing(many: Path) -> None:
    script = _SCRIPT.replace(
        "counted = []",
        "import hashtag.worktree.worker as worker, os\nparent = os.getpid()\n"
        "class Dying(worker.Scanner):\n"
        "    def scan(self, folders, most):\n"
        "        if os.getpid() != parent: os._exit(9)\n"
        "        return super().scan(folders, most)\n"
        "worker.Scanner = Dying\n"
        "small = worker.hash_small\n"
        "worker.hash_small = lambda *task: small(*task) if os.getpid() == parent else os._exit(9)\n"
        "counted = []",
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(many), "2", ""], capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout)[:3] == read_elsewhere(many, 1)[:3]


def test_a_file_that_is_written_while_a_tree_is_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "young"
    path.write_bytes(b"x" * 900_000)
    is_over = threading.Event()

    def touch() -> None:
        while not is_over.is_set():
            os.utime(path)

    writer = threading.Thread(target=touch)
    writer.start()
    try:
        with pytest.raises(FileChanged, match="young: it changed"):
            read_often(tmp_path)
    finally:
        is_over.set()
        writer.join()


def read_often(root: Path) -> None:
    for _ in range(200):
        read_tree(root, Views([View("", None)], [Whole(0, "", Modes.GIT)]), workers=1)


def test_what_no_context_looks_into_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "seen" / "deep").mkdir(parents=True)
    (tmp_path / "unseen").mkdir(mode=0)
    (tmp_path / "seen" / "deep" / "file").write_text("x")
    views = Views(
        [View("", IgnoreRules.parse("seen\nunseen")), View("seen/deep", None)],
        [Whole(1, "seen/deep", Modes.GIT)],
    )

    tree = read_tree(tmp_path, views, workers=1)

    assert list(tree.listing(0)) == []
    assert list(tree.listing(1)) == ["file"]
    assert tree.file_set(0).count == 1


def test_a_missing_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="nowhere"):
        read_tree(tmp_path / "nowhere", Views([View("", None)]), workers=2)
