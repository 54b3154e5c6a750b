"""Logins that are handed to builders."""

from __future__ import annotations

import json
import stat
from base64 import b64decode
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


def test_docker_hub_stands_under_its_old_name_and_tokens_as_tokens():
    login = Login(identity_token="t0ken")

    with builder_environment(builder("buildah"), {"docker.io": login}) as logged:
        auths = json.loads(Path(logged.authfile).read_text())["auths"]

    assert auths["https://index.docker.io/v1/"]["identitytoken"] == "t0ken"


def test_no_secret_stands_in_a_repr():
    assert "s3cret" not in repr(LOGINS)
