"""Staged folders and pinned Dockerfiles of hashed images."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

import pytest

import hashtag
from hashtag.errors import StalePlan, UnsupportedBuild
from hashtag.images.bases import KnownBases
from hashtag.oci.digest import Digest
from hashtag.project.pins import Pins
from hashtag.project.preparing import Preparation
from hashtag.testing import MemoryRegistry
from project.projects import REPOSITORY, write
from servers.web import web

PARENT = Digest("sha256:" + "a" * 64)


@pytest.fixture
def registry():
    registry = MemoryRegistry(REPOSITORY)
    registry.add_image("registry.example/tiny:1")
    registry.add_image("registry.example/tools:2", layers=[b"tools"])
    return registry


def prepared(
    folder, registry, files, kind="buildah", before_staging=lambda: None, adds_checksums=False, **settings
):
    """Stage the image `web` of a project of these files; return the staging and the pins."""
    write(folder / "project", files)
    project = hashtag.Project.open(
        folder / "project", environ={}, overrides={"repository": REPOSITORY, **settings}
    )
    hashed = project.workspace.hash(["web"], KnownBases(), registry, at=datetime.now(UTC))
    assert hashed.errors == {}
    image = hashed.resolved.sources["web"].image
    pins = Pins(
        image=image,
        parent=lambda named: hashed.resolved.sources[named.name].image.repository.at(PARENT),
        local=None,
    )
    before_staging()
    (folder / "staged").mkdir()
    preparation = Preparation(hashed=hashed, kind=kind, pin=pins, adds_checksums=adds_checksums)
    return preparation.stage(image, folder / "staged"), pins


def digest(registry, reference):
    return registry.manifest(hashtag.oci.reference.Reference.parse(reference)).digest


@pytest.fixture
def tiny(registry):
    return f"registry.example/tiny:1@{digest(registry, 'registry.example/tiny:1')}"


@pytest.fixture
def tools(registry):
    return f"registry.example/tools:2@{digest(registry, 'registry.example/tools:2')}"


@pytest.mark.parametrize(
    ("settings", "adds_checksums", "is_pinned"),
    [
        pytest.param({}, True, True, id="fetched"),
        pytest.param({}, False, False, id="a builder without checksums"),
        pytest.param({"remote-add": "url"}, True, False, id="by its URL alone"),
    ],
)
def test_what_a_url_gave_is_what_a_builder_may_fetch(tmp_path, registry, settings, adds_checksums, is_pinned):
    write(tmp_path / "www", {"file": "body"})
    with web(tmp_path / "www") as server:
        lines = [
            "FROM scratch",
            f"ADD {server.url}/file /",
            f"ADD {server.url}/file {server.url}/file /two/",
            "",
        ]
        prepared(
            tmp_path,
            registry,
            {"web/Dockerfile": "\n".join(lines)},
            adds_checksums=adds_checksums,
            **settings,
        )

    flag = f" --checksum=sha256:{sha256(b'body').hexdigest()}" if is_pinned else ""
    lines[1] = f"ADD{flag} {server.url}/file /"
    assert (tmp_path / "staged/Dockerfile").read_text() == "\n".join(lines)


def test_bases_and_parents_are_named_by_digest(tmp_path, registry, tiny, tools):
    files = {
        "base/Dockerfile": "FROM registry.example/tiny:1\n",
        "web/Dockerfile": (
            "ARG TOOLS=registry.example/tools\n"
            f"FROM {REPOSITORY}/base AS base\n"
            "FROM ${TOOLS}:2\n"
            "COPY --from=base /a /a\n"
            "COPY --from=registry.example/tiny:1 /b /b\n"
            f"RUN --mount=type=bind,from={REPOSITORY}/base:x,target=/m true\n"
        ),
    }

    _, pins = prepared(tmp_path, registry, files)

    parent = f"{REPOSITORY}/base@{PARENT}"
    assert (tmp_path / "staged/Dockerfile").read_text() == (
        "ARG TOOLS=registry.example/tools\n"
        f"FROM {parent} AS base\n"
        f"FROM {tools}\n"
        "COPY --from=base /a /a\n"
        f"COPY --from={tiny} /b /b\n"
        f"RUN --mount=type=bind,from={parent},target=/m true\n"
    )
    assert [str(image) for image in pins.used] == [parent, tools, tiny]


def test_an_unreachable_stage_stays_as_it_is(tmp_path, registry):
    text = "FROM registry.example/gone:1 AS gone\nCOPY nothing /\nFROM scratch\nCOPY x /\n"

    prepared(tmp_path, registry, {"web/Dockerfile": text, "web/x": "x"})

    assert (tmp_path / "staged/Dockerfile").read_text() == text
    assert [path.name for path in (tmp_path / "staged/context").iterdir()] == ["x"]


def test_each_named_context_has_a_folder_of_its_own(tmp_path, registry):
    files = {
        "hashtag.toml": (
            '[[image]]\nname = "web"\ndockerfile = "web/Dockerfile"\n'
            'contexts = { lib = "lib", src = "src", unused = "unused" }\n'
        ),
        "web/Dockerfile": "FROM src AS code\nFROM scratch\nCOPY --from=lib a /\nCOPY --from=code / /\n",
        "lib/a": "a",
        "lib/b": "b",
        "src/c": "c",
        "unused/d": "d",
    }

    staging, _ = prepared(tmp_path, registry, files)

    folders = {name: tmp_path / folder for name, folder in staging.contexts.items()}
    assert {name: sorted(path.name for path in folder.iterdir()) for name, folder in folders.items()} == {
        "src": ["c"],
        "lib": ["a"],
    }


def test_an_image_in_a_stages_place_is_handed_on_by_digest(tmp_path, registry, tiny):
    files = {
        "hashtag.toml": (
            '[[image]]\nname = "web"\ndockerfile = "web/Dockerfile"\n'
            'contexts = { stage = "docker-image://registry.example/tiny:1" }\n'
        ),
        "web/Dockerfile": "FROM scratch AS stage\nCOPY x /\nFROM scratch\nCOPY --from=stage /x /\n",
    }

    staging, _ = prepared(tmp_path, registry, files)

    assert staging.contexts == {"stage": f"docker-image://{tiny}"}


# ── what only ONBUILD names ──────────────────────────────────────────────────────────────────────


def with_trigger(registry, trigger):
    registry.add_image("registry.example/onbuild:1", config={"OnBuild": [trigger]})


def test_what_a_trigger_names_is_pinned_by_a_named_context(tmp_path, registry, tools):
    with_trigger(registry, "COPY --from=registry.example/tools:2 /t /t")

    staging, _ = prepared(tmp_path, registry, {"web/Dockerfile": "FROM registry.example/onbuild:1\n"})

    assert staging.contexts == {"registry.example/tools:2": f"docker-image://{tools}"}


def test_a_builder_without_named_contexts_cannot_pin_it(tmp_path, registry):
    with_trigger(registry, "COPY --from=registry.example/tools:2 /t /t")

    with pytest.raises(UnsupportedBuild) as caught:
        prepared(tmp_path, registry, {"web/Dockerfile": "FROM registry.example/onbuild:1\n"}, kind="docker")

    assert "only ONBUILD of a base names" in caught.value.what
    assert caught.value.status == 5


def test_a_stage_of_that_name_cannot_be_replaced(tmp_path, registry):
    registry.add_image("docker.io/library/tools:latest")
    with_trigger(registry, "COPY --from=docker.io/library/tools:latest /t /t")
    text = (
        "FROM scratch AS tools\nCOPY Dockerfile /\nFROM registry.example/onbuild:1\nCOPY --from=tools / /\n"
    )

    with pytest.raises(UnsupportedBuild, match="a stage is called tools"):
        prepared(tmp_path, registry, {"web/Dockerfile": text}, kind="buildx")


# ── other frontends, other platforms, other files ────────────────────────────────────────────────


def test_another_frontend_is_pinned_for_buildkit_and_refused_for_others(tmp_path, registry, tools):
    files = {"web/Dockerfile": "# syntax=registry.example/tools:2\nFROM scratch\nCOPY x /\n", "web/x": "x"}

    staging, _ = prepared(tmp_path / "a", registry, files, kind="docker")

    assert staging.options == ("--build-arg", f"BUILDKIT_SYNTAX={tools}")
    with pytest.raises(UnsupportedBuild, match="does not read a Dockerfile with"):
        prepared(tmp_path / "b", registry, files, kind="buildah")


def test_for_several_platforms_the_index_is_named(tmp_path, registry):
    index = registry.add_image("registry.example/many:1", platforms=("linux/amd64", "linux/arm64"))
    files = {"web/Dockerfile": "FROM registry.example/many:1\n"}

    prepared(tmp_path, registry, files, platforms=["linux/amd64", "linux/arm64"])

    assert (tmp_path / "staged/Dockerfile").read_text() == f"FROM registry.example/many:1@{index}\n"


def test_another_base_on_each_platform_is_refused(tmp_path, registry):
    for name in ("amd64", "arm64"):
        registry.add_image(f"registry.example/{name}:1", platforms=(f"linux/{name}",))
    files = {"web/Dockerfile": "ARG TARGETARCH\nFROM registry.example/${TARGETARCH}:1\n"}

    with pytest.raises(UnsupportedBuild, match="another image on each platform"):
        prepared(tmp_path, registry, files, platforms=["linux/amd64", "linux/arm64"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("FROM scratch\nCOPY x /y\n", id="another destination"),
        pytest.param("# a comment\nFROM scratch\nCOPY x /\n", id="a comment, which moves all places"),
    ],
)
def test_a_dockerfile_that_changed_after_it_was_hashed_is_refused(tmp_path, registry, text):
    files = {"web/Dockerfile": "FROM scratch\nCOPY x /\n", "web/x": "x"}

    with pytest.raises(StalePlan) as caught:
        prepared(
            tmp_path,
            registry,
            files,
            before_staging=lambda: (tmp_path / "project/web/Dockerfile").write_text(text),
        )

    assert caught.value.where == "web/Dockerfile"


def test_a_file_that_changed_after_it_was_hashed_is_named(tmp_path, registry):
    files = {"web/Dockerfile": "FROM scratch\nCOPY x /\n", "web/x": "x"}

    with pytest.raises(StalePlan) as caught:
        prepared(
            tmp_path,
            registry,
            files,
            before_staging=lambda: (tmp_path / "project/web/x").write_text("y"),
        )

    assert caught.value.where == "web/x"
