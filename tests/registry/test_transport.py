"""One request, its redirects, and a bounded answer."""

from __future__ import annotations

import itertools
import ssl
import subprocess
import sys
import zlib

import httpx
import pytest

from hashtag import __version__
from hashtag.errors import ConfigError, RegistryError, RegistryUnreachable, UntrustedAnswer
from hashtag.registry.certificates import bundled_context, has_certificates, tls_context
from hashtag.registry.messages import Request
from hashtag.registry.retry import Temporary
from hashtag.registry.transport import Transport
from servers.scripted import Reply, Script

_URL = "https://registry.example/v2/"


def transport(script: Script, **settings: object) -> Transport:
    return Transport(wire=httpx.MockTransport(script), **settings)


def get(url: str = _URL, method: str = "GET", **more: object) -> Request:
    return Request(method=method, url=url, **more)


def redirect(target: str, status: int = 307) -> Reply:
    return Reply(status, headers={"Location": target})


@pytest.mark.parametrize("library", ["httpx", "tenacity"])
@pytest.mark.parametrize("module", ["hashtag.registry", "hashtag.registry.router", "hashtag.testing"])
def test_importing_the_package_does_not_import_what_only_requests_need(module, library):
    code = f"import sys, {module}; sys.exit({library!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_answer_has_status_headers_and_body():
    script = Script().on("GET", _URL, Reply(200, b"{}", {"Content-Type": "Application/JSON; charset=utf-8"}))

    answer = transport(script).send(get())

    assert (answer.status, answer.content, answer.url) == (200, b"{}", _URL)
    assert answer.media_type == "application/json"


def test_several_headers_of_one_name_are_joined():
    script = Script().on(
        "GET", _URL, Reply(401, headers=[("WWW-Authenticate", "A"), ("WWW-Authenticate", "B")])
    )

    assert transport(script).send(get()).headers["www-authenticate"] == "A, B"


def test_a_request_names_us_and_asks_for_bytes_as_they_are():
    script = Script().on("GET", _URL, Reply())
    transport(script).send(get())

    assert script.requests[0].headers["user-agent"] == f"hashtag/{__version__}"
    assert script.requests[0].headers["accept-encoding"] == "identity"


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────


def endless(read: list[int]):
    for number in itertools.count():
        read.append(number)
        yield b"x" * 1024


def test_a_body_over_the_limit_is_not_read_to_its_end():
    read: list[int] = []
    script = Script().on("GET", _URL, Reply(200, endless(read)))

    with pytest.raises(RegistryError, match="larger than 4096 bytes"):
        transport(script).send(get(limit=4096))

    assert len(read) < 200


def test_a_body_of_just_the_limit_is_read():
    script = Script().on("GET", _URL, Reply(200, b"x" * 4096))

    assert len(transport(script).send(get(limit=4096)).content) == 4096


def test_of_an_error_without_end_64_kib_are_kept():
    script = Script().on("GET", _URL, Reply(500, endless([])))

    assert len(transport(script).send(get(limit=10)).content) == 64 * 1024


def test_a_compressed_answer_is_refused_unpacked_or_not():
    bomb = zlib.compress(b"\0" * 10_000_000)
    script = Script().on("GET", _URL, Reply(200, bomb, {"Content-Encoding": "deflate"}))

    with pytest.raises(RegistryError, match="compressed"):
        transport(script).send(get())


# ── redirects ────────────────────────────────────────────────────────────────────────────────────


def test_a_redirect_is_followed_and_the_answer_says_where_it_came_from():
    script = Script().on("GET", _URL, redirect("/other")).on("GET", "https://registry.example/other", Reply())

    answer = transport(script).send(get(headers={"Authorization": "Basic x"}))

    assert answer.url == "https://registry.example/other"
    assert script.authorizations == ["Basic x", "Basic x"]


@pytest.mark.parametrize(
    "target", ["https://cdn.example/x", "https://registry.example:8443/x", "https://sub.registry.example/x"]
)
def test_authorization_does_not_leave_the_origin(target):
    script = Script().on("GET", _URL, redirect(target)).on("GET", target, Reply())

    transport(script).send(get(headers={"Authorization": "Basic x"}))

    assert script.authorizations == ["Basic x", None]


