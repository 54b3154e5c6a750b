"""Where logins come from."""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hashtag.errors import CredentialsError
from hashtag.registry.credential_helper import ask_helper
from hashtag.registry.credentials import Credentials, login_files, split_creds
from hashtag.registry.docker_config import DockerConfig
from hashtag.registry.handed_over import handed_over
from hashtag.registry.login import keys_for, normal_key

_HOST = "registry.example"
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


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


def auths(**entries: str) -> str:
    return json.dumps({"auths": {key: {"auth": encoded(text)} for key, text in entries.items()}})


def found(
    environ: dict[str, str], registry: str = _HOST, name: str = "group/app", creds: str | None = None
) -> str | None:
    login = Credentials.from_environment(environ, creds=creds, registry=_HOST).login(registry, name)
    return f"{login.username}:{login.password}" if login else None


def no_helper(helper: str, server: str) -> None:
    raise AssertionError


def test_without_any_source_nobody_logs_in():
    assert found({}) is None


def test_files_that_are_not_there_hold_no_login(tmp_path):
    assert found({"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}) is None


@pytest.mark.parametrize(
    ("variable", "path"),
    [
        ("HOME", ".docker/config.json"),
        ("USERPROFILE", ".docker/config.json"),
        ("DOCKER_CONFIG", "config.json"),
        ("XDG_RUNTIME_DIR", "containers/auth.json"),
        ("XDG_CONFIG_HOME", "containers/auth.json"),
        ("HOME", ".config/containers/auth.json"),
    ],
)
def test_a_login_is_found_in_the_file_of_each_tool(tmp_path, variable, path):
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(auths(**{_HOST: "u:p"}))

    home = {} if variable == "USERPROFILE" else {"HOME": "/nowhere"}

    assert found(home | {variable: str(tmp_path)}) == "u:p"


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        pytest.param({}, [], id="nobody's"),
        pytest.param(
            {"HOME": "/h"},
            ["/h/.docker/config.json", "/run/containers/7/auth.json", "/h/.config/containers/auth.json"],
            id="where podman login puts it in a job without a session",
        ),
        pytest.param(
            {"HOME": "/h", "XDG_RUNTIME_DIR": "/r", "DOCKER_CONFIG": "/d", "REGISTRY_AUTH_FILE": "/f"},
            ["/d/config.json", "/f", "/r/containers/auth.json", "/h/.config/containers/auth.json"],
            id="named",
        ),
    ],
)
def test_the_files_of_tools_are_looked_into_in_this_order(environ, names):
    assert [path.as_posix() for path in login_files(environ, user=7)] == names


def test_registry_auth_file_names_a_file(tmp_path):
    file = tmp_path / "auth.json"
    file.write_text(auths(**{_HOST: "u:p"}))

    assert found({"REGISTRY_AUTH_FILE": str(file)}) == "u:p"


def test_the_login_given_comes_before_all_others_for_its_own_host_alone():
    environ = {"DOCKER_AUTH_CONFIG": auths(**{_HOST: "file:f", "other.example": "other:o"})}

    assert found(environ, creds="given:g") == "given:g"
    assert found(environ, "other.example", creds="given:g") == "other:o"


def test_the_sources_are_asked_in_their_order(tmp_path):
    (tmp_path / "config.json").write_text(auths(**{_HOST: "docker:d", "b.example": "docker:d"}))
    (tmp_path / "auth.json").write_text(
        auths(**{_HOST: "podman:p", "b.example": "podman:p", "c.example": "c:c"})
    )
    environ = {
        "DOCKER_AUTH_CONFIG": auths(**{_HOST: "variable:v"}),
        "DOCKER_CONFIG": str(tmp_path),
        "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json"),
        "CI_REGISTRY": "c.example",
        "CI_REGISTRY_USER": "job",
        "CI_REGISTRY_PASSWORD": "token",
    }

    assert found(environ, _HOST) == "variable:v"
    assert found(environ, "b.example") == "docker:d"
    assert found(environ, "c.example") == "c:c"


