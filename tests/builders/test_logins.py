"""Logins that are handed to builders."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hashtag.builders import Builder, Login, builder_environment
from hashtag.errors import CredentialsError

LOGINS = {"registry.example:5000": Login(username="ci", password="s3cret")}


def builder(kind, **environ):
    return Builder(kind=kind, program=f"/usr/bin/{kind}", environ=environ)


def test_without_logins_the_builder_uses_its_own():
    own = builder("buildah")

    with builder_environment(own, {}) as same:
        assert same is own


@pytest.mark.parametrize("kind", ["buildah", "podman"])
def test_containers_tools_get_a_file_that_only_we_can_read(kind):
    with builder_environment(builder(kind), LOGINS) as logged:
        path = Path(logged.authfile)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        (entry,) = json.loads(path.read_text())["auths"].values()
        assert b64decode(entry["auth"]) == b"ci:s3cret"
        assert logged.login_options == ("--authfile", str(path))
    assert not path.exists()


def test_docker_gets_its_configuration_with_the_logins(tmp_path):
    (tmp_path / "cli-plugins").mkdir()
    (tmp_path / "config.json").write_text(
        json.dumps({"auths": {"other.example": {"auth": "eA=="}}, "credsStore": "x", "proxies": {"a": 1}})
    )

    with builder_environment(builder("docker", DOCKER_CONFIG=str(tmp_path)), LOGINS) as logged:
        folder = Path(logged.environ["DOCKER_CONFIG"])
        document = json.loads((folder / "config.json").read_text())
        assert (folder / "cli-plugins").is_dir()
        assert stat.S_IMODE((folder / "config.json").stat().st_mode) == 0o600
        assert logged.login_options == ()
    assert sorted(document["auths"]) == ["other.example", "registry.example:5000"]
    assert document["proxies"] == {"a": 1}
    assert "credsStore" not in document


def test_docker_without_a_configuration_gets_one(tmp_path):
    with builder_environment(builder("buildx", HOME=str(tmp_path)), LOGINS) as logged:
        assert (Path(logged.environ["DOCKER_CONFIG"]) / "config.json").is_file()


@pytest.mark.parametrize("content", ["{", "[]", '{"auths": 1}'])
def test_a_malformed_configuration_is_named(tmp_path, content):
    (tmp_path / "config.json").write_text(content)

    with (
        pytest.raises(CredentialsError, match=r"config\.json"),
        builder_environment(builder("docker", DOCKER_CONFIG=str(tmp_path)), LOGINS),
    ):
        pass


def logged_in(**environ: str) -> None:
    with builder_environment(builder("docker", **environ), LOGINS):
        pass


def test_a_configuration_that_is_no_json_is_not_quoted(tmp_path):
    (tmp_path / "config.json").write_text('{"auths": {"h": {"auth": "SECRET"')

    with pytest.raises(CredentialsError, match=r"config\.json: cannot be read: it is not JSON") as caught:
        logged_in(DOCKER_CONFIG=str(tmp_path))

    assert caught.value.__cause__ is None


def test_a_pipe_in_place_of_the_configuration_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "config.json")

    with pytest.raises(CredentialsError, match=r"config\.json: cannot be read: it is not a file"):
        logged_in(DOCKER_CONFIG=str(tmp_path))


def test_a_configuration_without_logins_gets_ours(tmp_path):
    (tmp_path / "config.json").write_text('{"auths": null}')

    logged_in(DOCKER_CONFIG=str(tmp_path))


@contextmanager
def nobody() -> Iterator[None]:
    """Be nobody for a while, where the tests run as root."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield


@pytest.mark.parametrize("variable", ["HOME", "DOCKER_CONFIG"])
def test_a_folder_that_may_not_be_looked_into_holds_no_configuration(variable):
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        closed = Path(name) / "closed"
        closed.mkdir(0o000)
        with nobody():
            logged_in(**{variable: str(closed)})
        closed.chmod(0o700)


def test_docker_hub_stands_under_its_old_name_and_tokens_as_tokens():
    login = Login(identity_token="t0ken")

    with builder_environment(builder("buildah"), {"docker.io": login}) as logged:
        auths = json.loads(Path(logged.authfile).read_text())["auths"]

    assert auths["https://index.docker.io/v1/"]["identitytoken"] == "t0ken"


def test_no_secret_stands_in_a_repr():
    assert "s3cret" not in repr(LOGINS)
