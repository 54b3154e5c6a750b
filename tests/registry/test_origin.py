"""Where credentials may go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.errors import UntrustedAnswer
from hashtag.registry.origin import Origin, check_move, is_loopback, shown

_REGISTRY = Origin.of("https://registry.example.com")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://a.example/v2/", "https://a.example"),
        ("https://A.example.:443/", "https://a.example"),
        ("http://a.example:5000", "http://a.example:5000"),
        ("https://[::1]:5000/x", "https://[::1]:5000"),
        ("https://user:password@a.example/", "https://a.example"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url, text):
    assert str(Origin.of(url)) == text


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example/", "file:///etc/passwd", "//a.example", "https://", "https://[::1", "http://a:x/"],
)
def test_what_is_no_http_url_has_no_origin(url):
    with pytest.raises(UntrustedAnswer):
        Origin.of(url)


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "192.168.1.1", "172.16.0.1", "127.0.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *("[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "localhost", "x.localhost"),
        *("127.1", "2130706433", "0x7f000001", "metadata.google.internal"),
    ],
)
def test_an_address_inside_is_private_however_it_is_written(host):
    assert Origin.of(f"https://{host}/").is_private


@pytest.mark.parametrize("host", ["registry.example.com", "8.8.8.8", "[2606:4700::1]", "1.example", "gitlab"])
def test_other_hosts_are_public(host):
    assert not Origin.of(f"https://{host}/").is_private


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5000", "127.0.0.1:1", "127.9.9.9", "[::1]:5000", "127.1"]
)
def test_loopback_hosts_are_known(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example.com", "10.0.0.1", "registry.example:5000", "[::2]"])
def test_other_hosts_are_not_loopback(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("start", "target"),
    [
        pytest.param("https://a.example", "http://a.example", id="encryption given up"),
        pytest.param("https://a.example", "https://127.0.0.1", id="to this machine"),
        pytest.param("https://a.example", "https://169.254.169.254", id="to the cloud's metadata"),
        pytest.param("http://a.example", "http://10.0.0.1", id="into the private network"),
    ],
)
def test_nothing_moves_where_it_does_not_belong(start, target):
    with pytest.raises(UntrustedAnswer):
        check_move(Origin.of(start), Origin.of(target), "redirect")


@pytest.mark.parametrize(
    ("start", "target"),
    [
        pytest.param("https://a.example", "https://cdn.example", id="another public host"),
        pytest.param("http://a.example", "https://a.example", id="to encryption"),
        pytest.param("http://127.0.0.1:5000", "http://127.0.0.1:5001", id="on this machine"),
        pytest.param("https://10.0.0.1", "https://10.0.0.2", id="inside a private network"),
        pytest.param("https://10.0.0.1:1", "https://10.0.0.1:2", id="another port"),
    ],
)
def test_other_moves_are_allowed(start, target):
    check_move(Origin.of(start), Origin.of(target), "redirect")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://user:secret@a.example/x?token=secret", "https://a.example/x"),
        ("https://a.example/\x1b[31m", "https://a.example/�[31m"),
        ("https://a.example/" + "x" * 1000, "https://a.example/" + "x" * 182),
        ("nonsense", "nonsense"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url, text):
    assert shown(url) == text


@given(st.text())
def test_any_text_is_a_url_or_untrusted(text):
    try:
        origin = Origin.of(text)
    except UntrustedAnswer:
        return
    assert origin.scheme in ("http", "https")
    assert isinstance(origin.is_private, bool)