@pytest.mark.parametrize(
    ("prefix", "host"),
    [("CI_REGISTRY", "CI_REGISTRY"), ("CI_DEPENDENCY_PROXY", "CI_DEPENDENCY_PROXY_SERVER")],
)
def test_the_login_of_a_gitlab_job_is_for_its_host_alone(prefix, host):
    environ = {f"{prefix}_USER": "job", f"{prefix}_PASSWORD": "token", host: f"{_HOST}:443"}

    assert found(environ, _HOST) == "job:token"
    assert found(environ, "other.example") is None


def test_a_registry_handed_over_brings_its_login():
    environ = {"HASHTAG_REGISTRY": '{"host": "::1", "port": 5000, "username": "zuul", "password": "z"}'}

    assert found(environ, "[::1]:5000") == "zuul:z"


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_longest_key_wins():
    config = {
        "DOCKER_AUTH_CONFIG": auths(**{_HOST: "h:1", f"{_HOST}/group": "g:2", f"{_HOST}/group/app": "a:3"})
    }

    assert found(config, name="group/app") == "a:3"
    assert found(config, name="group/application") == "g:2"
    assert found(config, name="other") == "h:1"


@pytest.mark.parametrize(
    "key",
    [
        *("docker.io", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/"),
        *("https://index.docker.io/v1", "index.docker.io/v1/", "https://registry-1.docker.io/v2/"),
    ],
)
def test_docker_hub_has_one_login_under_all_its_names(key):
    environ = {"DOCKER_AUTH_CONFIG": auths(**{key: "hub:h"})}

    assert found(environ, "docker.io", "library/debian") == "hub:h"
    assert found(environ, _HOST) is None


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        pytest.param("registry.example:5000", "registry.example:5000", id="port"),
        pytest.param("registry.example:443", "registry.example", id="the port of https"),
        pytest.param("[::1]:5000", "[::1]:5000", id="IPv6"),
        pytest.param("https://registry.example/v2/", "registry.example", id="URL"),
        pytest.param("REGISTRY.example", "registry.example", id="upper case"),
    ],
)
def test_a_key_is_found_however_it_is_written(key, registry):
    assert found({"DOCKER_AUTH_CONFIG": auths(**{key: "u:p"})}, registry) == "u:p"


@pytest.mark.parametrize(
    "key", ["registry.example:5001", "registry.example.evil", "evil.registry.example", "gistry.example"]
)
def test_the_login_of_another_host_is_never_taken(key):
    assert found({"DOCKER_AUTH_CONFIG": auths(**{key: "u:p"})}, "registry.example:5000") is None


def test_keys_are_tried_from_the_whole_name_to_the_host():
    assert keys_for("a.example:1", "x/y") == ("a.example:1/x/y", "a.example:1/x", "a.example:1")


def test_a_key_with_a_path_keeps_it():
    assert normal_key("https://a.example/group/") == "a.example/group"


# ── entries ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("entry", "user", "password"),
    [
        pytest.param({"auth": encoded("u:p")}, "u", "p", id="auth"),
        pytest.param({"auth": encoded("u:p:w:d")}, "u", "p:w:d", id="colons in the password"),
        pytest.param({"auth": encoded("u:pa").rstrip("=")}, "u", "pa", id="padding left out"),
        pytest.param({"auth": encoded("u:p\0\0")}, "u", "p", id="padded with NUL"),
        pytest.param({"auth": encoded("ü:pä")}, "ü", "pä", id="not ASCII"),
        pytest.param({"username": "u", "password": "p"}, "u", "p", id="user and password"),
    ],
)
def test_an_entry_is_read_in_each_form(entry, user, password):
    login = DockerConfig.parse(json.dumps({"auths": {_HOST: entry}}), "x").login(_HOST, "", no_helper)

    assert (login.username, login.password) == (user, password)


