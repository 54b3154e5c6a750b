"""WWW-Authenticate, as registries write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.errors import UntrustedAnswer
from hashtag.registry.challenge import Challenge, check_realm, choose_challenge, parse_challenges

_BEARER = {"realm": "https://auth.example/token", "service": "registry"}


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        pytest.param("", (), id="nothing"),
        pytest.param('Basic realm="x"', (Challenge("basic", {"realm": "x"}),), id="basic"),
        pytest.param("Basic", (Challenge("basic"),), id="basic without realm"),
        pytest.param(
            'Bearer realm="https://auth.example/token",service="registry"',
            (Challenge("bearer", _BEARER),),
            id="bearer",
        ),
        pytest.param(
            'BEARER Realm = "https://auth.example/token" , SERVICE=registry',
            (Challenge("bearer", _BEARER),),
            id="odd case, spaces and a bare value",
        ),
        pytest.param(
            'Bearer realm="r",scope="repository:a:pull,push repository:b:pull"',
            (Challenge("bearer", {"realm": "r", "scope": "repository:a:pull,push repository:b:pull"}),),
            id="commas in a scope",
        ),
        pytest.param(
            'Basic realm="a, Bearer realm=b", Bearer realm="c"',
            (Challenge("basic", {"realm": "a, Bearer realm=b"}), Challenge("bearer", {"realm": "c"})),
            id="two, one quoted in the other",
        ),
        pytest.param(
            'Negotiate, Bearer realm="c"',
            (Challenge("negotiate"), Challenge("bearer", {"realm": "c"})),
            id="a scheme without parameters first",
        ),
        pytest.param(
            'NTLM TlRMTVNTUAAB==, Basic realm="x"',
            (Challenge("ntlm"), Challenge("basic", {"realm": "x"})),
            id="a scheme with a token first",
        ),
        pytest.param(
            r'Basic realm="say \"hi\""', (Challenge("basic", {"realm": 'say "hi"'}),), id="escaped quotes"
        ),
        pytest.param(
            'Bearer realm="open', (Challenge("bearer", {"realm": "open"}),), id="quote never closed"
        ),
        pytest.param(
            'Bearer realm="a",realm="b"', (Challenge("bearer", {"realm": "a"}),), id="the first of two realms"
        ),
    ],
)
def test_challenges_are_read(header, challenges):
    assert parse_challenges(header) == challenges


@given(st.text())
def test_any_header_is_read_without_an_error(header):
    parse_challenges(header)


def test_a_bearer_token_is_preferred_to_a_password():
    header = 'Basic realm="x", Bearer realm="https://auth.example/token"'

    assert choose_challenge(parse_challenges(header)).scheme == "bearer"


def test_a_password_is_preferred_to_what_is_not_known():
    assert choose_challenge(parse_challenges('Negotiate, Basic realm="x"')).scheme == "basic"


def test_nothing_meets_an_unknown_scheme():
    assert choose_challenge(parse_challenges("Negotiate")) is None


@pytest.mark.parametrize(
    "realm",
    [
        pytest.param("http://auth.example/token", id="no encryption"),
        pytest.param("https://169.254.169.254/token", id="the cloud's metadata"),
        pytest.param("https://127.0.0.1/token", id="this machine"),
        pytest.param("https://[::1]/token", id="this machine over IPv6"),
        pytest.param("/token", id="relative"),
        pytest.param("", id="none"),
    ],
)
def test_a_token_server_that_is_not_to_be_trusted_is_refused(realm):
    with pytest.raises(UntrustedAnswer):
        check_realm("https://registry.example/v2/", realm)


def test_a_registry_on_this_machine_may_have_its_token_server_here():
    check_realm("http://127.0.0.1:5000/v2/", "http://127.0.0.1:5001/token")


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        pytest.param("http://127.0.0.1:5000", "http://evil.example/token", id="a public host"),
        pytest.param("http://10.0.0.1:5000", "http://10.0.0.2/token", id="a neighbour"),
        pytest.param("http://a.example", "http://a.example.evil/token", id="a longer name"),
        pytest.param("http://127.0.0.1:5000", "http://169.254.169.254/token", id="the cloud's metadata"),
        pytest.param("http://10.0.0.1", "https://169.254.169.254/token", id="metadata, encrypted"),
        pytest.param("http://10.0.0.1", "https://metadata.google.internal/token", id="metadata by name"),
        pytest.param("http://10.0.0.1", "https://[64:ff9b::a9fe:a9fe]/token", id="metadata behind NAT64"),
        pytest.param("http://169.254.1.1", "http://169.254.1.1/token", id="link-local, its own host"),
    ],
)
def test_without_tls_a_token_server_is_on_the_registrys_own_host(registry, realm):
    with pytest.raises(UntrustedAnswer):
        check_realm(f"{registry}/v2/", realm)


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        pytest.param("http://registry.example:5000", "http://Registry.example./token", id="its own host"),
        pytest.param("http://10.0.0.1:5000", "https://10.0.0.2/token", id="a neighbour, encrypted"),
        pytest.param("http://127.0.0.1:5000", "https://auth.example/token", id="a public host, encrypted"),
    ],
)
def test_a_registry_without_tls_may_have_its_token_server(registry, realm):
    check_realm(f"{registry}/v2/", realm)
