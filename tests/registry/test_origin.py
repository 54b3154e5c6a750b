"""Where credentials may go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.errors import UntrustedAnswer
from hashtag.registry.origin import Origin, check_move, is_loopback, joined, shown

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
    [
        *("ftp://a.example/", "file:///etc/passwd", "//a.example", "https://", "https://[::1", "http://a:x/"),
        *("https:a.example", "https:///a.example", "https://a.example:99999/", "https://a.example:1:2/"),
    ],
)
def test_what_is_no_http_url_has_no_origin(url):
    with pytest.raises(UntrustedAnswer):
        Origin.of(url)


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "192.168.1.1", "172.16.0.1", "127.0.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *("[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "localhost", "x.localhost"),
        *("metadata.google.internal", "169.254.169.254.", "LOCALHOST", "[0:0::0:1]", "user@10.0.0.1"),
        *("[64:ff9b::a00:1]", "[64:ff9b:1::a00:1]", "[2002:a00:1::]", "[::10.0.0.1]", "224.0.0.1"),
        "[2001:0:4136:e378:8000:63bf:f5ff:fffe]",
    ],
)
def test_an_address_inside_is_private_however_it_is_written(host):
    assert Origin.of(f"https://{host}/").is_private


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("127.1", id="two parts"),
        pytest.param("2130706433", id="one number"),
        pytest.param("0x7f000001", id="one hexadecimal number"),
        pytest.param("0x7f.1", id="hexadecimal and short"),
        pytest.param("0177.0.0.1", id="octal"),
        pytest.param("017700000001", id="one octal number"),
        pytest.param("127.0.0.1.1", id="five parts"),
        pytest.param("127.0.0.256", id="too large"),
        pytest.param("a.example.0x7f", id="a name that ends with a number"),
        pytest.param("169。254。169。254", id="ideographic full stops"),
        pytest.param("１６９.254.169.254", id="full-width digits"),
        pytest.param("①69.254.169.254", id="a digit in a circle"),
        pytest.param("ｌocalhost", id="a full-width letter"),
        pytest.param("localhost。", id="an ideographic full stop at the end"),
        pytest.param("regißtry.example", id="a letter that standards map differently"),
        pytest.param("%31%36%39.254.169.254", id="percent signs"),
        pytest.param("169.254.169.254%00.example", id="an encoded NUL"),
        pytest.param("[fe80::1%25eth0]", id="an encoded zone"),
        pytest.param("[fe80::1%eth0]", id="a zone"),
        pytest.param("[v1.x]", id="an address of the future"),
        pytest.param("[::1]evil.example", id="something behind an address"),
        pytest.param("evil.example\\@registry.example", id="a backslash before the user's end"),
        pytest.param("registry.example\\.evil.example", id="a backslash in the name"),
        pytest.param("evil.example\\", id="a backslash at the end"),
        pytest.param("a.example..", id="two full stops at the end"),
        pytest.param("a..example", id="two full stops"),
        pytest.param("a b.example", id="a space"),
        pytest.param("a;b.example", id="a semicolon"),
    ],
)
def test_a_host_that_readers_take_for_different_ones_has_no_origin(host):
    with pytest.raises(UntrustedAnswer):
        Origin.of(f"https://{host}/")
    with pytest.raises(UntrustedAnswer):
        is_loopback(host)


@pytest.mark.parametrize(
    "url", ["https://a.example:443", "https://A.EXAMPLE", "https://a.example.", "https://x@a.example:/"]
)
def test_one_origin_may_be_written_in_several_ways(url):
    assert Origin.of(url) == Origin.of("https://a.example")


@pytest.mark.parametrize("url", ["https://a.example:0", "http://a.example:443", "https://a.example:80"])
def test_another_port_or_scheme_is_another_origin(url):
    assert Origin.of(url) != Origin.of("https://a.example")


@pytest.mark.parametrize("host", ["registry.example.com", "8.8.8.8", "[2606:4700::1]", "1.example", "gitlab"])
def test_other_hosts_are_public(host):
    assert not Origin.of(f"https://{host}/").is_private


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5000", "127.0.0.1:1", "127.9.9.9", "[::1]:5000", "[::ffff:127.0.0.1]:1"]
)
def test_loopback_hosts_are_known(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["localhost.example.com", "10.0.0.1", "registry.example:5000", "[::2]", "[64:ff9b::7f00:1]"]
)
def test_other_hosts_are_not_loopback(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("start", "target"),
    [
        pytest.param("https://a.example", "http://a.example", id="encryption given up"),
        pytest.param("https://a.example", "https://127.0.0.1", id="to this machine"),
        pytest.param("https://a.example", "https://169.254.169.254", id="to the cloud's metadata"),
        pytest.param("http://a.example", "http://10.0.0.1", id="into the private network"),
        pytest.param("http://127.0.0.1:5000", "http://169.254.169.254", id="from inside to metadata"),
        pytest.param("https://10.0.0.1", "https://[::ffff:169.254.169.254]", id="to metadata, mapped"),
        pytest.param("https://10.0.0.1", "https://metadata.google.internal", id="to metadata by its name"),
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


@pytest.mark.parametrize("location", ["https://u:p@b.example/x", "//u@b.example/x", "https://@b.example/"])
def test_a_location_with_a_user_is_refused_without_showing_it(location):
    with pytest.raises(UntrustedAnswer, match=r"it names a user, at https://b\.example") as caught:
        joined("https://a.example/v2/", location)

    assert "u:p" not in str(caught.value)


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