def test_47_an_identity_token_is_kept_beside_the_user():
    entry = {"auth": encoded("00000000-0000-0000-0000-000000000000:"), "identitytoken": "refresh"}
    login = DockerConfig.parse(json.dumps({"auths": {_HOST: entry}}), "x").login(_HOST, "", no_helper)

    assert login.identity_token == "refresh"


def test_a_host_without_an_entry_has_no_login():
    config = DockerConfig.parse(json.dumps({"auths": {_HOST: {"auth": encoded("u:p")}}}), "x")

    assert config.login("other.example", "", no_helper) is None


@pytest.mark.parametrize("entry", [{}, {"email": "a@b"}], ids=["empty", "without login"])
def test_an_entry_without_a_login_is_none(entry):
    assert DockerConfig.parse(json.dumps({"auths": {_HOST: entry}}), "x").login(_HOST, "", no_helper) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"auths": {"h": {"auth": "SECRET"', id="cut off"),
        pytest.param("SECRET", id="no JSON"),
        pytest.param('["SECRET"]', id="a list"),
        pytest.param('{"auths": "SECRET"}', id="auths is no object"),
        pytest.param('{"auths": {"registry.example": "SECRET"}}', id="an entry is no object"),
        pytest.param('{"auths": {"registry.example": {"auth": "SECRET!"}}}', id="auth is not base64"),
        pytest.param('{"auths": {"registry.example": {"auth": "/////w=="}}}', id="47 auth is not UTF-8"),
        pytest.param('{"auths": {"registry.example": {"auth": ["SECRET"]}}}', id="auth is no text"),
        pytest.param(auths(**{_HOST: "SECRET"}), id="auth has no colon"),
        pytest.param('{"credHelpers": {"SECRET": 1}}', id="a helper is no text"),
        pytest.param('{"credsStore": {"SECRET": 1}}', id="the store is no text"),
        pytest.param("[" * 100_000, id="too deep"),
        pytest.param("\ud800", id="not UTF-8"),
    ],
)
def test_a_malformed_file_is_an_error_of_usage_that_does_not_show_it(text):
    with pytest.raises(CredentialsError) as caught:
        found({"DOCKER_AUTH_CONFIG": text})

    assert caught.value.status == 2
    assert caught.value.where.startswith("DOCKER_AUTH_CONFIG")
    assert "SECRET" not in f"{caught.value} {caught.value.hint} {caught.value!r}"
    assert caught.value.__cause__ is None


def test_45_a_file_that_cannot_be_read_is_an_error_naming_it(tmp_path):
    (tmp_path / "config.json").mkdir()

    with pytest.raises(CredentialsError, match=r"config\.json: cannot be read: Is a directory"):
        found({"DOCKER_CONFIG": str(tmp_path)})


@pytest.mark.parametrize("variable", ["HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE"])
def test_below_what_is_no_folder_there_is_no_login(variable):
    below = "/dev/null/auth.json" if variable == "REGISTRY_AUTH_FILE" else "/dev/null"

    assert found({"HOME": "/nowhere"} | {variable: below}) is None


@pytest.mark.parametrize("variable", ["HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"])
def test_a_folder_that_may_not_be_looked_into_holds_no_login(closed, variable):
    with without_rights():
        assert found({"HOME": "/nowhere"} | {variable: str(closed)}) is None


def test_a_file_that_may_not_be_read_is_an_error_naming_it(closed):
    closed.chmod(0o755)
    (closed / "config.json").write_text("{}")
    (closed / "config.json").chmod(0o000)

    with (
        without_rights(),
        pytest.raises(CredentialsError, match=r"config\.json: cannot be read: Permission denied"),
    ):
        found({"DOCKER_CONFIG": str(closed)})