def test_authorization_does_not_come_back_after_a_redirect_home():
    script = Script().on("GET", _URL, redirect("https://cdn.example/x"))
    script.on("GET", "https://cdn.example/x", redirect("https://registry.example/y"))
    script.on("GET", "https://registry.example/y", Reply())

    transport(script).send(get(headers={"Authorization": "Basic x"}))

    assert script.authorizations == ["Basic x", None, None]


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("http://registry.example/x", id="encryption given up"),
        pytest.param("https://169.254.169.254/x", id="the cloud's metadata"),
        pytest.param("https://localhost/x", id="this machine"),
        pytest.param("ftp://registry.example/x", id="not http"),
    ],
)
def test_a_redirect_to_where_nothing_may_be_sent_is_refused(target):
    script = Script().on("GET", _URL, redirect(target))

    with pytest.raises(UntrustedAnswer):
        transport(script).send(get())

    assert len(script.requests) == 1


def test_43_a_redirect_without_end_is_refused():
    script = Script().on("GET", _URL, redirect(_URL))

    with pytest.raises(UntrustedAnswer, match="more than 5 redirects"):
        transport(script).send(get())

    assert len(script.requests) == 6


def test_a_writing_request_keeps_method_and_body_over_a_redirect():
    script = Script().on("PUT", _URL, redirect("/other", 308))
    script.on("PUT", "https://registry.example/other", Reply(201))

    assert transport(script).send(get(method="PUT", content=b"body")).status == 201
    assert script.requests[1].content == b"body"


def test_a_writing_request_does_not_follow_a_redirect_that_would_drop_its_body():
    script = Script().on("PUT", _URL, redirect("/other", 302))

    assert transport(script).send(get(method="PUT")).status == 302


def test_a_redirect_without_location_is_an_answer():
    assert transport(Script().on("GET", _URL, Reply(304))).send(get()).status == 304


# ── failures ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("silent"),
        httpx.ReadError(""),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_broken_connection_is_temporary(error):
    with pytest.raises(Temporary) as caught:
        transport(Script().on("GET", _URL, error)).send(get())

    assert caught.value.cause.startswith("https://registry.example: ")
    assert not caught.value.cause.endswith(": ")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("HTTPS_PROXY", "foo://user:SECRET@proxy.example:1", id="a scheme that is none"),
        pytest.param("HTTPS_PROXY", "http://user:SEC/RET@proxy.example:1", id="a password that is none"),
        pytest.param("NO_PROXY", "[::1", id="an address cut off"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_an_error_of_usage_that_does_not_show_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigError, match="proxy") as caught:
        Transport().send(Request(method="GET", url="https://registry.example/v2/"))

    assert "SEC" not in f"{caught.value} {caught.value.hint}"
    assert variable in caught.value.hint


def certificate_error() -> httpx.ConnectError:
    error = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    return error


def test_a_certificate_that_is_not_trusted_is_named_at_once():
    with pytest.raises(RegistryUnreachable, match=r"certificate is not trusted.*self-signed") as caught:
        transport(Script().on("GET", _URL, certificate_error())).send(get())

    assert "SSL_CERT_FILE" in caught.value.hint


def test_a_request_that_cannot_be_sent_is_refused():
    script = Script().on("GET", _URL, httpx.LocalProtocolError("Illegal header value"))

    with pytest.raises(UntrustedAnswer):
        transport(script).send(get())


def test_a_url_that_httpx_refuses_is_untrusted():
    with pytest.raises(UntrustedAnswer, match="not a URL"):
        transport(Script()).send(get("https://registry.example/\x00"))


# ── with and without TLS ─────────────────────────────────────────────────────────────────────────


