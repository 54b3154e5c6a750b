"""Processes of builders."""

from __future__ import annotations

import sys
import time
from threading import Thread

import pytest

from hashtag.builders import Processes
from hashtag.errors import BuilderMissing, BuildFailed

ENVIRON = {"PATH": "/usr/bin:/bin"}


def python(code):
    return [sys.executable, "-c", code]


def test_what_a_builder_prints_goes_to_standard_error(capfd):
    Processes().run(python("import sys; print('out'); print('err', file=sys.stderr)"), ENVIRON, "web")

    captured = capfd.readouterr()
    assert captured.out == ""
    assert sorted(captured.err.split()) == ["err", "out"]


def test_of_several_builds_each_line_says_whose_it_is(capfd):
    Processes(labels=True).run(python("print('one'); print('two')"), ENVIRON, "web")

    assert capfd.readouterr().err == "web | one\nweb | two\n"


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        pytest.param("import sys; sys.exit(7)", "status 7", id="a status"),
        pytest.param("import os; os.kill(os.getpid(), 9)", "SIGKILL", id="a signal"),
    ],
)
def test_a_failure_names_the_image_and_how_it_ended(code, ended):
    with pytest.raises(BuildFailed) as caught:
        Processes().run(python(code), ENVIRON, "web")

    assert caught.value.where == "web"
    assert caught.value.what.endswith(f"ended with {ended}")


def test_a_program_that_is_not_there_is_missing():
    with pytest.raises(BuilderMissing, match="/nowhere"):
        Processes().run(["/nowhere/buildah"], ENVIRON, "web")


def test_output_is_what_it_prints():
    assert Processes().output(python("print(' an id ')"), ENVIRON, "web") == "an id"
    with pytest.raises(BuildFailed, match="status 3"):
        Processes().output(python("raise SystemExit(3)"), ENVIRON, "web")


def test_nothing_is_read_from_standard_input():
    assert Processes().output(python("import sys; print(len(sys.stdin.read()))"), ENVIRON, "web") == "0"


def test_only_the_given_environment_is_seen(monkeypatch):
    monkeypatch.setenv("SECRET", "x")

    assert Processes().output(python("import os; print(os.environ.get('SECRET'))"), ENVIRON, "web") == "None"


def test_stop_ends_what_runs_with_all_that_it_started(tmp_path):
    processes, failures = Processes(), []
    alive = tmp_path / "alive"
    inner = f"import time\nwhile True:\n  open({str(alive)!r}, 'w').write(str(time.time())); time.sleep(0.02)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"

    def run():
        try:
            processes.run(python(code), ENVIRON, "web")
        except BuildFailed as error:
            failures.append(error.what)

    thread = Thread(target=run)
    thread.start()
    while not alive.exists():
        time.sleep(0.01)
    processes.stop()
    thread.join(10)

    assert failures[0].endswith("SIGTERM")
    seen = alive.read_text()
    time.sleep(0.2)
    assert alive.read_text() == seen


def test_after_stop_nothing_is_started():
    processes = Processes()
    processes.stop()

    with pytest.raises(KeyboardInterrupt):
        processes.run(python("print(1)"), ENVIRON, "web")
