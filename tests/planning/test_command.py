"""The command lines of builds."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from hashtag.errors import UnsupportedBuild, UsageError
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.command import BUILDERS, command, push_commands
from hashtag.planning.decide import decide
from hashtag.planning.plan import Build, PlannedBase, Reason
from planning.plan_strategies import AMD64, ARM64, debian, digest_of, found, plans, target, with_spec

web = with_spec(
    target("web"),
    target="runtime",
    arguments={"MODE": "a b;$(c)", "EMPTY": "", "FROM_HERE": None},
    labels={"org.example": "x=y"},
    platforms=(AMD64,),
)
BUILD = Build(web, Reason.NEVER_BUILT)
TAG = "registry.example.com/group/project/web:1742"
DOCKER_BUILDX = ["docker", "buildx", "build", "--no-cache"]
FORMAT_DOCKER = ["build", "--no-cache", "--format", "docker"]
INPUTS = [
    *["--target", "runtime"],
    *["--build-arg", "MODE=a b;$(c)", "--build-arg", "EMPTY=", "--build-arg", "FROM_HERE"],
    *["--label", "org.example=x=y"],
    *["--platform", "linux/amd64"],
]


@pytest.mark.parametrize(
    ("builder", "expected"),
    [
        pytest.param(
            "buildx",
            [*DOCKER_BUILDX, "--file", "web/Dockerfile", *INPUTS, "--tag", TAG, "--push", "web"],
            id="buildx pushes by itself",
        ),
        pytest.param(
            "docker",
            ["docker", "build", "--no-cache", "--file", "web/Dockerfile", *INPUTS, "--tag", TAG, "web"],
            id="docker",
        ),
        pytest.param(
            "buildah",
            ["buildah", *FORMAT_DOCKER, "--file", "web/Dockerfile", *INPUTS, "--tag", TAG, "web"],
            id="buildah",
        ),
        pytest.param(
            "podman",
            ["podman", *FORMAT_DOCKER, "--file", "web/Dockerfile", *INPUTS, "--tag", TAG, "web"],
            id="podman",
        ),
    ],
)
def test_the_command_line_holds_every_input_exactly(builder, expected):
    assert BUILD.command(builder) == expected


def test_kaniko_has_words_of_its_own():
    build = Build(with_spec(web, arguments={"A": "1=2"}), Reason.NEVER_BUILT)

    assert build.command("kaniko") == [
        *[
            "/kaniko/executor",
            "--dockerfile",
            "web/Dockerfile",
            "--target",
            "runtime",
            "--build-arg",
            "A=1=2",
        ],
        *["--label", "org.example=x=y", "--custom-platform", "linux/amd64", "--destination", TAG],
        *["--context", "dir://web"],
    ]


def test_kaniko_reads_no_argument_from_the_environment():
    with pytest.raises(UnsupportedBuild, match="FROM_HERE"):
        BUILD.command("kaniko")


def test_an_unknown_builder_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError) as caught:
        BUILD.command("buildxx")

    assert caught.value.hint == "did you mean 'buildx'?"


def test_without_a_pipeline_tag_the_cache_tag_is_built():
    build = Build(target("web", tag=None), Reason.NEVER_BUILT)

    assert str(build.target.cache_reference) in build.command("buildx")


# ── pins ─────────────────────────────────────────────────────────────────────────────────────────


def contexts(argv):
    values = (value for option, value in pairwise(argv) if option == "--build-context")
    return dict(value.split("=", 1) for value in values)


def test_an_external_base_is_pinned_by_a_named_context():
    build = Build(target("web", bases=(debian(),)), Reason.NEVER_BUILT)
    pin = f"docker-image://docker.io/library/debian:12@{debian().digest}"

    assert contexts(build.command("buildx")) == {"debian:12": pin}
    assert contexts(build.command("buildah")) == dict.fromkeys(
        ["docker.io/library/debian:12", "debian:12", "library/debian:12"], pin
    )


@pytest.mark.parametrize("builder", ["docker", "kaniko"])
@pytest.mark.parametrize(
    ("image", "reference"),
    [
        pytest.param(target("web", bases=(debian(),)), "docker.io/library/debian:12", id="a base by tag"),
        pytest.param(
            target(
                "web", bases=(evolve(debian(), is_written_by_digest=True), debian("docker.io/acme/base:1"))
            ),
            "docker.io/acme/base:1",
            id="a base by tag behind one by digest",
        ),
        pytest.param(target("web", parents=("base",)), "qemu/base", id="a parent"),
        pytest.param(target("web", parents=("base-1",)), "base-1", id="a parent of no known spelling"),
    ],
)
def test_a_builder_that_cannot_pin_has_no_command_line_for_a_name_that_can_move(builder, image, reference):
    with pytest.raises(UnsupportedBuild) as caught:
        Build(image, Reason.NEVER_BUILT).command(builder)

    assert str(caught.value) == f"{builder} cannot build 'web': it cannot pin {reference!r}"
    assert caught.value.code == "HT072"
    assert caught.value.hint == (
        "run: hashtag build web (it rewrites the Dockerfile); or choose buildx, buildah or podman"
    )


@pytest.mark.parametrize("builder", ["docker", "kaniko"])
def test_a_base_that_is_written_by_digest_needs_no_pin(builder):
    build = Build(target("web", bases=(evolve(debian(), is_written_by_digest=True),)), Reason.NEVER_BUILT)

    assert contexts(build.command(builder)) == {}


@pytest.mark.parametrize("builder", ["docker", "kaniko"])
def test_a_staged_dockerfile_is_pinned_already(builder):
    build = Build(target("web", parents=("base",), bases=(debian(),)), Reason.NEVER_BUILT)

    argv = command(build, builder, context="/stage/context", dockerfile="/stage/Dockerfile", contexts={})

    assert "/stage/Dockerfile" in argv


def test_a_parent_is_pinned_by_digest_where_it_exists_and_by_tag_where_it_is_built():
    base, other = target("base"), target("other")
    child = target("web", parents=("base", "other"))
    build = decide([base, other, child], found(base))[2]

    assert contexts(build.command("buildx")) == {
        "qemu/base": f"docker-image://{base.repository}@{digest_of(base.fingerprint)}",
        "qemu/other": f"docker-image://{other.repository}:1742",
    }


def test_an_own_named_context_wins_over_a_pin():
    image = with_spec(target("web", bases=(debian(),)), contexts={"debian:12": "folder", "lib": "../lib"})

    assert contexts(Build(image, Reason.NEVER_BUILT).command("podman")) == {
        "docker.io/library/debian:12": f"docker-image://docker.io/library/debian:12@{debian().digest}",
        "library/debian:12": f"docker-image://docker.io/library/debian:12@{debian().digest}",
        "debian:12": "folder",
        "lib": "../lib",
    }


LATEST = debian("docker.io/library/debian:latest")


@pytest.mark.parametrize(
    ("stages", "pinned"),
    [
        pytest.param(None, [], id="stages unknown: the name could be a stage's"),
        pytest.param((), ["debian"], id="no stage has a name"),
        pytest.param(("build",), ["debian"], id="stages have other names"),
    ],
)
def test_a_bare_name_is_pinned_only_where_no_stage_can_have_it(stages, pinned):
    image = with_spec(target("web", bases=(LATEST,)), stages=stages)

    assert list(contexts(Build(image, Reason.NEVER_BUILT).command("buildx"))) == pinned


def test_a_stage_with_the_name_of_its_base_cannot_be_pinned():
    image = with_spec(target("web", bases=(LATEST,)), stages=("Debian",))

    with pytest.raises(UnsupportedBuild, match="a stage with the name of its base 'debian'") as caught:
        Build(image, Reason.NEVER_BUILT).command("buildx")

    assert caught.value.hint == "rename the stage"


LAYOUT = Repository.parse("oci-layout:store")


def test_a_parent_in_a_layout_is_pinned_by_digest():
    digest = digest_of("x")
    child = target("web", parents=("base",))
    build = Build(child, Reason.NEVER_BUILT, {"base": LAYOUT.child("base").at(digest)})

    assert contexts(build.command("buildx")) == {"qemu/base": f"oci-layout://store@{digest}"}


def test_a_parent_that_is_built_into_a_layout_cannot_be_pinned():
    child = target("web", parents=("base",))
    build = Build(child, Reason.NEVER_BUILT, {"base": LAYOUT.child("base").tagged("1742")})

    with pytest.raises(UnsupportedBuild, match="no builder reads a tag of a layout"):
        build.command("buildx")


def test_a_parent_under_a_name_that_is_no_reference_cannot_be_pinned():
    child = target("web", parents=("base",))
    object.__setattr__(child, "parent_references", {"No Reference": "base"})
    build = Build(child, Reason.NEVER_BUILT, {"base": target("base").cache_reference})

    with pytest.raises(UnsupportedBuild, match="'No Reference' cannot be pinned"):
        build.command("buildx")


# ── what a builder cannot do ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("builder", ["docker", "kaniko"])
def test_named_contexts_need_a_builder_that_knows_them(builder):
    build = Build(with_spec(target("web"), contexts={"lib": "lib"}), Reason.NEVER_BUILT)

    with pytest.raises(UnsupportedBuild, match=f"{builder} cannot build 'web': it knows no named contexts"):
        build.command(builder)


@pytest.mark.parametrize("builder", ["docker", "kaniko"])
def test_several_platforms_need_a_builder_that_joins_them(builder):
    build = Build(with_spec(target("web"), platforms=(AMD64, ARM64)), Reason.NEVER_BUILT)

    with pytest.raises(UnsupportedBuild, match="one platform at a time"):
        build.command(builder)


def test_several_platforms_become_an_index():
    build = Build(with_spec(target("web"), platforms=(AMD64, ARM64)), Reason.NEVER_BUILT)

    assert build.command("buildx")[-6:] == [
        "--platform",
        "linux/amd64,linux/arm64",
        "--tag",
        TAG,
        "--push",
        "web",
    ]
    assert build.command("buildah")[-5:] == [
        "--platform",
        "linux/amd64,linux/arm64",
        "--manifest",
        TAG,
        "web",
    ]
    assert push_commands(build, "buildah") == [
        ["buildah", "manifest", "push", "--all", TAG, f"docker://{TAG}"]
    ]


def test_no_builder_pushes_into_a_layout():
    build = Build(target("web", repository=LAYOUT.child("web")), Reason.NEVER_BUILT)

    with pytest.raises(UnsupportedBuild) as caught:
        build.command("buildx")

    assert caught.value.hint == "run: hashtag build"


# ── on a staged folder ───────────────────────────────────────────────────────────────────────────


def test_a_staged_build_names_its_own_folders():
    tags = [Reference.parse("localhost:5000/a:1"), Reference.parse("localhost:5000/a:2")]
    argv = command(
        Build(target("web", bases=(debian(),)), Reason.NEVER_BUILT),
        "buildah",
        context="/stage/context",
        dockerfile="/stage/Dockerfile",
        contexts={"lib": "/stage/lib"},
        tags=tags,
        ignore_file="/stage/ignore",
        options=["--isolation", "chroot"],
    )

    assert argv == [
        *["buildah", "build", "--no-cache", "--format", "docker", "--file", "/stage/Dockerfile"],
        *["--build-context", "lib=/stage/lib", "--ignorefile", "/stage/ignore"],
        *[
            "--tag",
            "localhost:5000/a:1",
            "--tag",
            "localhost:5000/a:2",
            "--isolation",
            "chroot",
            "/stage/context",
        ],
    ]


def test_an_ignore_file_needs_a_builder_that_takes_one():
    with pytest.raises(UnsupportedBuild, match="it takes no ignore file"):
        command(BUILD, "buildx", ignore_file="ignore")


def test_without_tags_nothing_is_pushed():
    build = Build(target("web"), Reason.NEVER_BUILT)

    assert "--push" not in command(build, "buildx", tags=[])
    assert "--no-push" in command(build, "kaniko", tags=[])


@pytest.mark.parametrize(
    ("builder", "expected"),
    [
        pytest.param("buildx", [], id="buildx has pushed already"),
        pytest.param("kaniko", [], id="kaniko has pushed already"),
        pytest.param("docker", [["docker", "push", TAG]], id="docker"),
        pytest.param("podman", [["podman", "push", TAG]], id="podman"),
    ],
)
def test_pushing_is_a_command_of_its_own_where_the_build_does_not_push(builder, expected):
    assert push_commands(BUILD, builder) == expected


def test_every_tag_is_pushed():
    tags = [Reference.parse("localhost:5000/a:1"), Reference.parse("localhost:5000/a:2")]

    assert push_commands(BUILD, "docker", tags=tags) == [
        ["docker", "push", "localhost:5000/a:1"],
        ["docker", "push", "localhost:5000/a:2"],
    ]


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_path_never_reads_as_an_option(builder):
    build = Build(with_spec(target("web"), dockerfile="-f", context="-"), Reason.NEVER_BUILT)

    argv = build.command(builder)

    assert "./-f" in argv
    assert argv[-1] in ("./-", "dir://./-")


@given(plans(), st.sampled_from(BUILDERS))
def test_every_build_of_every_plan_has_a_command_line_or_a_reason(plan, builder):
    for build in plan.builds:
        with suppress(UnsupportedBuild):
            argv = build.command(builder)

            assert str(build.reference) in argv
            assert all(isinstance(part, str) for part in argv)


def test_a_base_of_another_registry_has_one_spelling():
    base = PlannedBase(reference="quay.io/centos/centos:stream9", digest=digest_of("x"), platforms={})
    build = Build(target("web", bases=(base,)), Reason.NEVER_BUILT)

    assert list(contexts(build.command("podman"))) == ["quay.io/centos/centos:stream9"]
