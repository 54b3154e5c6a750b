"""Certificates for one host: the folders of docker, podman and skopeo."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hashtag.errors import ConfigError
from hashtag.registry import Registry
from hashtag.registry.certificates import certificates_folder, tls_context
from servers.docker_registry import RunningRegistry, start_registry

_NOBODY = 65534


@contextmanager
def without_rights() -> Iterator[None]:
    """Be nobody for a while, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def closed() -> Iterator[Path]:
    """Return a folder that nobody may enter, in one that everybody may, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "closed"
        folder.mkdir(0o000)
        yield folder
        folder.chmod(0o700)


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory):
    running = start_registry(tmp_path_factory.mktemp("encrypted"), tls=True)
    yield running
    running.stop()


def put(folder: Path, host: str, ca: Path) -> None:
    target = folder / "containers" / "certs.d" / host
    target.mkdir(parents=True)
    (target / "ca.crt").write_bytes(ca.read_bytes())


@pytest.mark.integration
@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME"])
def test_a_hosts_own_folder_is_trusted(tmp_path: Path, encrypted: RunningRegistry, variable: str) -> None:
    put(tmp_path / ".config" if variable == "HOME" else tmp_path, encrypted.host, encrypted.ca)

    with Registry.from_environment(f"{encrypted.host}/app", environ={variable: str(tmp_path)}) as registry:
        assert registry.resolve(registry.repository.tagged("1")) is None


@pytest.mark.integration
@pytest.mark.parametrize("form", ["file", "text"])
def test_an_authority_may_stand_in_a_variable(encrypted: RunningRegistry, form: str) -> None:
    value = str(encrypted.ca) if form == "file" else encrypted.ca.read_text()

    with Registry.from_environment(f"{encrypted.host}/app", environ={"HASHTAG_CA_CERT": value}) as registry:
        assert registry.resolve(registry.repository.tagged("1")) is None


def test_the_users_folder_comes_first_and_a_host_without_one_has_none(tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "containers" / "certs.d" / "h.example:5000"
    folder.mkdir(parents=True)

    assert certificates_folder("h.example:5000", {"HOME": str(tmp_path)}) == folder
    assert certificates_folder("h.example", {"HOME": str(tmp_path)}) is None
    assert certificates_folder("h.example:5000", {}) is None


@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME"])
def test_a_folder_that_may_not_be_looked_into_has_no_certificates(closed: Path, variable: str) -> None:
    with without_rights():
        assert certificates_folder("h.example", {variable: str(closed)}) is None


@pytest.mark.parametrize("name", ["ca.crt", "client.cert"])
def test_a_certificate_that_is_none_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("none")

    with pytest.raises(ConfigError, match=name):
        tls_context(None, {}, tmp_path)


@pytest.mark.integration
def test_a_client_certificate_is_loaded_with_its_key(tmp_path: Path, encrypted: RunningRegistry) -> None:
    made = encrypted.ca.parent
    (tmp_path / "client.cert").write_bytes((made / "tls.crt").read_bytes())
    (tmp_path / "client.key").write_bytes((made / "tls.key").read_bytes())

    assert isinstance(tls_context(None, {}, tmp_path), ssl.SSLContext)
