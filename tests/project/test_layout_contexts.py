"""Named contexts that are images in a layout folder: no registry is needed to know them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hashtag
from builders.fake import fake
from hashtag.builders import find_builder
from hashtag.oci.manifest import OCI_MANIFEST, Manifest
from hashtag.oci.reference import Reference, Repository
from hashtag.project.building import build_plan
from hashtag.project.receipt import Built
from hashtag.registry import Registry
from hashtag.registry.layout import Layout

REF_NAME = "org.opencontainers.image.ref.name"


def layout(folder: Path, *names: str) -> dict[str, str]:
    """Write a layout as skopeo does, an image under each name; return their digests."""
    store = Layout("any", folder)
    repository = Repository.parse("oci-layout:any:any")
    entries = []
    for name in names:
        config = store.put_blob(repository, json.dumps({"config": {"User": name}}).encode())
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": str(config),
                "size": 1,
            },
            "layers": [],
        }
        manifest = Manifest(OCI_MANIFEST, json.dumps(document).encode())
        store.put_manifest(manifest, repository.at(manifest.digest))
        entries.append({**manifest.descriptor.to_json(), "annotations": {REF_NAME: name}})
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    return {entry["annotations"][REF_NAME]: entry["digest"] for entry in entries}


def tag(folder: Path, value: str) -> str:
    (folder / "Dockerfile").write_text("FROM lib\n")
    return hashtag.fingerprint(folder, build_contexts={"lib": value}).tag


@pytest.mark.parametrize(
    ("written", "name"),
    [
        pytest.param("", "latest", id="latest where nothing is said"),
        pytest.param(":v1", "v1", id="by a name that is a tag"),
        pytest.param(":docker.io/library/debian:12", "docker.io/library/debian:12", id="by a reference"),
        pytest.param(":image:v2", "image:v2", id="by a name as hashtag writes it"),
    ],
)
def test_an_image_of_a_layout_is_read_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    digests = layout(tmp_path / "layout", "other", "latest", "v1", "docker.io/library/debian:12", "image:v2")

    assert tag(tmp_path, f"oci-layout://layout{written}") == tag(
        tmp_path, f"oci-layout://{tmp_path}/layout@{digests[name]}"
    )


def test_the_only_image_of_a_layout_needs_no_name(tmp_path: Path) -> None:
    digests = layout(tmp_path / "layout", "whatever")

    assert tag(tmp_path, f"oci-layout://{tmp_path}/layout") == tag(
        tmp_path, f"oci-layout://{tmp_path}/layout@{digests['whatever']}"
    )


def test_the_config_of_such_an_image_counts(tmp_path: Path) -> None:
    layout(tmp_path / "layout", "v1", "v2")

    assert tag(tmp_path, f"oci-layout://{tmp_path}/layout:v1") != tag(
        tmp_path, f"oci-layout://{tmp_path}/layout:v2"
    )


@pytest.mark.parametrize(
    ("value", "what", "hint"),
    [
        pytest.param("layout:v3", "the layout {0}/layout has no image 'v3'", "it has: v1, v2", id="name"),
        pytest.param("none", "there is no layout in {0}/none", "", id="folder"),
        pytest.param(f"layout@sha256:{'0' * 64}", "base oci-layout:{0}/layout@", "", id="digest"),
    ],
)
def test_an_image_that_is_not_in_the_layout_is_an_error_with_its_place(
    tmp_path: Path, value: str, what: str, hint: str
) -> None:
    layout(tmp_path / "layout", "v1", "v2")

    with pytest.raises(hashtag.HashtagError) as caught:
        tag(tmp_path, f"oci-layout://{tmp_path}/{value}")

    assert caught.value.code == "HT021"
    assert caught.value.where.endswith("Dockerfile:1:6")
    assert caught.value.what.startswith(what.format(tmp_path))
    assert hint in caught.value.hint


def test_a_projects_contexts_are_found_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = layout(tmp_path / "layout", "v1", "v2")
    (tmp_path / "Dockerfile").write_text("FROM lib\n")
    (tmp_path / "hashtag.toml").write_text(
        '[[image]]\nname = "web"\ndockerfile = "Dockerfile"\ncontexts = { lib = "oci-layout://layout:v1" }\n'
    )
    monkeypatch.chdir(tmp_path.parent)
    project = hashtag.Project.open(tmp_path, environ={}, overrides={"repository": "registry.example/app"})

    (build,) = project.plan(hashtag.testing.MemoryRegistry("registry.example/app"))

    (base,) = build.target.bases
    assert str(base.digest) == digests["v1"]
    assert Reference.parse(base.reference).tag == "v1"


def test_a_builder_with_a_storage_gets_such_an_image(tmp_path: Path) -> None:
    layout(tmp_path / "project/layout", "v1", "v2")
    (tmp_path / "project/Dockerfile").write_text("FROM lib\n")
    (tmp_path / "project/hashtag.toml").write_text(
        '[[image]]\nname = "web"\ndockerfile = "Dockerfile"\ncontexts = { lib = "oci-layout://layout:v1" }\n'
    )
    programs = fake(tmp_path / "bin")
    programs.buildah()
    registry = Registry.from_environment("oci-layout:store", environ={}, layout_root=tmp_path / "project")
    project = hashtag.Project.open(
        tmp_path / "project", environ={}, overrides={"repository": "oci-layout:store", "pipeline-tag": "1"}
    )

    receipt = build_plan(
        project, project.plan(registry), registry, lambda: find_builder("buildah", programs.environ)
    )

    assert receipt.of(Built) == ("web",)
    assert programs.dockerfiles == [f"FROM {'f' * 64}\n"]
