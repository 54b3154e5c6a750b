"""Chains of three registries, each with a password of its own: read in order, and never mixed up."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from cli.conftest import DEBIAN
from hashtag.registry import Registry
from registry.trees import put_image
from servers.docker_registry import free_port, start_registry

pytestmark = pytest.mark.integration
NAMES = ("buildset", "intermediate", "published")
WHERE = {name: f"team/{name}" for name in NAMES}
# Three images, one below the other, of which each registry holds one.
FILES = {
    "hashtag.toml": (
        'repository = "registry.invalid/x"\n[[image]]\ndockerfiles = "*/Dockerfile"\nknown-as = ["{name}"]\n'
    ),
    "base/Dockerfile": "FROM debian:12\nCOPY tool /usr/bin/\n",
    "base/tool": "1",
    "middle/Dockerfile": "FROM base\nCOPY index.html /\n",
    "middle/index.html": "hello",
    "top/Dockerfile": "FROM middle\nLABEL a=b\n",
}


def logins(*hosts: tuple[str, str]) -> str:
    """Return DOCKER_AUTH_CONFIG for hosts and their users, whose passwords are «of» them."""
    auths = {host: {"auth": b64encode(f"{user}:of {user}".encode()).decode()} for host, user in hosts}
    return json.dumps({"auths": auths})


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """Return the three servers by name."""
    running = {
        name: start_registry(tmp_path_factory.mktemp(name), htpasswd=(name, f"of {name}")) for name in NAMES
    }
    yield running
    for each in running.values():
        each.stop()


class Chain:
    """The command in a project, with the chain of its registries."""

    def __init__(self, hashtag, hosts: dict[str, str], tag: str) -> None:
        self._hashtag = hashtag
        own, *others = (f"{hosts[name]}/{WHERE[name]}/{tag}" for name in NAMES)
        self.repositories = dict(zip(NAMES, (own, *others), strict=True))
        self.options = ["--base", f"debian:12={DEBIAN}", "--pipeline-tag", "7", "--budget", "1"]
        self.options += ["--repository", own, "--look-in", others[0], "--look-in", others[1]]

    def __call__(self, verb: str, *argv: str):
        return self._hashtag(verb, *self.options, *argv)


@pytest.fixture
def project(tmp_path, monkeypatch):
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def three(hashtag, project, chain, monkeypatch):
    """Return the command; each registry of its chain holds one of the images, and all logins are known."""
    hosts = {name: running.host for name, running in chain.items()}
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", logins(*((host, name) for name, host in hosts.items())))
    command = Chain(hashtag, hosts, project.name.replace("_", "-"))
    images = {image["name"]: image for image in command("plan", "-o", "json").json()["images"]}
    for image, name in zip(("base", "middle", "top"), NAMES, strict=True):
        with Registry.from_environment(f"{command.repositories[name]}/{image}") as registry:
            manifest = put_image(registry, registry.repository, image.encode())
            registry.put_manifest(manifest, registry.repository.tagged(images[image]["cache_tag"]))
    return command


def test_each_registry_is_asked_for_what_those_before_it_do_not_hold(three):
    planned = three("plan", "-o", "json")

    assert planned.status == 0, planned.err
    images = {image["name"]: image for image in planned.json()["images"]}
    assert {name: image["reason"] for name, image in images.items()} == {
        "base": "hit",
        "middle": "hit upstream",
        "top": "hit upstream",
    }
    assert {image["upstream"] for image in images.values() if "upstream" in image} == {
        f"{three.repositories['intermediate']}/middle",
        f"{three.repositories['published']}/top",
    }

    applied = three("plan", "--apply", "-o", "json")

    assert applied.status == 0, applied.err
    again = three("plan", "-o", "json").json()["images"]
    assert [image["reason"] for image in again] == ["hit"] * 3
    assert {image["digest"] for image in again} == {image["digest"] for image in images.values()}


@pytest.mark.parametrize("down", NAMES)
def test_a_registry_that_is_down_is_not_one_without_the_image(three, monkeypatch, down):
    there = three.repositories[down]
    gone = f"127.0.0.1:{free_port()}/{there.partition('/')[2]}"
    three.options = [gone if word == there else word for word in three.options]

    ran = three("plan", "-o", "json")

    assert (ran.status, ran.out) == (4, "")
    assert f"{gone.partition('/')[0]}: error[HT052]" in ran.err
    assert three("run").status == 4


@pytest.mark.parametrize("stranger", NAMES)
def test_a_registry_that_wants_another_login_is_not_one_without_the_image(
    three, chain, monkeypatch, stranger
):
    known = [(chain[name].host, name) for name in NAMES if name != stranger]
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", logins(*known))

    ran = three("plan", "-o", "json")

    assert (ran.status, ran.out) == (3, "")
    assert chain[stranger].host in ran.err


# ── what each is told ────────────────────────────────────────────────────────────────────────────


class Doorman:
    """A registry that wants a password, holds nothing, and writes down who came."""

    def __init__(self, answer: int = 404, asks: bool = True) -> None:
        self.seen: set[str | None] = set()
        self.host = ""
        self._answer, self._asks = answer, asks

    @contextmanager
    def open(self) -> Iterator[Doorman]:
        doorman = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                who = self.headers.get("Authorization")
                doorman.seen.add(who)
                self.send_response(401 if doorman._asks and who is None else doorman._answer)
                self.send_header("WWW-Authenticate", 'Basic realm="all of one name"')
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_HEAD = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def test_no_registry_is_shown_the_login_of_another(hashtag, project, monkeypatch):
    with Doorman().open() as own, Doorman().open() as second, Doorman().open() as third:
        doors = dict(zip(NAMES, (own, second, third), strict=True))
        monkeypatch.setenv("DOCKER_AUTH_CONFIG", logins((own.host, "own"), (third.host, "third")))
        monkeypatch.setenv("CI_REGISTRY", second.host)
        monkeypatch.setenv("CI_REGISTRY_USER", "second")
        monkeypatch.setenv("CI_REGISTRY_PASSWORD", "of second")

        command = Chain(hashtag, {name: door.host for name, door in doors.items()}, "x")
        ran = command("plan", "-o", "json")

    assert ran.status == 0, ran.err
    for door, user in ((own, "own"), (second, "second"), (third, "third")):
        assert door.seen == {None, f"Basic {b64encode(f'{user}:of {user}'.encode()).decode()}"}


def test_creds_are_for_our_own_registry_alone(hashtag, project):
    with Doorman().open() as own, Doorman(asks=False).open() as second, Doorman(asks=False).open() as third:
        hosts = dict(zip(NAMES, (own.host, second.host, third.host), strict=True))
        ran = Chain(hashtag, hosts, "x")("plan", "--creds", "own:secret", "-o", "json")

    assert ran.status == 0, ran.err
    assert len(own.seen) == 2
    assert second.seen == third.seen == {None}


@pytest.mark.parametrize("place", [0, 1, 2], ids=NAMES)
def test_403_is_not_missing_wherever_it_comes_from(hashtag, project, place):
    answers = [403 if number == place else 404 for number in range(3)]
    doors = [Doorman(answer, asks=False) for answer in answers]
    with doors[0].open(), doors[1].open(), doors[2].open():
        hosts = {name: door.host for name, door in zip(NAMES, doors, strict=True)}
        command = Chain(hashtag, hosts, "x")
        planned, ran = command("plan", "-o", "json"), command("run")

    assert (planned.status, planned.out, ran.status) == (3, "", 3)
    assert doors[place].host in planned.err
