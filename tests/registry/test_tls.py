"""What a certificate that is not good leads to: an error that says why, and never plain HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashtag.errors import ConfigError, RegistryUnreachable
from hashtag.registry import Registry
from servers.tls import Authority, tls_server

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


def resolve(host: str, ca: Path | None = None, **environ: str) -> None:
    with Registry.from_environment(
        f"{host}/app", environ=environ, ca=ca, creds="user:SECRET", insecure=[host], budget_seconds=3
    ) as registry:
        assert registry.resolve(registry.repository.tagged("1")) is None


@pytest.mark.parametrize(
    ("certificate", "is_known", "message", "hint"),
    [
        pytest.param(
            {"days": -1},
            True,
            "has expired",
            "it has to be renewed, or this machine's clock is wrong",
            id="old",
        ),
        pytest.param(
            {"host": "DNS:other.example"},
            True,
            "not valid for '127.0.0.1'",
            "use a name that stands in the certificate, or have the name added",
            id="of another host",
        ),
        pytest.param(
            {},
            False,
            "unable to get local issuer certificate",
            "trust its CA: --ca-cert FILE, HASHTAG_CA_CERT (a file or PEM text), or SSL_CERT_FILE",
            id="of an unknown authority",
        ),
    ],
)
def test_a_certificate_that_is_not_good_ends_it_with_the_reason(
    authority: Authority, certificate: dict, is_known: bool, message: str, hint: str
) -> None:
    with (
        tls_server(authority.certificate("server", **certificate)) as server,
        pytest.raises(RegistryUnreachable, match=message) as caught,
    ):
        resolve(server.host, authority.ca if is_known else None)

    assert caught.value.where == f"https://{server.host}"
    assert caught.value.hint == hint
    assert (server.requests, server.plain) == ([], 0)


def certificates_for(host: str, home: Path, authority: Authority) -> Path:
    """Return the folder of a host's certificates, with one that says who we are."""
    folder = home / ".config" / "containers" / "certs.d" / host
    folder.mkdir(parents=True)
    certificate, key = authority.certificate("client", host="DNS:client")
    (folder / "ca.crt").write_bytes(authority.ca.read_bytes())
    (folder / "client.cert").write_bytes(certificate.read_bytes())
    (folder / "client.key").write_bytes(key.read_bytes())
    return folder


def test_a_registry_that_asks_who_we_are_is_shown_the_certificate_of_its_folder(
    authority: Authority, tmp_path: Path
) -> None:
    with tls_server(authority.certificate("server"), clients_of=authority.ca) as server:
        certificates_for(server.host, tmp_path, authority)
        resolve(server.host, HOME=str(tmp_path))

        assert server.requests[0] == "HEAD /v2/app/manifests/1"


def test_without_the_certificate_that_is_asked_for_plain_http_is_not_tried(authority: Authority) -> None:
    with (
        tls_server(authority.certificate("server"), clients_of=authority.ca) as server,
        pytest.raises(RegistryUnreachable, match="refuses the TLS connection") as caught,
    ):
        resolve(server.host, authority.ca)

    assert caught.value.hint == (
        f"if it wants to know who we are: ~/.config/containers/certs.d/{server.host}/NAME.cert and NAME.key"
    )
    assert (server.requests, server.plain) == ([], 0)


def test_a_key_with_a_password_is_an_error_and_nobody_is_asked_for_it(
    authority: Authority, tmp_path: Path
) -> None:
    folder = certificates_for("127.0.0.1:1", tmp_path, authority)
    Authority(folder).encrypted(folder / "client.key")

    with pytest.raises(ConfigError, match="the key has a password") as caught:
        resolve("127.0.0.1:1", HOME=str(tmp_path))

    assert caught.value.where == str(folder / "client.cert")