def no_tls() -> httpx.ConnectError:
    error = httpx.ConnectError("wrong version number")
    error.__cause__ = ssl.SSLError("wrong version number")
    return error


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost:5000", "[::1]:5000"])
def test_this_machine_is_asked_with_tls_first_then_without_and_that_is_remembered(host):
    script = Script().on("GET", f"https://{host}/v2/", no_tls()).on("GET", f"http://{host}/v2/", Reply())
    opened = transport(script)

    for _ in range(2):
        assert opened.ask(host, "/v2/", get("")).status == 200

    assert script.log == [f"GET https://{host}/v2/", f"GET http://{host}/v2/", f"GET http://{host}/v2/"]
    assert opened.url(host) == f"http://{host}"


def test_this_machine_is_kept_to_tls_where_it_speaks_it():
    script = Script().on("GET", "https://localhost/v2/", Reply(), no_tls())
    opened = transport(script)
    opened.ask("localhost", "/v2/", get(""))

    with pytest.raises(Temporary):
        opened.ask("localhost", "/v2/", get(""))


def test_another_host_is_never_asked_without_tls():
    script = Script().on("GET", "https://registry.example/v2/", no_tls())

    with pytest.raises(Temporary):
        transport(script).ask("registry.example", "/v2/", get(""))


def test_another_host_that_speaks_no_tls_is_named_at_once():
    error = no_tls()
    error.__cause__.reason = "WRONG_VERSION_NUMBER"
    script = Script().on("GET", "https://registry.example/v2/", error)

    with pytest.raises(RegistryUnreachable, match="does not speak TLS") as caught:
        transport(script).ask("registry.example", "/v2/", get(""))

    assert "insecure" in caught.value.hint


def test_another_host_is_asked_without_tls_if_that_is_allowed():
    host = "registry.example:5000"
    script = Script().on("GET", f"https://{host}/v2/", no_tls()).on("GET", f"http://{host}/v2/", Reply())

    assert transport(script, insecure=[host]).ask(host, "/v2/", get("")).status == 200


def test_a_bad_certificate_is_no_reason_to_go_without_tls():
    script = Script().on("GET", "https://localhost/v2/", certificate_error())

    with pytest.raises(RegistryUnreachable):
        transport(script).ask("localhost", "/v2/", get(""))


def test_a_refused_connection_is_no_reason_to_go_without_tls():
    error = httpx.ConnectError("refused")
    error.__cause__ = ConnectionRefusedError()

    with pytest.raises(Temporary):
        transport(Script().on("GET", "https://localhost/v2/", error)).ask("localhost", "/v2/", get(""))


# ── certificates ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ca", ["/nowhere/ca.pem", "-----BEGIN CERTIFICATE-----\nSECRET"])
def test_a_ca_that_is_no_certificate_is_a_fault_of_the_settings(ca):
    with pytest.raises(ConfigError, match="CA certificate cannot be used") as caught:
        transport(Script(), ca=ca).send(get())

    assert "SECRET" not in str(caught.value)


def test_an_ssl_cert_file_that_is_no_certificate_is_a_fault_of_the_settings(tmp_path):
    (tmp_path / "empty.pem").write_text("nothing")

    with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
        tls_context(None, {"SSL_CERT_FILE": str(tmp_path / "empty.pem")})


@pytest.mark.parametrize("make", [lambda: tls_context(None, {}), bundled_context], ids=["system", "bundled"])
def test_certificates_are_always_verified(make):
    context = make()

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_system_has_certificates_in_a_file_or_in_a_folder_that_is_not_empty(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.pem").touch()
    (tmp_path / "empty").mkdir()
    paths = ssl.get_default_verify_paths()

    assert has_certificates(paths._replace(cafile="x", capath=None))
    assert has_certificates(paths._replace(cafile=None, capath=str(tmp_path / "full")))
    assert not has_certificates(paths._replace(cafile=None, capath=str(tmp_path / "empty")))
    assert not has_certificates(paths._replace(cafile=None, capath=None))


def test_a_transport_may_be_closed_before_and_after_its_first_request():
    opened = transport(Script().on("GET", _URL, Reply()))
    opened.close()
    opened.send(get())
    opened.close()
