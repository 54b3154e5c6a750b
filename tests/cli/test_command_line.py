"""The command as a whole: streams, statuses, errors, speed."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag import __version__
from hashtag.cli.main import main
from hashtag.cli.progress import copy_progress, progress
from hashtag.cli.terminal import lines, wants_colour
from hashtag.cli.values import moment, one_of, pair, pinned, seconds
from hashtag.cli.verbs import VERBS
from hashtag.errors import DockerfileError, HashtagError, Location, UsageError

HASHTAG = [sys.executable, "-m", "hashtag"]


def test_the_version_is_printed(hashtag):
    assert hashtag("--version") == (0, f"hashtag {__version__}\n", "")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(hashtag, verb):
    ran = hashtag(verb, "--help")

    assert ran.status == 0
    assert ran.out.startswith(f"usage: hashtag {verb} ")


@pytest.mark.parametrize(
    "argv", [["--version"], ["--help"], *[[verb, "--help"] for verb in VERBS]], ids=" ".join
)
def test_help_imports_nothing_slow(argv):
    code = (
        "import sys; from hashtag.cli.main import main; main(sys.argv[1:]); "
        "slow = {'attr', 'attrs', 'cattrs', 'httpx', 'pathspec', 'dockerfile_parse', 'rich'}; "
        "sys.exit(f'imported: {found}' if (found := slow & set(sys.modules)) else 0)"
    )

    ran = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("argv", "slow"),
    [
        pytest.param(["hash"], ["httpx", "cattrs", "rich", "pathspec", "ssl"], id="hash"),
        pytest.param(
            ["plan", "--repository", "oci-layout:images"], ["httpx", "cattrs", "rich", "pathspec"], id="plan"
        ),
    ],
)
def test_what_needs_no_registry_imports_no_client(tmp_path, argv, slow):
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    code = (
        "import sys; from hashtag.cli.main import main; status = main(sys.argv[2:]); "
        "found = set(sys.argv[1].split()) & set(sys.modules); "
        "sys.exit(f'imported: {found}' if found else status)"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "HASHTAG"))}

    ran = subprocess.run(
        [sys.executable, "-c", code, " ".join(slow), *argv],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environ,
    )

    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        pytest.param([], "a verb is missing", "hashtag --help", id="nothing"),
        pytest.param(["pln"], "there is no verb 'pln'", "did you mean 'plan'?", id="a verb with a slip"),
        pytest.param(["frobnicate"], "there is no verb 'frobnicate'", "hashtag --help", id="no verb"),
        pytest.param(
            ["plan", "--saev=x"],
            "hashtag plan has no option '--saev'",
            "did you mean '--save'?",
            id="an option",
        ),
        pytest.param(
            ["plan", "--xyz"], "hashtag plan has no option '--xyz'", "hashtag plan --help", id="none"
        ),
        pytest.param(
            ["plan", "--exit"],
            "hashtag plan has no option '--exit'",
            "did you mean '--exit-code'?",
            id="short",
        ),
        pytest.param(
            ["plan", "-o", "tabel"], "there is no output 'tabel'", "did you mean 'table'?", id="a kind"
        ),
        pytest.param(
            ["list", "-o", "svg"], "there is no output 'svg'", "one of text, json", id="another's kind"
        ),
        pytest.param(
            ["schema", "list", "x"], "unexpected argument 'x'", "hashtag schema --help", id="too many"
        ),
        pytest.param(
            ["schema", "lists"], "there is no schema 'lists'", "did you mean 'list'?", id="a schema"
        ),
        pytest.param(
            ["plan", "-C", "x"],
            "hashtag plan has no option '-C'",
            "write it before the verb: hashtag -C … plan",
            id="-C behind the verb",
        ),
        pytest.param(
            ["-c", "x", "plan"], "hashtag has no option '-c'", "did you mean '-C'?", id="a small -C"
        ),
        pytest.param(
            ["-x", "list"], "hashtag has no option '-x'", "hashtag --help", id="an option before the verb"
        ),
    ],
)
def test_a_mistake_on_the_command_line_is_two_lines_and_status_2(hashtag, argv, message, hint):
    assert hashtag(*argv) == (2, "", f"error[HT041]: {message}\nhint: {hint}\n")


def test_a_command_runs_as_if_started_elsewhere(hashtag, folder, monkeypatch):
    monkeypatch.chdir("/")

    assert hashtag("-C", folder, "list").out == "base\nweb\n"
    assert Path.cwd() == Path("/")


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="apt-get install util-linux")
@pytest.mark.parametrize(
    ("closed", "where", "word"),
    [
        pytest.param("a b/Dockerfile", "a b/Dockerfile", "'a b/Dockerfile'", id="a Dockerfile"),
        pytest.param("a b/file", "a b/file", "'a b/file'", id="a file of the context"),
        pytest.param("a b/two\nlines", "a b/two\\nlines", "$'a b/two\\nlines'", id="a name over two lines"),
    ],
)
def test_what_may_not_be_read_is_named_from_here_with_a_line_to_paste(tmp_path, closed, where, word):
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b/Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (tmp_path / closed).touch()
    (tmp_path / closed).chmod(0)
    without = "-dac_override,-dac_read_search"  # root may read everything else
    limits = ["setpriv", f"--bounding-set={without}", f"--inh-caps={without}"] if os.geteuid() == 0 else []

    ran = subprocess.run(
        [*limits, *HASHTAG, "hash", "a b"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert ran.stderr == (
        f"{where}: error[HT032]: cannot be read: permission denied\nhint: check the rights: ls -ld {word}\n"
    )


def test_a_folder_that_is_not_there_is_an_error(hashtag, tmp_path):
    ran = hashtag("-C", tmp_path / "gone", "list")

    assert ran.status == 2
    assert ran.err.startswith("-C: error[HT041]: cannot go to ")


def test_an_error_in_a_file_shows_the_line_with_a_caret(hashtag, folder):
    (folder / "base/Dockerfile").write_text("FROM debian:12\nCOPPY tool /\n")

    ran = hashtag("list")

    assert (ran.status, ran.out) == (1, "")
    assert ran.err == (
        "base/Dockerfile:2:1: error[HT010]: unknown instruction 'COPPY'\n"
        "  2 | COPPY tool /\n"
        "    | ^\n"
        "hint: did you mean 'COPY'?\n"
    )


def test_all_errors_are_shown_together(hashtag, folder):
    for name in ("base", "web"):
        (folder / name / "Dockerfile").write_text("FROM scratch\nCOPPY a /\n")

    assert hashtag("list").err.count("error[HT010]") == 2


def test_a_bug_shows_a_traceback_and_asks_for_a_report(hashtag, folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    ran = hashtag("hash", "--bases", "-")

    assert ran.status == 1
    assert "Traceback (most recent call last)" in ran.err
    assert "This is a bug in hashtag" in ran.err


# ── as a process ─────────────────────────────────────────────────────────────────────────────────


def test_a_reader_that_leaves_ends_the_command_quietly(tmp_path):
    for number in range(20_000):
        (tmp_path / f"{number:0100}").touch()
    process = subprocess.Popen(
        [*HASHTAG, "context", "ls", tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )

    process.stdout.readline()
    process.stdout.close()

    assert process.stderr.read() == b""
    assert process.wait() == 141
    process.stderr.close()


def test_an_interrupted_command_says_so(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\nLABEL a=b\n")
    process = subprocess.Popen(
        [*HASHTAG, "-C", tmp_path, "hash", "--bases", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )

    # It waits for standard input; give it the time to get there.
    time.sleep(1)
    process.send_signal(signal.SIGINT)

    assert process.stderr.read() == b"interrupted\n"
    assert process.wait() == 130
    process.stderr.close()
    process.stdin.close()


def test_an_interrupt_does_not_wait_for_the_end_of_a_large_file(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY large /\n")
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 64 << 30)  # sparse: it takes no room, and a minute to read
    process = subprocess.Popen([*HASHTAG, "hash", tmp_path], stderr=subprocess.PIPE)
    _wait_until_open(process.pid, tmp_path / "large")
    process.send_signal(signal.SIGINT)
    began = time.monotonic()

    assert process.stderr.read().endswith(b"interrupted\n")
    assert process.wait() == 130
    assert time.monotonic() - began < 2
    process.stderr.close()


def _wait_until_open(pid, path):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(OSError):
            if any(link.readlink() == path for link in Path(f"/proc/{pid}/fd").iterdir()):
                return
        time.sleep(0.05)
    raise AssertionError(path)


def test_bases_can_come_from_standard_input(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM debian:12\nRUN true\n")
    bases = f'{{"debian:12": {{"digest": "sha256:{"d" * 64}"}}}}'

    ran = subprocess.run(
        [*HASHTAG, "hash", tmp_path, "--bases", "-"], input=bases, capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("h1-")


def test_a_terminal_that_knows_only_ascii_gets_ascii(folder):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}

    ran = subprocess.run(
        [*HASHTAG, "plan", "--base", f"debian:12=sha256:{'d' * 64}"],
        capture_output=True,
        env=environment,
        check=False,
    )

    assert ran.returncode == 0
    assert b"\\u2026" in ran.stdout


# ── errors as text ───────────────────────────────────────────────────────────────────────────────


def plain(error):
    text = "\n".join(lines(error))
    for code in ("\x1b[1;31m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"):
        text = text.replace(code, "")
    return text


def test_the_caret_stands_under_its_column_in_a_line_with_tabs_and_hidden_characters():
    error = DockerfileError("no", where=Location("D", 12, 5, "\tR\x1b X"))

    assert plain(error) == "D:12:5: error[HT010]: no\n  12 |  R\\x1b X\n     |        ^"


def test_a_long_line_is_cut_around_the_caret():
    error = DockerfileError("no", where=Location("D", 1, 501, "a" * 500 + "X" + "b" * 500))

    _, source, caret = plain(error).splitlines()
    assert len(source) < 140
    assert source[caret.index("^")] == "X"


@given(st.text(), st.text(), st.text(), st.integers(-5, 50))
def test_no_error_obeys_what_stands_in_it(what, path, source, column):
    text = plain(DockerfileError(what, where=Location(path, 1, column, source), hint=what))

    assert all(line.isprintable() or not line.isascii() for line in text.split("\n"))
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("environ", "is_terminal", "expected"),
    [
        pytest.param({}, True, True, id="a terminal"),
        pytest.param({}, False, False, id="a pipe"),
        pytest.param({"TERM": "dumb"}, True, False, id="a dumb terminal"),
        pytest.param({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False, id="NO_COLOR wins"),
        pytest.param({"FORCE_COLOR": "1"}, False, True, id="FORCE_COLOR"),
        pytest.param({"FORCE_COLOR": "0"}, False, False, id="FORCE_COLOR off"),
        pytest.param({"GITLAB_CI": "true"}, False, False, id="documents in CI"),
    ],
)
def test_colours_follow_the_terminal_and_the_variables(environ, is_terminal, expected):
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal

    assert wants_colour(stream, environ) is expected


@pytest.mark.parametrize("name", ["GITLAB_CI", "GITHUB_ACTIONS"])
def test_errors_are_coloured_in_logs_that_show_colours(name):
    assert wants_colour(sys.stderr, {name: "true"})


# ── values of options ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        pytest.param(pair("--x", "A=B"), "a=b=c", ("a", "b=c"), id="the first = divides"),
        pytest.param(pair("--x", "A=B"), "a=", ("a", ""), id="an empty value"),
        pytest.param(pair("--salt", "A:B", ":"), "web:1:2", ("web", "1:2"), id="a salt"),
        pytest.param(
            pinned("--base"), "h:5/a:1=sha256:" + "0" * 64, ("h:5/a:1", "sha256:" + "0" * 64), id="a base"
        ),
        pytest.param(one_of("--modes", "git", "full"), "full", "full", id="a word"),
        pytest.param(seconds, "1.5", 1.5, id="seconds"),
        pytest.param(
            lambda text: moment(text).isoformat(), "2024-05-01", "2024-05-01T00:00:00+00:00", id="a day"
        ),
        pytest.param(
            lambda text: moment(text).isoformat(),
            "2024-05-01T02:00+02:00",
            "2024-05-01T00:00:00+00:00",
            id="a zone",
        ),
    ],
)
def test_a_value_is_read(read, text, expected):
    assert read(text) == expected


@pytest.mark.parametrize(
    ("read", "text", "hint"),
    [
        pytest.param(pair("--x", "A=B"), "a", "write --x A=B", id="no ="),
        pytest.param(pair("--x", "A=B"), "=b", "write --x A=B", id="no name"),
        pytest.param(pinned("--base"), "a=b", "a digest is sha256:", id="no digest"),
        pytest.param(one_of("--modes", "git", "full"), "ful", "did you mean 'full'?", id="a slip"),
        pytest.param(one_of("--modes", "git", "full"), "x", "one of git, full", id="another word"),
        pytest.param(seconds, "nan", "write a number from 0 to 3600", id="no number"),
        pytest.param(seconds, "soon", "write a number from 0 to 3600", id="seconds in words"),
        pytest.param(moment, "tomorrow", "write --at 2024-05-01T12:00:00Z", id="a time in words"),
    ],
)
def test_a_value_that_is_off_is_refused_with_what_to_write(read, text, hint):
    with pytest.raises(UsageError) as caught:
        read(text)

    assert caught.value.hint.startswith(hint)


# ── progress ─────────────────────────────────────────────────────────────────────────────────────


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_a_line_that_goes_away(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    now = iter([0, 0.4, 0.6, 0.65, 2])

    with progress("hashing", lambda: next(now)) as count:
        for done in (1, 2, 3, 4):
            count(done, done * 10**6)

    assert sys.stderr.getvalue() == (
        "\rhashing 2 files, 2.0 MB, 3.3 MB/s\rhashing 4 files, 4.0 MB, 2.0 MB/s\r" + " " * 33 + "\r"
    )


def test_progress_in_ci_is_a_plain_line_now_and_then(monkeypatch, capsys):
    monkeypatch.setenv("CI", "true")
    now = iter([0, 5, 11, 12])

    with progress("hashing", lambda: next(now)) as count:
        for done in (1, 2000, 3000):
            count(done, done * 10**4)

    assert capsys.readouterr().err == "hashing 2,000 files, 20.0 MB, 1.8 MB/s\n"


def test_progress_of_copies_is_a_line_that_is_gone_after_each(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    now = iter([0, 0, 0.4, 0.6, 0.65, 0.65, 1.65, 2])

    with copy_progress(lambda: next(now)) as count:
        for done in (0, 1, 2, 3):  # the third is all of it
            count(done * 10**6, 3 * 10**6)
        for done in (0, 5):
            count(done * 10**6, 50 * 10**6)
        shown = sys.stderr.getvalue()

    first, second = "copying 2.0 MB of 3.0 MB, 3.3 MB/s", "copying 5.0 MB of 50.0 MB, 5.0 MB/s"
    assert shown == f"\r{first}\r{' ' * len(first)}\r\r{second}"
    assert sys.stderr.getvalue() == f"{shown}\r{' ' * len(second)}\r"


def test_progress_of_copies_in_ci_is_a_plain_line_now_and_then(monkeypatch, capsys):
    monkeypatch.setenv("CI", "true")
    now = iter([0, 0, 5, 11, 12, 12])

    with copy_progress(lambda: next(now)) as count:
        for done in (0, 1, 2, 3):
            count(done * 10**6, 3 * 10**6)

    assert capsys.readouterr().err == "copying 2.0 MB of 3.0 MB, 0.2 MB/s\n"


def test_the_command_reads_the_process_arguments(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["hashtag", "--version"])

    assert main() == 0
    assert capsys.readouterr().out == f"hashtag {__version__}\n"


def test_every_error_of_the_library_has_a_status_below_ten():
    waiting = [HashtagError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        assert 1 <= error.status <= 5
