"""What no message may show."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag.errors import HashtagError, Location, RegistryUnreachable, UntrustedAnswer
from hashtag.registry import Registry
from hashtag.registry.authorization import Authorization, _Token
from hashtag.registry.docker_config import DockerConfig
from hashtag.registry.gitlab import GitLab
from hashtag.registry.handed_over import handed_over
from hashtag.registry.hiding import forms_of, hiding, scrubbed
from hashtag.registry.login import Login
from hashtag.registry.messages import Answer, Request
from hashtag.registry.retry import Retries, Temporary
from hashtag.registry.settings import RegistrySettings
from hashtag.registry.transport import Transport
from servers.scripted import Reply, Script

_SECRET = 'pä/ss+"word\\?'


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(_SECRET, id="plain"),
        pytest.param(b64encode(f"bob:{_SECRET}".encode()).decode(), id="as it is sent"),
        pytest.param(b64encode(_SECRET.encode()).decode().rstrip("="), id="base64 without padding"),
        pytest.param(quote(_SECRET, safe=""), id="percent signs"),
        pytest.param(quote(_SECRET, safe="").lower(), id="percent signs in small letters"),
        pytest.param(json.dumps(_SECRET)[1:-1], id="JSON"),
        pytest.param(json.dumps(_SECRET, ensure_ascii=False)[1:-1], id="JSON in UTF-8"),
    ],
)
def test_a_secret_is_hidden_in_each_form(form):
    login = Login(username="bob", password=_SECRET)

    assert login.scrub(f"<{form}>") == "<***>"


@given(st.text(min_size=1).filter(lambda text: "*" not in text), st.text())
def test_no_text_shows_a_secret(secret, around):
    assert secret not in scrubbed(f"{around}{secret}{around}", forms_of(secret))


def test_of_no_secret_there_is_no_form():
    assert forms_of("", "") == ()
    assert scrubbed("text", ()) == "text"


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(UntrustedAnswer("it leads to s3cret", where="h", hint="look"), id="of ours"),
        pytest.param(UntrustedAnswer("x", where="https://s3cret.example"), id="in its place"),
        pytest.param(Temporary("503: s3cret", "7"), id="to be asked again"),
    ],
)
def test_an_error_that_quotes_a_secret_is_raised_without_it_and_without_its_cause(error):
    with pytest.raises(type(error)) as caught, hiding(forms_of("S3cret")):
        raise error from ValueError("s3cret")

    assert "s3cret" not in repr(caught.value) + str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    if isinstance(error, HashtagError):
        assert caught.value.hint == error.hint
    else:
        assert caught.value.retry_after == "7"


def test_other_errors_stay_as_they_are():
    error = RegistryUnreachable("down", where=Location("Dockerfile", 1))

    with pytest.raises(RegistryUnreachable) as caught, hiding(forms_of("s3cret")):
        raise error

    assert caught.value is error


def test_no_repr_shows_a_secret():
    config = json.dumps({"auths": {"registry.example": {"auth": b64encode(b"u:s3cret").decode()}}})
    environ = {
        "HASHTAG_CREDS": "bob:s3cret",
        "HASHTAG_REGISTRY": '{"host": "registry.example", "username": "u", "password": "s3cret"}',
        "DOCKER_AUTH_CONFIG": config,
        "CI_API_V4_URL": "https://gitlab.example/api/v4",
        "CI_PROJECT_ID": "1",
        "CI_REGISTRY": "registry.example",
        "CI_JOB_TOKEN": "s3cret",
        "HASHTAG_GITLAB_TOKEN": "s3cret",
    }
    settings = RegistrySettings.gather("registry.example/app", None, None, environ)
    transport = Transport(environ=environ)
    secret = forms_of("s3cret")
    shown = [
        *(settings, settings.credentials(), settings.credentials().login("registry.example", "app")),
        *(settings.connect((), 1), Registry.from_environment("registry.example/app", environ=environ)),
        *(GitLab.from_environment(environ, transport, Retries()), transport, handed_over(environ)),
        *(DockerConfig.parse(config, "x"), Authorization(transport, settings.credentials(), float)),
        Request(method="GET", url="https://a.example", headers={"Authorization": "s3cret"}, secrets=secret),
        Answer(status=200, url="https://a.example", content=b"s3cret", secrets=secret),
        _Token("Bearer s3cret", 1.0),
    ]

    assert [value for value in shown if "s3cret" in f"{value!r} {value}"] == []


def test_the_log_names_method_host_path_and_status_and_no_secret(caplog):
    url = "https://registry.example/v2/s3cret/blobs/uploads/?_state=hidden"
    transport = Transport(wire=httpx.MockTransport(Script().on("POST", url, Reply(202))))
    with caplog.at_level(logging.DEBUG, "hashtag.requests"):
        transport.send(Request(method="POST", url=url, secrets=forms_of("s3cret")))

    assert caplog.messages == ["POST https://registry.example/v2/***/blobs/uploads/ 202"]
