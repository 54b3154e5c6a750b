"""No password and no token is ever shown: each command, each failure, each way of sending a secret back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from servers.docker_registry import start_registry
from servers.hostile import TOKEN, WAYS, forms_of, hostile_server, repository_for
from servers.token_server import token_guarded
from servers.zuul_registry import start_zuul_registry

pytestmark = pytest.mark.integration
_USER, _PASSWORD = "bob", 'pA55/w+rd"q\\z'
_DEBIAN = ("--base", "debian:12=sha256:" + "d" * 64)
_TAG = ("--pipeline-tag", "7")
_COMMANDS = {
    "auth check": ("auth", "check", "--push"),
    "plan": ("plan", *_DEBIAN, *_TAG, "--save", "plan.json", "-o", "json=out.json"),
    "plan --apply": ("plan", *_DEBIAN, *_TAG, "--apply"),
    "build --print": ("build", *_DEBIAN, *_TAG, "--print", "--builder", "buildah"),
    "promote": ("promote", "--order", "1", "--plan", "pipeline:7", "latest"),
    "prune": ("prune", *_DEBIAN, "--yes"),
    "config": ("config",),
}
# One interpreter for many commands: most of the time of a command goes into starting one.
_DRIVER = """
import json, os, sys
from hashtag.cli.main import main
for name, environ, argv in json.load(sys.stdin):
    print("=" * 9, name, flush=True)
    os.environ.update(environ)
    print("=" * 9, main(argv), flush=True)
"""


def run(project: Path, commands: list[tuple[str, dict[str, str], list[str]]]) -> dict[str, tuple[int, str]]:
    """Return the status and all output of commands, each with its environment, by its name."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "HOME": str(project)}
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER],
        cwd=project,
        env=environ,
        input=json.dumps(commands),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    parts = iter(done.stdout.split("=" * 9 + " ")[1:])
    return {
        name: (int(end), text)
        for name, _, text in (part.partition("\n") for part in parts)
        for end in (next(parts),)
    }


def command(name: str, budget: float) -> list[str]:
    return ["-vv", *_COMMANDS[name], *([] if name == "config" else ["--budget", str(budget)])]


def shown(text: str, login: str) -> set[str]:
    """Return the secrets in a text, in capitals or not."""
    secrets = forms_of(login) | forms_of(login.partition(":")[2]) | forms_of(TOKEN)
    return {secret for secret in secrets if secret.lower() in text.lower()}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM debian:12\nCOPY Dockerfile /\n")
    (tmp_path / "hashtag.toml").write_text('[[image]]\nname = "web"\n')
    return tmp_path


@pytest.mark.parametrize("kind", ["password", "token", "token server"])
def test_what_a_hostile_registry_sends_back_is_not_shown(project: Path, kind: str) -> None:
    login, names = f"{_USER}:{_PASSWORD}", ("auth check", "plan", "prune")
    with hostile_server(kind) as hostile:
        environ = {"HASHTAG_CREDS": login}
        repositories = {way: f"{hostile.host}/{repository_for(way)}/app" for way in WAYS}
        commands = [
            # Of plan it is also seen what is said of a second attempt.
            (
                f"{way}: {name}",
                environ | {"HASHTAG_REPOSITORY": repository},
                command(name, 0.6 if name == "plan" else 0),
            )
            for way, repository in repositories.items()
            for name in names
        ]
        found = run(project, commands)

    assert hostile.told.keys() == WAYS.keys(), "each was told what it sends back"
    assert {name: leaked for name, (_, text) in found.items() if (leaked := shown(text, login))} == {}
    assert [name for name, (_, text) in found.items() if "Traceback" in text] == []
    assert shown("".join(path.read_text() for path in project.glob("*.json")), login) == set()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("servers")
    password = start_registry(folder / "password", htpasswd=(_USER, _PASSWORD), tls=True)
    zuul = start_zuul_registry(folder / "zuul", (_USER, _PASSWORD))
    with token_guarded(folder / "token") as (token, tokens):
        tokens.users |= {_USER: (_PASSWORD, {"pull", "push"}), "": ("", set())}
        yield {"password": password, "token": token, "zuul": zuul}
    password.stop()
    zuul.stop()


@pytest.mark.parametrize("user", [_USER, "alice"], ids=["a good login", "a wrong one"])
@pytest.mark.parametrize("kind", ["password", "token", "zuul"])
def test_commands_against_real_registries_show_no_secret(
    project: Path, servers, kind: str, user: str
) -> None:
    server, login = servers[kind], f"{user}:{_PASSWORD}"
    environ = {"HASHTAG_CREDS": login, "HASHTAG_REPOSITORY": f"{server.host}/app"}
    environ |= {"HASHTAG_CA_CERT": str(server.ca)} if server.ca else {}

    found = run(project, [(name, environ, command(name, 3)) for name in _COMMANDS])

    assert {name: leaked for name, (_, text) in found.items() if (leaked := shown(text, login))} == {}
    assert shown("".join(path.read_text() for path in project.glob("*.json")), login) == set()
    assert found["auth check"][0] == (0 if user == _USER else 3)
    assert "debug: HEAD http" in found["plan"][1]


def test_the_search_finds_a_secret_in_each_form() -> None:
    login = f"{_USER}:{_PASSWORD}"
    sent = b64encode(login.encode()).decode()

    assert shown(f"Basic {sent}", login)
    assert shown(json.dumps({"message": _PASSWORD}), login)
    assert shown("https://a.example/?p=pA55%2fw%2brd%22q%5cz", login)
    assert not shown(f"the login {_USER!r} was refused: ***", login)
