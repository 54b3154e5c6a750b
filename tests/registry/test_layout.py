"""An OCI image layout folder as a registry."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hashtag.errors import ManifestMissing, RegistryError
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.reference import Reference
from hashtag.registry.layout import Layout
from hashtag.registry.layout_index import LayoutIndex

_WEB = Reference.parse("oci-layout:images:web:1")
_NAME = "org.opencontainers.image.ref.name"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout("images", tmp_path / "images")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "images"


def image(layout: Layout, reference: Reference = _WEB, text: bytes = b"{}") -> Manifest:
    """Put an image; return its manifest."""
    digest = layout.put_blob(reference.repository, text)
    config = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": str(digest),
        "size": len(text),
    }
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    manifest = Manifest(OCI_MANIFEST, json.dumps(document).encode())
    layout.put_manifest(manifest, reference)
    return manifest


def index(folder: Path) -> dict:
    return json.loads((folder / "index.json").read_text())


def test_reading_makes_no_folder(layout, folder):
    layout.resolve(_WEB)
    list(layout.tags(_WEB.repository))

    assert not folder.exists()


def test_the_first_write_makes_a_layout(layout, folder):
    layout.put_blob(_WEB.repository, b"x")

    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert index(folder) == {"manifests": [], "schemaVersion": 2, "mediaType": OCI_INDEX}
    assert (folder / "blobs/sha256" / Digest.of(b"x").hex).read_bytes() == b"x"


def test_what_is_written_may_be_read_by_everybody(layout, folder):
    image(layout)
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]

    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("oci-layout:images:web:1", "web:1"),
        ("oci-layout:images:group/web:1", "group/web:1"),
        ("oci-layout:images:plans:h1-plan-7", "plans:h1-plan-7"),
        ("docker.io/library/debian:12", "docker.io/library/debian:12"),
        ("debian", "docker.io/library/debian:latest"),
        ("oci-layout:elsewhere:web:1", "oci-layout:elsewhere:web:1"),
    ],
)
def test_a_reference_stands_in_the_index_under_its_name(layout, folder, reference, name):
    image(layout, Reference.parse(reference))

    assert [entry["annotations"][_NAME] for entry in index(folder)["manifests"]] == [name]


def test_the_layout_itself_is_an_image_named_image(layout, folder):
    repository = Reference.parse("oci-layout:images").repository
    manifest = image(layout, repository.tagged("7"))

    assert index(folder)["manifests"][0]["annotations"] == {_NAME: "image:7"}
    assert layout.resolve(repository.tagged("7")) == manifest.descriptor
    assert list(layout.tags(repository)) == ["7"]


def test_a_tag_that_moves_leaves_no_second_entry(layout, folder):
    image(layout, text=b"{}")
    new = image(layout, text=b"{ }")

    assert [entry["digest"] for entry in index(folder)["manifests"]] == [str(new.digest)]


def test_a_manifest_put_under_its_digest_alone_has_no_name(layout, folder):
    manifest = image(layout, text=b"{}")
    layout.put_manifest(manifest, _WEB.repository.at(manifest.digest))

    assert len(index(folder)["manifests"]) == 1


def test_what_other_tools_wrote_is_kept(layout, folder):
    image(layout)
    document = index(folder)
    document["annotations"] = {"of": "another tool"}
    other = document["manifests"][0] | {
        "annotations": {"x": "y"},
        "urls": ["https://x.example"],
        "data": "e30=",
    }
    document["manifests"].append(other)
    (folder / "index.json").write_text(json.dumps(document))

    image(layout, Reference.parse("oci-layout:images:api:1"))

    assert index(folder)["annotations"] == {"of": "another tool"}
    assert other in index(folder)["manifests"]


def test_a_name_whose_manifest_has_vanished_resolves_to_nothing(layout, folder):
    manifest = image(layout)
    (folder / "blobs/sha256" / manifest.digest.hex).unlink()

    assert layout.resolve(_WEB) is None
    with pytest.raises(ManifestMissing):
        layout.manifest(_WEB)


def test_bytes_that_are_not_those_of_their_name_are_refused(layout, folder):
    manifest = image(layout)
    (folder / "blobs/sha256" / manifest.digest.hex).write_bytes(b"{}")

    for reference in (_WEB, _WEB.repository.at(manifest.digest)):
        with pytest.raises(RegistryError, match="not those of its digest"):
            layout.manifest(reference)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"manifests": 1}', b'{"manifests": [1]}', b"[" * 100_000, b"\xff"],
)
def test_an_index_that_is_none_is_refused(layout, folder, content):
    image(layout)
    (folder / "index.json").write_bytes(content)

    with pytest.raises(RegistryError, match="oci-layout:images"):
        layout.resolve(_WEB)


@pytest.mark.parametrize("digest", ["../../../etc/passwd", "sha256:../../x", "sha256:" + "A" * 64])
def test_a_digest_in_the_index_that_is_none_never_becomes_a_path(layout, folder, digest):
    image(layout)
    document = index(folder)
    document["manifests"][0]["digest"] = digest
    (folder / "index.json").write_text(json.dumps(document))

    with pytest.raises(Exception, match="not a digest"):
        layout.resolve(_WEB)


def test_an_entry_with_odd_annotations_has_no_name(layout, folder):
    image(layout)
    document = index(folder)
    document["manifests"] += [{"annotations": None}, {"annotations": {_NAME: 5}}, {}]
    (folder / "index.json").write_text(json.dumps(document))

    assert list(layout.tags(_WEB.repository)) == ["1"]


def test_a_manifest_of_an_unknown_media_type_is_refused(layout, folder):
    manifest = image(layout)
    path = folder / "blobs/sha256"
    odd = json.dumps({"mediaType": "application/x"}).encode()
    (path / Digest.of(odd).hex).write_bytes(odd)

    with pytest.raises(RegistryError, match="unknown media type"):
        layout.manifest(_WEB.repository.at(Digest.of(odd)))
    assert layout.manifest(_WEB.repository.at(manifest.digest)) == manifest


@pytest.mark.parametrize(("shape", "media_type"), [("manifests", OCI_INDEX), ("layers", OCI_MANIFEST)])
def test_by_digest_the_shape_tells_what_the_bytes_do_not_say(layout, shape, media_type):
    content = json.dumps({"schemaVersion": 2, shape: []}).encode()
    layout.put_blob(_WEB.repository, content)

    assert layout.manifest(_WEB.repository.at(Digest.of(content))).media_type == media_type


def test_a_folder_that_cannot_be_written_is_an_error_naming_it(tmp_path):
    (tmp_path / "file").write_text("")
    layout = Layout("x", tmp_path / "file" / "images")

    assert layout.resolve(Reference.parse("oci-layout:x:web:1")) is None
    with pytest.raises(RegistryError, match="cannot be written: Not a directory"):
        layout.put_blob(_WEB.repository, b"x")


def test_a_file_that_cannot_be_read_is_an_error_naming_it(layout, folder):
    (folder / "index.json").mkdir(parents=True)

    with pytest.raises(RegistryError, match=r"index\.json: cannot be read: Is a directory"):
        layout.resolve(_WEB)


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(layout, folder):
    blob = folder / "blobs/sha256" / Digest.of(b"x").hex
    blob.mkdir(parents=True)

    with pytest.raises(RegistryError, match="cannot be written"):
        layout.put_blob(_WEB.repository, b"x")

    assert list(blob.parent.iterdir()) == [blob]


def test_a_blob_over_16_mib_is_refused(layout):
    digest = layout.put_blob(_WEB.repository, bytes(16 * 1024 * 1024 + 1))

    with pytest.raises(RegistryError, match="larger than"):
        layout.blob(_WEB.repository, digest)


def test_no_name_is_lost_when_threads_write_through_layouts_of_their_own(folder):
    manifest = image(Layout("images", folder))

    def put(number: int) -> None:
        Layout("images", folder).put_manifest(manifest, _WEB.repository.tagged(str(number)))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(put, range(64)))

    assert set(Layout("images", folder).tags(_WEB.repository)) == {str(number) for number in range(64)}


def test_no_name_is_lost_when_processes_write_at_once(layout, folder):
    image(layout)
    code = (
        "import sys; from pathlib import Path; from hashtag.registry.layout import Layout;"
        "from hashtag.oci.reference import Reference;"
        "layout = Layout('images', Path(sys.argv[1])); web = Reference.parse('oci-layout:images:web:1');"
        "manifest = layout.manifest(web);"
        "[layout.put_manifest(manifest, web.repository.tagged(f'{sys.argv[2]}-{n}')) for n in range(40)]"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(folder), str(n)]) for n in range(3)]

    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(list(layout.tags(_WEB.repository))) == 1 + 3 * 40


def test_a_change_by_another_process_is_seen(layout, folder):
    image(layout)
    assert layout.resolve(_WEB)
    (folder / "index.json").write_text('{"manifests": []}')

    assert layout.resolve(_WEB) is None


def test_an_index_names_the_first_of_two_as_skopeo_does():
    first, second = (Descriptor(OCI_MANIFEST, Digest.of(text), 1) for text in (b"1", b"2"))
    entries = [each.to_json() | {"annotations": {_NAME: "web:1"}} for each in (first, second)]
    parsed = LayoutIndex.parse(json.dumps({"manifests": entries}).encode(), "x")

    assert parsed.named("web:1").digest == first.digest
    assert parsed.with_name("web:1", second).tags("web") == ("1",)


def test_no_path_stands_in_the_repr(layout, folder):
    assert repr(layout) == "Layout('oci-layout:images')"
