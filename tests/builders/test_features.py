"""A builder that is too old for a Dockerfile is refused before it is started."""

from __future__ import annotations

import pytest
from attrs import evolve

from builders.fake import fake
from hashtag.builders import Builder
from hashtag.builders.features import check_features, takes_checksums
from hashtag.dockerfile.parser import parse
from hashtag.errors import UnsupportedBuild

RUN_HEREDOC = "FROM x\nRUN <<E\ntrue\nE\n"
COPY_HEREDOC = "FROM x\nCOPY <<E /e\ntext\nE\n"
PARENTS = "FROM x\nCOPY --parents a/b /\n"
ANSWERS = {
    "buildah": "if words == ['--version']: print('buildah version {} (image-spec 1.1.0-rc2)')",
    "podman": "if words[0] == 'info': print('{}')",
    "docker": "if words[0] == 'version': print('{}')",
    "buildx": "if words == ['buildx', 'inspect']: print('''{}''')",
}


def installed(tmp_path, kind, version):
    programs = fake(tmp_path / "bin")
    program = programs.program("docker" if kind == "buildx" else kind, ANSWERS[kind].replace("{}", version))
    return Builder(kind=kind, program=str(program), environ=programs.environ)


def check(tmp_path, kind, version, text):
    check_features(installed(tmp_path, kind, version), parse(text, "web/Dockerfile"))


@pytest.mark.parametrize(
    ("kind", "version", "text", "what"),
    [
        ("buildah", "1.28.2", RUN_HEREDOC, "a here-document in RUN needs buildah 1.36 or newer"),
        ("buildah", "1.35.4", RUN_HEREDOC, "a here-document in RUN needs buildah 1.36 or newer"),
        ("buildah", "1.28.2", COPY_HEREDOC, "a here-document in COPY needs buildah 1.33 or newer"),
        ("buildah", "1.39.1", PARENTS, "COPY --parents needs buildah 1.40 or newer"),
        ("buildah", "1.38.0", "FROM x\nCOPY --exclude=a . /\n", "--exclude needs buildah 1.44 or newer"),
        ("buildah", "1.40.0", "FROM x\nCOPY --link a /\n", "COPY --link needs buildah 1.41 or newer"),
        (
            "buildah",
            "1.28.2",
            f"FROM x\nADD --checksum=sha256:{'0' * 64} https://x/y /\n",
            "ADD --checksum needs buildah 1.33 or newer",
        ),
        (
            "buildah",
            "1.23.0",
            "FROM x\nRUN --mount=type=cache,target=/c r\n",
            "RUN --mount needs buildah 1.24",
        ),
        ("podman", "1.28.0", COPY_HEREDOC, "a here-document in COPY needs buildah 1.33 or newer"),
        (
            "docker",
            "20.10.24+dfsg1",
            RUN_HEREDOC,
            "needs Docker's engine 23.0 or newer, and this one is 20.10",
        ),
        ("docker", "28.2.2", PARENTS, "COPY --parents is not read by Docker's engine 28.2"),
    ],
)
def test_what_a_builder_cannot_read_is_named_with_its_place(tmp_path, kind, version, text, what):
    with pytest.raises(UnsupportedBuild) as caught:
        check(tmp_path, kind, version, text)

    assert what in caught.value.what
    assert (caught.value.where, caught.value.status) == ("web/Dockerfile:2:1", 5)
    assert "--builder buildx" in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "version", "syntax", "expected"),
    [
        ("buildah", "1.33.0", "", True),
        ("buildah", "1.32.2", "", False),
        ("buildah", "of today", "", False),
        ("podman", "1.36.0", "", True),
        ("docker", "25.0.3", "", True),
        ("docker", "20.10.24", "", False),
        ("docker", "20.10.24", "docker/dockerfile:1", False),
        ("buildx", "BuildKit version: v0.12.5", "", True),
        ("buildx", "Buildkit:  v0.11.6", "", False),
        ("buildx", "BuildKit version: v0.23.2\nBuildKit version: v0.11.0", "", False),
        ("buildx", "BuildKit version: v0.12.5", "docker/dockerfile:1", True),
        ("buildx", "BuildKit version: v0.12.5", "docker/dockerfile:1.6.0", True),
        ("buildx", "BuildKit version: v0.12.5", "docker/dockerfile:1.4", False),
        ("buildx", "BuildKit version: v0.12.5", "example.com/frontend", False),
        ("buildx", "", "", False),
    ],
)
def test_checksums_are_taken_where_that_is_sure(tmp_path, kind, version, syntax, expected):
    text = (f"# syntax={syntax}\n" if syntax else "") + "FROM x\n"

    assert takes_checksums(installed(tmp_path, kind, version), parse(text, "Dockerfile")) is expected


def test_a_builder_of_buildx_that_is_chosen_by_an_option_is_not_known(tmp_path):
    builder = evolve(installed(tmp_path, "buildx", "BuildKit version: v0.23.2"), options=("--builder=x",))

    assert not takes_checksums(builder, parse("FROM x\n", "Dockerfile"))


@pytest.mark.parametrize(
    ("kind", "version", "text"),
    [
        pytest.param("buildah", "1.36.0", RUN_HEREDOC, id="new enough"),
        pytest.param("buildah", "1.33.0", COPY_HEREDOC, id="new enough for COPY"),
        pytest.param("buildah", "1.28.2", "FROM x\nRUN --mount=target=/x r\nCOPY a /\n", id="nothing new"),
        pytest.param("buildah", "of today", RUN_HEREDOC, id="of an unknown version"),
        pytest.param("docker", "20.10.24", "# syntax=docker/dockerfile:1\n" + PARENTS, id="its own frontend"),
        pytest.param("docker", "28.2.2", RUN_HEREDOC, id="a new engine"),
        pytest.param("buildx", "", PARENTS, id="buildx tells by itself"),
    ],
)
def test_what_a_builder_may_read_is_left_to_it(tmp_path, kind, version, text):
    check(tmp_path, kind, version, text)