def test_a_pipe_in_place_of_the_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "config.json")

    with pytest.raises(CredentialsError, match=r"config\.json: cannot be read: it is not a file"):
        found({"DOCKER_CONFIG": str(tmp_path)})


def test_a_file_is_read_once(tmp_path):
    (tmp_path / "config.json").write_text(auths(**{_HOST: "u:p"}))
    credentials = Credentials.from_environment({"DOCKER_CONFIG": str(tmp_path)})
    assert credentials.login(_HOST, "a")
    (tmp_path / "config.json").unlink()

    assert credentials.login(_HOST, "b").username == "u"


@pytest.mark.parametrize("text", ["nobody", ":secret", ""])
def test_creds_without_user_or_colon_are_refused_without_showing_them(text):
    with pytest.raises(CredentialsError) as caught:
        split_creds(text, "creds")

    assert "secret" not in str(caught.value)


def test_no_secret_stands_in_a_repr():
    environ = {"DOCKER_AUTH_CONFIG": auths(**{_HOST: "user:SECRET"}), "HASHTAG_REGISTRY": '{"host": "h"}'}
    credentials = Credentials.from_environment(environ, creds="u:SECRET", registry="x")
    login = credentials.login(_HOST, "")
    config = DockerConfig.parse(environ["DOCKER_AUTH_CONFIG"], "x")

    for value in (credentials, login, config):
        assert "SECRET" not in f"{value!r} {value}"
        assert encoded("user:SECRET") not in repr(value)


def test_a_login_scrubs_its_secrets_from_a_text():
    login = split_creds("user:SECRET", "creds")

    assert login.scrub(f"user SECRET {encoded('user:SECRET')}") == "user *** ***"


def test_the_documented_order_of_sources_is_the_order(tmp_path):
    """docs/configuration.md, «Logins»: each source is left out in its turn, and the next one answers."""
    given = {
        "HASHTAG_CREDS": "2:p",
        "HASHTAG_REGISTRY": json.dumps({"host": _HOST, "username": "3", "password": "p"}),
        "DOCKER_AUTH_CONFIG": auths(**{_HOST: "4:p"}),
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "REGISTRY_AUTH_FILE": str(tmp_path / "named.json"),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "CI_REGISTRY": _HOST,
        "CI_REGISTRY_USER": "9",
        "CI_REGISTRY_PASSWORD": "p",
        "CI_JOB_TOKEN": "p",
        "HOME": "/nowhere",
    }
    files = ("docker/config.json", "named.json", "run/containers/auth.json", "config/containers/auth.json")
    for number, name in enumerate(files, 5):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(auths(**{_HOST: f"{number}:p"}))
    order = [found(given, creds="1:p")]
    for name in [*given]:
        order.append(found(given)) if name not in ("CI_REGISTRY", "CI_REGISTRY_PASSWORD", "HOME") else None
        given.pop(name) if name != "CI_REGISTRY" else None

    assert order == [*(f"{number}:p" for number in range(1, 10)), "gitlab-ci-token:p"]


# ── HASHTAG_REGISTRY ─────────────────────────────────────────────────────────────────────────────


def test_a_registry_handed_over_has_host_login_and_certificate():
    text = '{"host": "r.example", "port": 5000, "username": "u", "password": "SECRET", "cert": "-----BEGIN"}'
    registry = handed_over({"HASHTAG_REGISTRY": text})

    assert registry.host == "r.example:5000"
    assert registry.ca == "-----BEGIN"
    assert registry.login.password == "SECRET"
    assert "SECRET" not in repr(registry)


@pytest.mark.parametrize("port", [5000, "5000"])
def test_the_port_of_a_registry_handed_over_may_be_a_number_or_text(port):
    assert handed_over({"HASHTAG_REGISTRY": json.dumps({"host": "::1", "port": port})}).host == "[::1]:5000"


def test_a_registry_may_be_handed_over_without_login_and_port():
    registry = handed_over({"HASHTAG_REGISTRY": '{"host": "r.example"}'})

    assert (registry.host, registry.login, registry.ca) == ("r.example", None, None)


