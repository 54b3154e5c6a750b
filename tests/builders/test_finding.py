"""Which builder is taken."""

from __future__ import annotations

import pytest

from builders.fake import fake
from hashtag.builders import find_builder
from hashtag.errors import BuilderMissing, UsageError

ENGINE = "if words[-3:-1] == ['version', '--format']: print({versions!r})\n"
NO_BUILDX = "if 'buildx' in words: sys.exit(1)\n"
NO_ENGINE = "sys.exit(1)\n"


def docker(versions, *, more=""):
    return ENGINE.format(versions=versions) + more


@pytest.fixture
def programs(tmp_path):
    return fake(tmp_path / "bin")


def test_buildx_comes_first(programs):
    programs.program("docker", docker("28.2.2 28.2.2"))
    programs.buildah()

    assert find_builder(None, programs.environ).kind == "buildx"


def test_a_client_with_buildkit_in_it_needs_no_buildx(programs):
    programs.program("docker", docker("20.10.24+dfsg1 20.10.24+dfsg1", more=NO_BUILDX))
    programs.buildah()

    builder = find_builder(None, programs.environ)

    assert builder.kind == "docker"
    assert builder.environ["DOCKER_BUILDKIT"] == "1"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(docker("28.2.2 28.2.2", more=NO_BUILDX), id="a new client without buildx"),
        pytest.param(NO_ENGINE, id="a client without an engine"),
        pytest.param(docker("nonsense", more=NO_BUILDX), id="a client that says no version"),
    ],
)
def test_a_docker_that_cannot_build_is_passed_over(programs, body):
    programs.program("docker", body)
    programs.buildah()

    assert find_builder(None, programs.environ).kind == "buildah"


def test_a_second_client_on_the_path_is_tried(programs, tmp_path):
    other = fake(tmp_path / "other")
    other.program("docker", docker("28.2.2 20.10.24", more=NO_BUILDX))
    usable = programs.program("docker", docker("20.10.24 20.10.24", more=NO_BUILDX))

    builder = find_builder("docker", {"PATH": f"{other.folder}:{programs.folder}"})

    assert builder.program == str(usable)


def test_podman_is_the_last(programs):
    programs.program("podman")

    assert find_builder(None, programs.environ).kind == "podman"


def test_a_variable_names_the_builder_and_an_option_another(programs):
    programs.program("podman")
    programs.buildah()

    environ = {**programs.environ, "HASHTAG_BUILDER": "podman"}

    assert find_builder(None, environ).kind == "podman"
    assert find_builder("buildah", environ).kind == "buildah"


def test_arguments_of_the_environment_come_where_they_belong(programs):
    program = programs.buildah()
    environ = {
        **programs.environ,
        "HASHTAG_BUILDER_ARGS": "--root '/a b'",
        "HASHTAG_BUILD_ARGS": "--isolation chroot",
    }

    builder = find_builder("buildah", environ)

    assert builder.argv(["buildah", "build", "x"]) == [str(program), "--root", "/a b", "build", "x"]
    assert builder.options == ("--isolation", "chroot")
    assert programs.calls == [["buildah", "--root", "/a b", "--version"]]


def test_quotes_that_are_off_are_an_error_of_the_variable(programs):
    programs.buildah()

    with pytest.raises(UsageError, match="HASHTAG_BUILD_ARGS"):
        find_builder(None, {**programs.environ, "HASHTAG_BUILD_ARGS": "'"})


def test_without_any_the_hint_says_why(programs):
    programs.program("docker", NO_ENGINE)

    with pytest.raises(BuilderMissing) as caught:
        find_builder(None, programs.environ)

    assert "docker: no engine answers" in caught.value.hint
    assert "buildah is not installed" in caught.value.hint


def test_one_that_was_asked_for_is_not_replaced(programs):
    programs.program("podman")

    with pytest.raises(BuilderMissing, match="buildah cannot be used: buildah is not installed"):
        find_builder("buildah", programs.environ)


def test_an_unknown_builder_is_a_usage_error():
    with pytest.raises(UsageError) as caught:
        find_builder("buildha", {})

    assert caught.value.hint == "did you mean 'buildah'?"


def test_a_program_that_cannot_be_started_is_passed_over(programs):
    (programs.folder / "podman").write_bytes(b"\x7fELF nonsense")
    (programs.folder / "podman").chmod(0o755)

    with pytest.raises(BuilderMissing, match="it does not start"):
        find_builder("podman", programs.environ)
