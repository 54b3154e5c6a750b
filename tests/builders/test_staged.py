"""The command lines of staged builds."""

from __future__ import annotations

import pytest

from builders.fake import fake
from hashtag.builders import Builder, Processes, StagedBuild
from hashtag.builders.staged import is_loopback
from hashtag.errors import BuildFailed, UnsupportedBuild
from hashtag.oci.reference import Reference
from hashtag.planning.plan import Build, Reason
from planning.plan_strategies import target

TAG = "registry.example.com/group/project/web:1742"
LOCAL = Reference.parse("127.0.0.1:5000/tiny@sha256:" + "1" * 64)


@pytest.fixture
def programs(tmp_path):
    return fake(tmp_path / "bin")


def staged(tmp_path, **more):
    (tmp_path / "staged").mkdir(exist_ok=True)
    more = {"contexts": {}, **more}
    return StagedBuild(build=Build(target("web"), Reason.NEVER_BUILT), folder=tmp_path / "staged", **more)


def builder(programs, kind, **more):
    name = "docker" if kind == "buildx" else kind
    return Builder(kind=kind, program=str(programs.program(name)), environ=programs.environ, **more)


def test_buildah_gets_the_staged_folder_and_an_empty_ignore_file(tmp_path, programs):
    buildah = builder(programs, "buildah", options=("--isolation", "chroot"), authfile="/auth.json")
    build = staged(tmp_path, contexts={"lib": "/staged/context-0"}, insecure=(LOCAL,))

    build.run(buildah, Processes())
    build.push(buildah, Processes())

    folder = tmp_path / "staged"
    pull, line, push = programs.calls
    assert pull == [
        "buildah",
        "pull",
        "--quiet",
        "--authfile",
        "/auth.json",
        "--tls-verify=false",
        str(LOCAL),
    ]
    assert line[:5] == ["buildah", "build", "--no-cache", "--format", "docker"]
    assert line[5:7] == ["--file", f"{folder}/Dockerfile"]
    assert line[line.index("--build-context") + 1] == "lib=/staged/context-0"
    assert line[line.index("--ignorefile") + 1] == f"{folder}/no.dockerignore"
    assert line[-3:] == ["--isolation", "chroot", f"{folder}/context"]
    assert (folder / "no.dockerignore").read_bytes() == b""
    assert push == ["buildah", "push", "--authfile", "/auth.json", TAG]


def test_docker_gets_an_empty_ignore_file_beside_the_dockerfile(tmp_path, programs):
    docker = builder(programs, "docker")
    build = staged(tmp_path, insecure=(LOCAL,))

    build.run(docker, Processes())
    build.push(docker, Processes())

    line, push = programs.calls
    assert line[:3] == ["docker", "build", "--no-cache"]
    assert (tmp_path / "staged/Dockerfile.dockerignore").read_bytes() == b""
    assert push == ["docker", "push", TAG]


def test_buildx_pushes_by_itself(tmp_path, programs):
    buildx = builder(programs, "buildx")
    build = staged(tmp_path)

    build.run(buildx, Processes())
    build.push(buildx, Processes())

    (line,) = programs.calls
    assert "--push" in line


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        pytest.param("buildah", ["build", "--layers", "--format", "docker"], id="buildah"),
        pytest.param("docker", ["build", "--file"], id="docker"),
    ],
)
def test_layers_are_reused_only_if_asked_for(tmp_path, programs, kind, words):
    line = staged(tmp_path, layer_cache=True).command(builder(programs, kind))

    assert line[1 : 1 + len(words)] == words
    assert "--no-cache" not in line


def test_an_image_for_a_layout_is_written_into_a_folder(tmp_path, programs):
    build = staged(tmp_path, layout=tmp_path / "image")
    docker_format = staged(tmp_path, layout=tmp_path / "image", has_docker_config=True)
    buildah = builder(programs, "buildah")

    (push,) = build.push_commands(buildah)
    (other,) = docker_format.push_commands(buildah)

    assert push[2:5] == ["--quiet", "--format", "oci"]
    assert push[-1] == f"dir:{tmp_path / 'image'}"
    assert push[-2].startswith("localhost/hashtag/")
    assert "--format" not in other


def test_docker_writes_no_layout(tmp_path, programs):
    with pytest.raises(UnsupportedBuild) as caught:
        staged(tmp_path, layout=tmp_path / "image").command(builder(programs, "docker"))

    assert caught.value.hint == "choose another builder: --builder buildah"


def test_docker_knows_no_named_contexts(tmp_path, programs):
    with pytest.raises(UnsupportedBuild, match="named contexts"):
        staged(tmp_path, contexts={"lib": "/x"}).command(builder(programs, "docker"))


def test_a_failed_build_names_the_image(tmp_path, programs):
    buildah = builder(programs, "buildah")
    programs.program("buildah", "sys.exit(125)")

    with pytest.raises(BuildFailed, match="web: buildah ended with status 125"):
        staged(tmp_path).run(buildah, Processes())


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        ("127.0.0.1:5000", True),
        ("127.1.2.3", True),
        ("localhost:5000", True),
        ("localhost", True),
        ("[::1]:5000", True),
        ("127.0.0.1.example.com", False),
        ("10.0.0.1:5000", False),
        ("registry.example.com", False),
    ],
)
def test_only_this_machine_is_spoken_to_without_tls(registry, expected):
    assert is_loopback(Reference.parse(f"{registry}/app:1")) is expected
