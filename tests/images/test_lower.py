"""Lowering: what BuildKit would execute, by the rules of dockerfile2llb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hashtag.dockerfile.parser import parse
from hashtag.errors import (
    Cycle,
    DockerfileError,
    ExpansionError,
    HashtagError,
    InvalidDocument,
    UnknownStage,
    UnsupportedConstruct,
)
from hashtag.images.bases import BaseImage
from hashtag.images.config import DEFAULT_PATH, ImageConfig
from hashtag.images.lower import lower
from hashtag.images.lowered import (
    CopyOperation,
    External,
    FolderOperation,
    FromStage,
    Internal,
    Lowered,
    MainContext,
    NamedContext,
    RunOperation,
    Scratch,
)
from hashtag.images.origins import BuildRequest, World
from hashtag.images.sizes import size_in_bytes
from hashtag.oci.platform import LINUX_AMD64, Platform
from hashtag.oci.reference import Reference

DIGEST = "sha256:" + "1" * 64


def build(
    text: str, *, config: Mapping[str, Any] | None = None, parents: tuple[str, ...] = (), **request: Any
) -> Lowered:
    """Lower a Dockerfile whose external bases all have one config, and of which some names are ours."""
    world = World(
        base=lambda _reference, _written, _platform: BaseImage(DIGEST, config or {}),
        parent=lambda reference: next(
            (name for name in parents if reference.repository.name.endswith(name)), None
        ),
        config=lambda _name, _platform: ImageConfig.from_oci(config or {}),
    )
    request = {"platform": LINUX_AMD64, "build_platform": LINUX_AMD64, **request}
    return lower(parse(text, "Dockerfile"), BuildRequest(**request), world)


def runs(lowered: Lowered) -> list[RunOperation]:
    operations = lowered.stages[lowered.target].operations
    return [operation for operation in operations if isinstance(operation, RunOperation)]


def seen_by_run(text: str, name: str = "A", **request: Any) -> str | None:
    """Return a variable of the last RUN."""
    return dict(runs(build(text, **request))[-1].environment).get(name)


@pytest.mark.parametrize(
    ("text", "arguments", "value"),
    [
        pytest.param("FROM x\nARG A=1\nRUN r", {}, "1", id="a default"),
        pytest.param("FROM x\nARG A=1\nRUN r", {"A": "2"}, "2", id="a build argument wins over the default"),
        pytest.param("FROM x\nARG A=1\nRUN r", {"A": ""}, "", id="an empty build argument is a value"),
        pytest.param("FROM x\nARG A\nRUN r", {}, None, id="no value anywhere"),
        pytest.param("FROM x\nRUN r", {"A": "2"}, None, id="a build argument that is not declared"),
        pytest.param("ARG A=g\nFROM x\nRUN r", {}, None, id="a global argument is not in a stage"),
        pytest.param("ARG A=g\nFROM x\nARG A\nRUN r", {}, "g", id="a global argument that a stage imports"),
        pytest.param(
            "ARG A=g\nFROM x\nARG A=s\nRUN r", {}, "s", id="the stage's default wins over the global value"
        ),
        pytest.param(
            "ARG A=g\nFROM x\nARG A=s\nRUN r", {"A": "b"}, "b", id="a build argument wins over both"
        ),
        pytest.param("FROM x\nENV A=e\nARG A=a\nRUN r", {}, "a", id="an ARG after an ENV wins"),
        pytest.param("FROM x\nARG A=a\nENV A=e\nRUN r", {}, "e", id="an ENV after an ARG wins"),
        pytest.param("FROM x\nENV A=e\nARG A\nRUN r", {}, "e", id="an ARG without a value leaves the ENV"),
        pytest.param("FROM x\nENV B=1\nENV B=2 A=$B\nRUN r", {}, "1", id="one ENV line sees the old values"),
        pytest.param("FROM x\nARG B=2 A=$B\nRUN r", {}, "2", id="one ARG line sees the new values"),
        pytest.param(
            "FROM x AS s\nARG A=1\nFROM s\nRUN r",
            {},
            "1",
            id="a stage inherits the ARGs of the stage it is FROM",
        ),
        pytest.param(
            "FROM x\nARG TARGETARCH\nENV A=$TARGETARCH\nRUN r",
            {},
            "amd64",
            id="a platform argument, declared",
        ),
        pytest.param("FROM x\nENV A=$TARGETARCH\nRUN r", {}, "", id="a platform argument, not declared"),
        pytest.param(
            "FROM x\nARG TARGETARCH=z\nENV A=$TARGETARCH\nRUN r",
            {},
            "z",
            id="a default wins over the platform",
        ),
        pytest.param(
            "FROM x\nARG TARGETARCH\nENV A=$TARGETARCH\nRUN r",
            {"TARGETARCH": "b"},
            "b",
            id="a platform argument overridden",
        ),
        pytest.param(
            "FROM x AS t\nARG TARGETSTAGE\nENV A=$TARGETSTAGE\nRUN r", {}, "t", id="the target's name"
        ),
        pytest.param(
            "FROM x\nARG TARGETSTAGE\nENV A=$TARGETSTAGE\nRUN r", {}, "default", id="a target without a name"
        ),
        pytest.param("FROM x\nARG A=1\nRUN r", {"http_proxy": "p"}, "1", id="beside a proxy"),
    ],
)
def test_a_variable_has_the_value_that_buildkit_gives_it(
    text: str, arguments: dict[str, str], value: str | None
) -> None:
    assert seen_by_run(text, arguments=arguments) == value


def test_a_proxy_argument_is_in_the_environment_only_where_it_is_declared() -> None:
    arguments = {"http_proxy": "http://proxy"}

    assert seen_by_run("FROM x\nRUN r", "http_proxy", arguments=arguments) is None
    assert seen_by_run("FROM x\nARG http_proxy\nRUN r", "http_proxy", arguments=arguments) == "http://proxy"


def test_a_copy_does_not_hand_on_arguments() -> None:
    lowered = build("FROM x AS s\nARG A=1\nFROM x\nCOPY --from=s /a /a\nRUN r")

    assert "A" not in dict(runs(lowered)[0].environment)


def test_the_config_keeps_the_env_that_an_arg_overrides_for_run() -> None:
    lowered = build("FROM x\nENV A=e\nARG A=a\nRUN r")

    assert dict(lowered.config.environment)["A"] == "e"


def test_a_base_without_a_path_gets_the_default_one() -> None:
    assert dict(build("FROM x").config.environment)["PATH"] == DEFAULT_PATH
    assert build("FROM x", config={"Env": ["PATH=/bin"]}).config.environment == (("PATH", "/bin"),)


def test_a_variable_that_is_set_again_moves_to_the_end_for_run_but_not_in_the_config() -> None:
    lowered = build("FROM x\nENV A=1\nENV B=2\nENV A=3\nRUN r", config={"Env": ["PATH=/bin"]})

    assert [name for name, _ in runs(lowered)[0].environment] == ["PATH", "B", "A"]
    assert [name for name, _ in lowered.config.environment] == ["PATH", "A", "B"]


@pytest.mark.parametrize(
    ("text", "base"),
    [
        pytest.param("FROM scratch", Scratch(), id="scratch"),
        pytest.param("ARG B=scratch\nFROM $B", Scratch(), id="scratch by an argument"),
        pytest.param("FROM x AS s\nFROM s", FromStage(0), id="a stage"),
        pytest.param(
            "FROM x AS s\nFROM y AS s\nFROM s", FromStage(1), id="the later of two stages of one name"
        ),
        pytest.param("ARG B=s\nFROM x AS s\nFROM $B", FromStage(0), id="a stage by an argument"),
    ],
)
def test_a_stage_starts_from(text: str, base: object) -> None:
    lowered = build(text)

    assert lowered.stages[lowered.target].base == base


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        pytest.param("FROM debian", "docker.io/library/debian:latest", id="a short name"),
        pytest.param(
            "ARG R=quay.io\nARG O=org\nARG I=$R/$O/x\nFROM $I",
            "quay.io/org/x:latest",
            id="a chain of arguments",
        ),
        pytest.param("FROM x AS s\nFROM S", None, id="a stage in upper case is no stage"),
        pytest.param("FROM ${B:-debian:12}", "docker.io/library/debian:12", id="a default in the expansion"),
    ],
)
def test_a_from_names_an_image(text: str, reference: str | None) -> None:
    if reference is None:
        with pytest.raises(DockerfileError, match="not an image"):
            build(text)
        return
    base = build(text).stages[build(text).target].base

    assert isinstance(base, External)
    assert str(base.reference) == reference


def test_one_of_ours_is_linked_for_the_stages_platform() -> None:
    lowered = build("FROM --platform=linux/arm64 reg/base:1", parents=("base",))

    assert lowered.internals() == (
        Internal("base", Platform("linux", "arm64"), "reg/base:1", lowered.internals()[0].location),
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("FROM $NONE", DockerfileError, id="a FROM that is empty"),
        pytest.param("FROM x\nCOPY --from=1 /a /b", UnknownStage, id="a stage's number out of range"),
        pytest.param(
            "FROM x AS a\nCOPY --from=9 /a /b\nFROM y",
            UnknownStage,
            id="out of range in a stage that is not needed",
        ),
        pytest.param("FROM x AS a\nCOPY --from=a /a /b", Cycle, id="a stage that reads from itself"),
        pytest.param(
            "FROM x AS a\nCOPY --from=b /a /b\nFROM y AS b\nFROM a", UnknownStage, id="a later stage"
        ),
        pytest.param(
            "FROM x\nRUN --mount=from=b r\nFROM y AS b\nFROM 0", None, id="a later stage that is not needed"
        ),
        pytest.param("FROM x\nENV A=${B:?none}", ExpansionError, id="a value that is required"),
        pytest.param(
            "FROM x AS u\nENV A=${B:?none}\nFROM y", None, id="required in a stage that is not needed"
        ),
        pytest.param("FROM x\nEXPOSE 99999", DockerfileError, id="no port"),
        pytest.param("FROM x\nEXPOSE 80/icmp", DockerfileError, id="no protocol"),
        pytest.param("FROM x\nEXPOSE 90-80", DockerfileError, id="a range that runs backwards"),
        pytest.param("FROM x\nCOPY --chmod=888 a b", DockerfileError, id="no mode"),
        pytest.param("FROM x\nCOPY --chmod=17777 a b", DockerfileError, id="a mode that is too large"),
        pytest.param("FROM --platform=a/b/c/d x", DockerfileError, id="no platform"),
        pytest.param("FROM --platform=amd46 x", DockerfileError, id="no such platform"),
        pytest.param("FROM --platform=$P x", DockerfileError, id="an empty platform"),
        pytest.param("FROM x\nRUN --mount=type=bnd r", DockerfileError, id="no type of mount"),
        pytest.param("FROM x\nRUN --mount=type=bind,tgt=/x r", DockerfileError, id="no option of mount"),
        pytest.param(
            "FROM x\nRUN --mount=target=/x,ro=maybe r", DockerfileError, id="neither true nor false"
        ),
        pytest.param("FROM x\nRUN --mount=target r", DockerfileError, id="an option without its value"),
        pytest.param("FROM x\nRUN --mount=target=. r", DockerfileError, id="a mount at the root"),
        pytest.param("FROM x\nRUN --mount=target=/a,uid=1 r", DockerfileError, id="an owner of a bind mount"),
        pytest.param("FROM x\nRUN --mount=target=/a,size=1 r", DockerfileError, id="a size of a bind mount"),
        pytest.param(
            "FROM x\nRUN --mount=required,type=secret,id=a r", DockerfileError, id="required before the type"
        ),
        pytest.param(
            "FROM x\nRUN --mount=type=tmpfs,target=/a,sharing=shared r", DockerfileError, id="a tmpfs shared"
        ),
        pytest.param("FROM x\nRUN --mount=type=tmpfs,target=/a,size=1q r", DockerfileError, id="no size"),
        pytest.param("FROM x\nRUN --mount=type=cache,target=/a,mode=9 r", DockerfileError, id="mode 9"),
        pytest.param(
            "FROM x\nRUN --mount=type=cache,target=/a,gid=4294967296 r", DockerfileError, id="no group"
        ),
        pytest.param("FROM x\nRUN --mount=type=secret r", DockerfileError, id="a secret without a name"),
        pytest.param(
            "FROM x\nRUN --mount=type=secret,id=a,from=b r", DockerfileError, id="a secret from somewhere"
        ),
        pytest.param(
            "FROM x\nRUN --mount=type=secret,id=a,src=b r", DockerfileError, id="a secret of two names"
        ),
        pytest.param("FROM x\nRUN --mount=type=ssh,src=b r", DockerfileError, id="an agent with a source"),
        pytest.param("FROM x\nVOLUME $NONE", DockerfileError, id="a volume without a path"),
        pytest.param(
            "FROM x AS a\nCOPY --from=0 /a /b\nFROM y", Cycle, id="reads from itself, and is not needed"
        ),
        pytest.param(
            "FROM x AS a\nCOPY --from=b /a /b\nFROM y AS b\nRUN --mount=from=a,target=/a r\nFROM z",
            Cycle,
            id="a circle that is not needed",
        ),
        pytest.param(
            "FROM x AS a\nCOPY --from=b /a /b\nFROM y AS b\nFROM z", None, id="a later stage, both not needed"
        ),
        pytest.param(
            f"FROM x\nCOPY --from={'9' * 5000} /a /b", DockerfileError, id="a number that is none anywhere"
        ),
        pytest.param("FROM x\nCOPY --from=+-1 /a /b", DockerfileError, id="two signs"),
        pytest.param("ARG SOURCE_DATE_EPOCH=+-1\nFROM x", UnsupportedConstruct, id="a time with two signs"),
        pytest.param(
            "ARG SOURCE_DATE_EPOCH=never\nFROM x", UnsupportedConstruct, id="a time that is not a number"
        ),
        pytest.param("# syntax=A B\nFROM x", DockerfileError, id="a frontend that is no image"),
    ],
)
def test_what_buildkit_refuses_is_refused(text: str, error: type[HashtagError] | None) -> None:
    if error is None:
        build(text)
        return
    with pytest.raises(error) as caught:
        build(text)

    assert "Dockerfile" in caught.value.where


def test_an_unknown_target_suggests_the_nearest() -> None:
    with pytest.raises(UnknownStage) as caught:
        build("FROM x AS runtime\nFROM y", target="runtme")

    assert caught.value.hint == "did you mean 'runtime'?"


def test_a_target_is_found_whatever_its_case() -> None:
    assert build("FROM x AS a\nFROM y AS b", target="A").target == 0


def test_only_what_the_target_needs_is_lowered() -> None:
    text = "FROM x AS a\nFROM y AS unused\nFROM z AS b\nCOPY --from=a /f /f\nRUN --mount=from=b,target=/b r\n"
    text += "FROM b"

    with pytest.raises(Cycle):
        build(text.replace("from=b,", "from=B,"))
    assert set(build(text.replace("from=b,", "from=a,")).stages) == {0, 2, 3}


@pytest.mark.parametrize(
    ("folder", "path", "joined"),
    [
        pytest.param("/", "/a", "/a", id="absolute"),
        pytest.param("/a", "b", "/a/b", id="relative"),
        pytest.param("/a", "../b", "/b", id="upwards"),
        pytest.param("/a", "b/", "/a/b", id="relative with a slash at its end"),
        pytest.param("/a", "./", "/a", id="the folder itself"),
        pytest.param("/", "b/.", "/b", id="relative with a dot at its end"),
        pytest.param("/a/", "$UNSET", "/a/", id="nothing leaves it as it is"),
        pytest.param("/x", "/a/", "/a/", id="an absolute path keeps the slash at its end"),
        pytest.param("/x", "/a//b/../c", "/a//b/../c", id="an absolute path stays as it is"),
    ],
)
def test_a_working_folder_is_joined(folder: str, path: str, joined: str) -> None:
    lowered = build(f"FROM x\nWORKDIR {folder}\nWORKDIR {path}")

    assert lowered.config.working_dir == joined


def test_a_workdir_makes_its_folder_as_the_user_at_the_builds_time() -> None:
    lowered = build("FROM x\nUSER u\nWORKDIR /a\nWORKDIR /", arguments={"SOURCE_DATE_EPOCH": "0100"})

    assert lowered.stages[0].operations == (FolderOperation("/a", "u", "100"),)


@pytest.mark.parametrize(
    ("destination", "absolute"),
    [(".", "/w/"), ("./", "/w/"), ("d", "/w/d"), ("d/", "/w/d/"), ("/d", "/d"), ("/d/", "/d/")],
)
def test_a_destination_is_seen_from_the_working_folder(destination: str, absolute: str) -> None:
    (_, copy) = build(f"FROM x\nWORKDIR /w\nCOPY a {destination}").stages[0].operations

    assert isinstance(copy, CopyOperation)
    assert copy.destination == absolute


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        pytest.param("RUN a b", ("/bin/sh", "-c", "a b"), id="the shell's form"),
        pytest.param('RUN ["a", "b"]', ("a", "b"), id="the JSON form"),
        pytest.param('SHELL ["s"]\nRUN a', ("s", "a"), id="another shell"),
        pytest.param("RUN <<E\na\nb\nE", ("/bin/sh", "-c", "a\nb\n"), id="one here-document is the script"),
        pytest.param(
            "RUN cat <<E\na\nE", ("/bin/sh", "-c", "cat <<E\na\nE"), id="a command that reads a here-document"
        ),
        pytest.param("RUN <<E\n#!/bin/x\nE", ("/dev/pipes/E",), id="a script with an interpreter"),
    ],
)
def test_a_run_executes(text: str, arguments: tuple[str, ...]) -> None:
    assert runs(build(f"FROM x\n{text}"))[0].arguments == arguments


def test_a_shell_of_the_base_is_inherited() -> None:
    assert runs(build("FROM x\nRUN a", config={"Shell": ["bash", "-c"]}))[0].arguments == ("bash", "-c", "a")


def test_windows_has_another_shell_and_no_default_path() -> None:
    lowered = build("FROM x\nRUN a", platform=Platform("windows", "amd64"))

    assert runs(lowered)[0].arguments == ("cmd", "/S", "/C", "a")
    assert lowered.config.environment == ()


def test_triggers_of_a_base_run_once_and_are_not_handed_on() -> None:
    lowered = build("FROM x\nRUN own", config={"OnBuild": ["RUN trigger", "ENV T=1"]})

    assert [run.arguments[-1] for run in runs(lowered)] == ["trigger", "own"]
    assert dict(lowered.config.environment)["T"] == "1"
    assert lowered.config.onbuild == ()


def test_a_trigger_can_need_another_stage() -> None:
    lowered = build("FROM scratch AS s\nFROM x", config={"OnBuild": ["COPY --from=s /a /a"]})

    assert set(lowered.stages) == {0, 1}


def test_triggers_of_a_stage_run_in_its_children_alone() -> None:
    text = "FROM scratch AS p\nONBUILD COPY x /x\nFROM p AS q\nFROM q\n"

    assert [len(stage.operations) for stage in build(text).stages.values()] == [0, 1, 0]
    assert build(text, target="p").config.onbuild == ("COPY x /x",)


def test_an_entrypoint_clears_an_inherited_command_but_not_an_own_one() -> None:
    config = {"Cmd": ["inherited"]}

    assert build("FROM x", config=config).config.command == ("inherited",)
    assert build('FROM x\nENTRYPOINT ["e"]', config=config).config.command is None
    assert build('FROM x\nCMD ["own"]\nENTRYPOINT ["e"]', config=config).config.command == ("own",)


def test_the_config_is_what_the_instructions_come_to() -> None:
    config = build(
        "FROM x\nEXPOSE 80 443/TCP 8000-8001/udp\nVOLUME /a /b\nSTOPSIGNAL SIGTERM\nUSER u\nMAINTAINER me\n"
        "LABEL a=1 b=2\nLABEL a=3\nHEALTHCHECK --interval=5s CMD check\nONBUILD RUN later",
        labels={"b": "4"},
    ).config

    assert config.ports == {"80/tcp", "443/tcp", "8000/udp", "8001/udp"}
    assert config.volumes == {"/a", "/b"}
    assert (config.stop_signal, config.user, config.author) == ("SIGTERM", "u", "me")
    assert config.labels == {"a": "3", "b": "4"}
    assert config.healthcheck == {"Test": ["CMD-SHELL", "check"], "Interval": 5_000_000_000}
    assert config.onbuild == ("RUN later",)


@pytest.mark.parametrize(
    ("text", "test"),
    [("HEALTHCHECK NONE", ["NONE"]), ('HEALTHCHECK CMD ["a"]', ["CMD", "a"])],
)
def test_a_healthcheck_is_written_as_oci_writes_it(text: str, test: list[str]) -> None:
    assert build(f"FROM x\n{text}").config.healthcheck == {"Test": test}


@pytest.mark.parametrize(
    ("contexts", "text", "base"),
    [
        pytest.param({"s": "dir"}, "FROM x AS s\nRUN r", NamedContext("s"), id="a stage's body is replaced"),
        pytest.param(
            {"debian": "dir"},
            "FROM debian:latest",
            NamedContext("debian"),
            id="an image by its familiar name",
        ),
        pytest.param(
            {"debian:12": "dir"},
            "FROM docker.io/library/debian:12",
            NamedContext("debian:12"),
            id="an image by its full name",
        ),
        pytest.param(
            {"x::linux/amd64": "dir"}, "FROM x", NamedContext("x::linux/amd64"), id="for one platform"
        ),
        pytest.param({"x::linux/arm64": "dir"}, "FROM x", None, id="for another platform"),
        pytest.param({"scratch": "dir"}, "FROM scratch", Scratch(), id="scratch is never replaced"),
    ],
)
def test_a_named_context_replaces(contexts: dict[str, str], text: str, base: object) -> None:
    lowered = build(text, contexts=contexts)
    found = lowered.stages[lowered.target]

    assert found.operations == ()
    assert found.base == base if base else isinstance(found.base, External)


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        ("docker-image://alpine:3", "docker.io/library/alpine:3"),
        ("oci-layout://some/folder", "oci-layout:some/folder:latest"),
        ("oci-layout://some/folder:v1", "oci-layout:some/folder:v1"),
        (f"oci-layout://f@{DIGEST}", f"oci-layout:f@{DIGEST}"),
        ("oci-layout://f:debian:12", "oci-layout:f:debian:12"),
        (f"oci-layout://f:any name@{DIGEST}", f"oci-layout:f@{DIGEST}"),
    ],
)
def test_a_named_context_can_be_an_image(value: str, reference: str) -> None:
    base = build("FROM lib", contexts={"lib": value}).stages[0].base

    assert isinstance(base, External)
    assert str(base.reference) == reference


def test_a_named_context_can_be_an_image_of_ours() -> None:
    base = build("FROM lib", contexts={"lib": "target:web"}).stages[0].base

    assert isinstance(base, Internal)
    assert base.name == "web"


@pytest.mark.parametrize(
    "value",
    [
        "https://example.com/a.git",
        "git@example.com:a.git",
        "oci-layout://f@sha256:1",
        "oci-layout://f:a b",
        "oci-layout://:v1",
    ],
)
def test_a_named_context_that_cannot_be_hashed_is_refused(value: str) -> None:
    with pytest.raises(HashtagError, match=r"lib|layout"):
        build("FROM lib", contexts={"lib": value})


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        pytest.param("FROM x", None, id="none"),
        pytest.param("# syntax=docker/dockerfile:1\nFROM x", None, id="Docker's own"),
        pytest.param(
            "# syntax=docker.io/docker/dockerfile:1.7-labs\nFROM x", None, id="Docker's own, with a version"
        ),
        pytest.param(
            "# syntax=docker/dockerfile:2\nFROM x", "docker.io/docker/dockerfile:2", id="another version"
        ),
        pytest.param("# syntax=example.com/front:1\nFROM x", "example.com/front:1", id="somebody else's"),
    ],
)
def test_a_frontend_that_is_not_dockers_own_is_a_base(text: str, syntax: str | None) -> None:
    found = build(text).syntax

    assert (str(found.reference) if found else None) == syntax


def test_an_add_knows_urls_and_repositories_from_paths() -> None:
    (add,) = (
        build("FROM x\nADD a https://e.com/f https://e.com/r.git#v1 git@e.com:r.git github.com/a/b /d/")
        .stages[0]
        .operations
    )

    assert isinstance(add, CopyOperation)
    assert add.sources == ("a", "github.com/a/b")
    assert add.remotes == ("https://e.com/f", "https://e.com/r.git#v1", "git@e.com:r.git")
    assert add.unpack


def test_a_bind_mount_is_read_only_unless_it_says_otherwise() -> None:
    (run,) = runs(
        build(
            "FROM x\nWORKDIR /w\n"
            "RUN --mount=target=a,src=s --mount=type=bind,dst=/b,rw --mount=type=cache,target=/c,id=i r"
        )
    )

    bind, writable, cache = run.mounts
    assert (bind.kind, bind.source, bind.target, bind.read_only) == ("bind", "s", "/w/a", True)
    assert bind.origin == MainContext()
    assert not writable.read_only
    assert (cache.origin, cache.options, cache.read_only) == (None, (), False)


def test_a_mounts_options_are_expanded() -> None:
    (run,) = runs(build("FROM x\nARG D=data\nRUN --mount=type=bind,source=$D,target=/$D r"))

    assert (run.mounts[0].source, run.mounts[0].target) == ("data", "/data")


def test_bases_that_are_not_known_stand_unpinned() -> None:
    world = World(base=lambda *_: None, parent=lambda _: None, config=lambda *_: None)
    request = BuildRequest(platform=LINUX_AMD64, build_platform=LINUX_AMD64)

    (base,) = lower(parse("FROM debian:12", "Dockerfile"), request, world).externals()

    assert base.image is None
    assert base.reference == Reference.parse("debian:12")


def test_a_number_in_a_mount_is_no_stage_and_a_signed_one_in_a_copy_is() -> None:
    text = "FROM x\nFROM y\nRUN --mount=from=0,target=/m r\nCOPY --from=+0 a a"

    lowered = build(text)

    mounted, copied = lowered.stages[1].operations
    assert isinstance(mounted, RunOperation)
    assert isinstance(mounted.mounts[0].origin, External)
    assert isinstance(copied, CopyOperation)
    assert copied.origin == FromStage(0)


def test_what_is_copied_from_an_image_is_for_the_target_platform() -> None:
    text = "FROM --platform=linux/s390x x\nCOPY --from=y a a\nRUN --mount=from=z,target=/z r"

    platforms = {base.written: str(base.platform) for base in build(text).externals()}

    assert platforms == {"x": "linux/s390x", "y": "linux/amd64", "z": "linux/amd64"}


def test_a_relative_folder_of_a_base_is_seen_from_itself() -> None:
    lowered = build("FROM x\nWORKDIR b", config={"WorkingDir": "a"})

    assert lowered.config.working_dir == "/a/a/b"


@pytest.mark.parametrize(
    ("top", "arguments", "seen", "created"),
    [
        pytest.param("", {"SOURCE_DATE_EPOCH": "007"}, "7", "7", id="a number as Go writes it"),
        pytest.param("ARG SOURCE_DATE_EPOCH=+5\n", {}, "5", "5", id="a default"),
        pytest.param("ARG S=5\nARG SOURCE_DATE_EPOCH=$S\n", {}, "5", "5", id="a default that is computed"),
        pytest.param(
            "ARG SOURCE_DATE_EPOCH=5\n",
            {"SOURCE_DATE_EPOCH": ""},
            None,
            "",
            id="an empty argument unsets it",
        ),
        pytest.param("ARG SOURCE_DATE_EPOCH=\n", {}, "", "", id="an empty default is a value"),
        pytest.param("ARG SOURCE_DATE_EPOCH=lib\n", {}, None, "", id="a folder has none"),
    ],
)
def test_the_time_of_a_build(top: str, arguments: dict[str, str], seen: str | None, created: str) -> None:
    text = f"{top}FROM x\nARG SOURCE_DATE_EPOCH\nWORKDIR /a\nRUN r"

    lowered = build(text, arguments=arguments, contexts={"lib": "folder"})

    folder = lowered.stages[0].operations[0]
    assert isinstance(folder, FolderOperation)
    assert folder.created == created
    assert dict(runs(lowered)[0].environment).get("SOURCE_DATE_EPOCH") == seen


def test_a_cache_may_start_as_a_stage_or_as_a_folder_of_nothing() -> None:
    text = (
        "FROM x AS s\nFROM y\nRUN --mount=type=cache,target=/c,from=s --mount=type=cache,target=/d,source=e r"
    )

    (run,) = runs(build(text))

    assert [mount.origin for mount in run.mounts] == [FromStage(0), None]
    assert run.mounts[1].options == (("source", "e"),)


def test_a_required_agent_says_so() -> None:
    (run,) = runs(build("FROM x\nRUN --mount=type=ssh,required --mount=type=secret,target=/a/k,required r"))

    assert run.mounts[0].options == (("id", "default"), ("required", "true"))
    assert run.mounts[1].options == (("id", "k"), ("required", "true"))


def test_a_context_that_is_scratch_is_nothing() -> None:
    assert build("FROM x", contexts={"x": "docker-image://scratch"}).stages[0].base == Scratch()


def test_a_trigger_written_in_a_replaced_stage_still_runs_in_its_children() -> None:
    text = "FROM x AS s\nRUN a\nONBUILD RUN trigger\nFROM s\nRUN own"

    lowered = build(text, contexts={"s": "folder"})

    assert [run.arguments[-1] for run in runs(lowered)] == ["trigger", "own"]
    assert not lowered.stages[0].operations


@pytest.mark.parametrize(
    "config",
    [
        {"Env": 5}, {"Env": [None, 1]}, {"Cmd": "x"}, {"Labels": ["a"]}, {"Labels": {"a": 1}}, {"User": 1},
        {"Volumes": "/v"}, {"Healthcheck": {"Interval": "1s"}}, {"Healthcheck": {"Test": "x"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_malformed_config_of_a_base_is_an_error(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidDocument, match="the config of x") as caught:
        build("FROM x", config=config)

    assert caught.value.where == "Dockerfile:1:6"


def test_a_build_of_too_many_variables_is_refused() -> None:
    text = "".join(f"ENV A{number}=1\nRUN r\n" for number in range(2100))

    with pytest.raises(UnsupportedConstruct, match="2000000 variables"):
        build(f"FROM x\n{text}")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("100", 100), ("1.5k", 1536), (".5K", 512), ("1 m", 1048576), ("1MiB", 1048576),
        ("2gb", 2 << 30), ("7b", 7), ("1 kib", 1024), ("", None), ("k", None), ("1kk", None),
        ("1bb", None), ("-1", None), ("1e3", None),
    ],
)  # fmt: skip
def test_a_size_is_read_as_docker_reads_it(text: str, size: int | None) -> None:
    assert size_in_bytes(text) == size