@pytest.mark.parametrize(
    "text",
    [
        *("SECRET", "{}", "[]", '"SECRET"', "{", '{"host": null}', '{"host": ["SECRET"]}', '{"host": ""}'),
        *('{"host": "h", "port": "SECRET"}', '{"host": "h", "cert": true}', '{"host": "h", "username": 7}'),
        '{"host": "h", "username": "u", "password": ["SECRET"]}',
    ],
)
def test_a_malformed_registry_is_refused_without_showing_it(text):
    with pytest.raises(CredentialsError) as caught:
        handed_over({"HASHTAG_REGISTRY": text})

    assert "SECRET" not in str(caught.value)


# ── helpers ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def helper(tmp_path: Path):
    """Return a function that writes a helper; the environment in which it is found."""

    def write(body: str) -> dict[str, str]:
        path = tmp_path / "docker-credential-test"
        path.write_text(f"#!{sys.executable}\nimport sys, time, os\nserver = sys.stdin.read()\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return {"PATH": str(tmp_path)}

    return write


def test_a_helper_is_asked_for_the_host(helper):
    environ = helper('print(\'{"Username": "u", "Secret": "of %s %s"}\' % (server, sys.argv[1]))')

    assert ask_helper("test", _HOST, environ) == ("u", f"of {_HOST} get")


def test_46_a_helper_that_knows_no_login_is_no_error(helper):
    environ = helper('print("credentials not found in native keychain"); sys.exit(1)')

    assert ask_helper("test", _HOST, environ) is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param('sys.stderr.write("SECRET"); sys.exit(3)', "ended with status 3", id="fails"),
        pytest.param('print("SECRET")', "not a login in JSON", id="answers nonsense"),
        pytest.param('print(\'{"Username": "SECRET"}\')', "not a login in JSON", id="answers half"),
        pytest.param(
            'print(\'{"Username": "SECRET", "Secret": null}\')', "not a login in JSON", id="answers null"
        ),
        pytest.param("time.sleep(60)", "no answer within 1 s", id="hangs"),
    ],
)
def test_a_helper_that_fails_is_named_and_not_quoted(helper, body, message):
    with pytest.raises(CredentialsError, match=message) as caught:
        ask_helper("test", _HOST, helper(body), timeout_seconds=1)

    assert caught.value.where == "docker-credential-test"
    assert "SECRET" not in str(caught.value)
    assert (caught.value.code, caught.value.status) == ("HT056", 3)


def test_a_helper_that_answers_with_nothing_knows_no_login(helper):
    # What docker-credential-ecr-login and others say of hosts that are not theirs.
    assert ask_helper("test", _HOST, helper('print(\'{"Username": "", "Secret": ""}\')')) is None


@pytest.mark.parametrize("body", ["sys.exit(3)", 'print(\'{"Username": "u", "Secret": "p"}\')'])
def test_a_helper_is_asked_once_for_a_host_also_where_it_fails(helper, tmp_path, body):
    environ = helper(f"open({str(tmp_path / 'asked')!r}, 'a').write('x')\n{body}")
    environ["DOCKER_AUTH_CONFIG"] = '{"credsStore": "test"}'
    credentials = Credentials.from_environment(environ)
    for name in ("a", "b", "a"):
        with suppress(CredentialsError):
            credentials.login(_HOST, name)

    assert (tmp_path / "asked").read_text() == "x"


def test_a_helper_that_fails_is_named_with_the_file_that_names_it(tmp_path):
    (tmp_path / "config.json").write_text('{"credsStore": "absent"}')

    with pytest.raises(CredentialsError) as caught:
        found({"DOCKER_CONFIG": str(tmp_path), "PATH": str(tmp_path)})

    assert str(caught.value) == (
        f"docker-credential-absent: not found in PATH (named in {tmp_path / 'config.json'})"
    )


