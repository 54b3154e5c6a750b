"""Processes killed at any request: every tag is old or new, and whole; and a second run ends well."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from itertools import count, cycle
from pathlib import Path
from threading import Event

import pytest
from attrs import define

import hashtag
from builders.fake import BUILDAH, fake
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_INDEX, Manifest
from hashtag.oci.reference import Reference
from hashtag.planning.plan import Plan
from hashtag.registry import Registry
from hashtag.registry.whole import WholeImages
from project.dying import start
from project.projects import write
from registry.trees import put_image
from servers.fatal import Fate, fatal

pytestmark = pytest.mark.integration

NAMES = ("base", "web")
_FILES = {
    "base/Dockerfile": "FROM scratch\nCOPY etc /etc\n",
    "base/etc/motd": "hello\n",
    "web/Dockerfile": "FROM base\nCOPY run.sh /\n",
    "web/run.sh": "exec true\n",
    "hashtag.toml": '[[image]]\ndockerfiles = "*/Dockerfile"\nknown-as = ["{name}"]\n',
}
# What a builder does with a registry: blobs, then the manifest.
_PUSH = """
from http.client import HTTPConnection
from urllib.parse import urlsplit

def ask(method, where, content=b"", **headers):
    connection = HTTPConnection(host, timeout=10)
    connection.request(method, where, content, headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status < 300, answer.status
    return answer

if words[0] == "push":
    host, _, rest = words[-1].removeprefix("docker://").partition("/")
    name, _, tag = rest.rpartition(":")

    def described(folder, content, kind):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        place = urlsplit(ask("POST", f"/v2/{name}/blobs/uploads/").getheader("Location"))
        ask("PUT", f"{place.path}?{place.query}&digest={digest}", content)
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    def write(path, content):
        kind = "application/vnd.oci.image.manifest.v1+json"
        ask("PUT", f"/v2/{name}/manifests/{tag}", content, **{"Content-Type": kind})

    os.makedirs = lambda folder: None
"""
_NUMBERS = count()
# Less than the budget of retries: who is told to end does not wait for a registry that is gone.
_PATIENCE_SECONDS = 20.0


@define
class Stage:
    """
    A project and its registry, in which processes die.

    Attributes:
        server: Where the registry is for those who live.
        name: Of the project's repository.
        was_killed: Whether the last one that was to be killed had as many requests.
        has_written: Whether one of them was more than a question.
    """

    fate: Fate
    server: str
    name: str
    folder: Path
    environ: dict[str, str]
    was_killed: bool = True
    has_written: bool = False

    def registry(self) -> Registry:
        """Return the registry as the processes know it, without what another client remembers."""
        return Registry.from_environment(f"{self.fate.host}/{self.name}", environ={})

    def plan(self, tag: str, salt: str = "") -> Plan:
        """Return the plan of a pipeline, and save it as `TAG.json`."""
        with self.registry() as registry:
            project = hashtag.Project.open(
                self.folder, environ={}, overrides={"repository": str(registry.repository)}
            )
            plan = project.plan(registry, pipeline_tag=tag, salts={"base": salt} if salt else {})
        plan.save(self.folder / f"{tag}.json")
        return plan

    def put_images(self, plan: Plan) -> None:
        """Put images for two platforms under the cache tags of all that is to be built."""
        with self.registry() as registry:
            for build in plan.builds:
                names = [f"{build.target.cache_tag} {number}" for number in (1, 2)]
                repository = build.target.repository
                made = [put_image(registry, repository, name.encode(), name=name) for name in names]
                listed = [image.descriptor.to_json() for image in made]
                document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
                index = Manifest(OCI_INDEX, json.dumps(document).encode())
                registry.put_manifest(index, build.target.cache_reference)

    def run(self, *argv: str) -> str:
        """Run the command to its end, which is a good one; return what it said."""
        self.fate.never_comes()
        process = start(self.folder, argv, self.environ)
        process.join(_PATIENCE_SECONDS)
        said = (self.folder / "said").read_text()
        assert process.exitcode == 0, said
        return said

    def kill(self, *argv: str, after: int) -> None:
        """Run the command, and kill it at a request if there are as many."""
        started = Event()

        def end() -> None:
            started.wait()
            process.terminate()

        self.fate.comes(end, after=after)
        process = start(self.folder, argv, self.environ)
        started.set()
        process.join(_PATIENCE_SECONDS)
        self.was_killed = self.fate.is_over
        self.has_written = any(what.split()[0] not in ("GET", "HEAD") for what in self.fate.passed)
        assert process.exitcode is not None, f"it goes on after SIGTERM at request {after}"
        assert self.was_killed or process.exitcode == 0, (self.folder / "said").read_text()
        self.fate.never_comes()

    def held(self, *tags: str, names: Collection[str] = NAMES) -> dict[str, Digest]:
        """Return what tags of images hold, where they are, after a look at the whole of it."""
        with self.registry() as registry, WholeImages(registry) as whole:
            references = [registry.repository.child(name).tagged(tag) for name in names for tag in tags]
            found = {tag: whole.resolve(tag) for tag in references}
            assert not whole.broken
            return {_short(tag): held.digest for tag, held in found.items() if held}


def _short(tag: Reference) -> str:
    return f"{tag.repository.name.rpartition('/')[2]}:{tag.tag}"


@pytest.fixture
def stage(docker_registry, tmp_path) -> Iterator[Stage]:
    programs = fake(tmp_path / "bin")
    body = BUILDAH % {"texts": str(programs.folder / "texts")}
    programs.program("buildah", body.replace('if words[0] == "push":', _PUSH + '\nif words[0] == "push":'))
    folder = write(tmp_path / "project", _FILES)
    with fatal(docker_registry.host) as fate:
        yield Stage(fate, docker_registry.host, f"killed-{next(_NUMBERS)}", folder, programs.environ)


def requests_of(stage: Stage, at_least: int) -> Iterator[int]:
    """Yield the numbers of a process's requests, from the first on, and one beyond the last."""
    for number in count(1):
        yield number
        if not stage.was_killed:
            break
    assert number > at_least


def test_63_apply_killed_at_any_request(stage):
    stage.put_images(stage.plan("0"))
    for number in requests_of(stage, at_least=15):
        tag = f"{number}"
        plan = stage.plan(tag)
        new = {f"{alias.name}:{tag}": alias.digest for alias in plan.aliases}
        assert len(new) == 2

        stage.kill("apply", f"{tag}.json", after=number)

        during = stage.held(tag)
        assert during.items() <= new.items(), number
        if not stage.has_written:
            assert during == {}
            continue
        stage.run("apply", f"{tag}.json")
        assert stage.held(tag) == new, number
    assert stage.run("apply", f"{tag}.json") == "Tags: 0 moved, 2 right already.\n"
    cached = stage.held(*(alias.target.cache_tag for alias in plan.aliases))
    assert set(cached.values()) == set(new.values())


def test_63_promote_killed_at_any_request(stage):
    """Each pipeline publishes other images than the one before."""
    for salt in ("0", "1"):
        stage.put_images(stage.plan(salt, salt=salt))
    stage.plan("2", salt="0")
    stage.run("promote", "--plan", "2.json", "latest")
    old = stage.held("latest")

    salts = cycle("10")
    salt = next(salts)
    for number in requests_of(stage, at_least=15):
        tag = f"{number + 2}"
        plan = stage.plan(tag, salt=salt)
        new = {f"{alias.name}:latest": alias.digest for alias in plan.aliases}

        stage.kill("promote", "--plan", f"{tag}.json", "latest", after=number)

        during = stage.held("latest")
        assert all(during[name] in (old[name], new[name]) for name in new), number
        if not stage.has_written:
            assert during == old
            continue
        said = stage.run("promote", "--plan", f"{tag}.json", "latest")
        assert stage.held("latest") == new, (number, said)
        old, salt = new, next(salts)
    assert "0 of 2 tags moved" in stage.run("promote", "--plan", f"{tag}.json", "latest")


def test_63_run_killed_at_any_request(stage):
    repository = f"{stage.fate.host}/{stage.name}"
    for number in requests_of(stage, at_least=20):
        tag = f"{number}"
        command = ["run", "base", "--builder", "buildah", "--repository", repository]
        command += ["--pipeline-tag", tag, "--salt", f"base:{tag}"]
        cache = next(build.target.cache_tag for build in stage.plan(tag, salt=tag).builds)

        stage.kill(*command, after=number)

        during = stage.held(cache, tag, names=["base"])
        if not stage.has_written:
            assert during == {}
            continue
        stage.run(*command)
        after = stage.held(cache, tag, names=["base"])
        assert after[f"base:{cache}"] == after[f"base:{tag}"], number
        # First image wins: what the killed one left under the cache tag is not built again.
        assert during.get(f"base:{cache}") in (None, after[f"base:{cache}"]), number