@pytest.mark.parametrize("name", ["absent", "../../bin/sh", "", "a b", "-x"])
def test_46_a_helper_that_is_not_there_is_an_error_naming_it(tmp_path, name):
    with pytest.raises(CredentialsError, match=f"docker-credential-{name}: not found"):
        ask_helper(name, _HOST, {"PATH": str(tmp_path)})


def test_a_helper_that_cannot_be_started_is_an_error(tmp_path):
    path = tmp_path / "docker-credential-test"
    path.write_text("#!/nowhere/python\n")
    path.chmod(0o755)

    with pytest.raises(CredentialsError, match="cannot be started"):
        ask_helper("test", _HOST, {"PATH": str(tmp_path)})


class Helper:
    """Knows logins by server; remembers what it was asked."""

    def __init__(self, **logins: str) -> None:
        self.logins = logins
        self.asked: list[tuple[str, str]] = []

    def __call__(self, helper: str, server: str) -> tuple[str, str] | None:
        self.asked.append((helper, server))
        login = self.logins.get(server)
        return tuple(login.split(":")) if login else None


def test_the_helper_of_a_host_is_asked_before_the_store():
    config = DockerConfig.parse(json.dumps({"credHelpers": {_HOST: "ecr"}, "credsStore": "store"}), "x")
    helper = Helper(**{_HOST: "u:p"})

    assert config.login(_HOST, "", helper).password == "p"
    assert helper.asked == [("ecr", _HOST)]


def test_the_store_is_asked_for_all_other_hosts():
    config = DockerConfig.parse(json.dumps({"credHelpers": {"x": "ecr"}, "credsStore": "store"}), "x")
    helper = Helper(**{_HOST: "u:p"})

    login = config.login(_HOST, "group/app", helper)

    assert login.origin == "docker-credential-store (named in x)"
    assert helper.asked == [("store", _HOST)]


def test_docker_hub_is_asked_for_under_the_name_that_helpers_know():
    helper = Helper(**{"https://index.docker.io/v1/": "hub:h"})

    assert DockerConfig("x", store="store").login("docker.io", "library/debian", helper).username == "hub"


def test_a_user_called_token_brings_an_identity_token():
    login = DockerConfig("x", store="store").login(_HOST, "", Helper(**{_HOST: "<token>:refresh"}))

    assert (login.username, login.identity_token) == ("", "refresh")


def test_the_store_is_asked_before_the_file_as_docker_does():
    text = json.dumps({"credsStore": "store", "auths": {_HOST: {"auth": encoded("old:o")}}})

    assert DockerConfig.parse(text, "x").login(_HOST, "", Helper(**{_HOST: "u:p"})).username == "u"


def test_an_entry_for_a_group_comes_before_the_store_which_knows_hosts_alone():
    text = json.dumps({"credsStore": "store", "auths": {f"{_HOST}/group": {"auth": encoded("g:p")}}})
    helper = Helper(**{_HOST: "u:p"})

    assert DockerConfig.parse(text, "x").login(_HOST, "group/app", helper).username == "g"
    assert helper.asked == []


def test_a_host_without_a_helper_of_its_own_may_have_none_at_all():
    # docker/cli cli/config/configfile, getConfiguredCredentialStore: an empty name is the file.
    config = {"credsStore": "store", "credHelpers": {_HOST: ""}, "auths": {_HOST: {"auth": encoded("f:p")}}}
    helper = Helper(**{_HOST: "u:p"})

    assert DockerConfig.parse(json.dumps(config), "x").login(_HOST, "", helper).username == "f"
    assert helper.asked == []


def test_where_a_helper_knows_nothing_the_file_is_read():
    text = json.dumps({"credsStore": "store", "auths": {_HOST: {"auth": encoded("u:p")}}})

    assert DockerConfig.parse(text, "x").login(_HOST, "", Helper()).username == "u"
