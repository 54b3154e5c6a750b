"""`hashtag.registry.Registry`: folders and servers behind one door."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

import hashtag.registry
from hashtag.errors import ConfigError, CredentialsError, InvalidReference, ManifestMissing
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_MANIFEST, Manifest
from hashtag.oci.platform import LINUX_AMD64
from hashtag.oci.reference import Reference, Repository
from hashtag.registry import Registry, pin
from hashtag.registry.client import HttpRegistry
from hashtag.registry.transport import Transport
from servers.scripted import Reply, Script

_CONFIG = b'{"config": {"User": "nobody"}}'
_DESCRIPTOR = {"mediaType": "application/x", "digest": str(Digest.of(_CONFIG)), "size": len(_CONFIG)}
_MANIFEST = Manifest(
    OCI_MANIFEST, json.dumps({"schemaVersion": 2, "config": _DESCRIPTOR, "layers": []}).encode()
)
_GOOD = Reply(
    200,
    _MANIFEST.content,
    {
        "Content-Type": OCI_MANIFEST,
        "Docker-Content-Digest": str(_MANIFEST.digest),
        "Content-Length": str(len(_MANIFEST.content)),
    },
)


def opened(
    repository: str, script: Script | None = None, root: Path | None = None, **mirrors: str
) -> Registry:
    http = HttpRegistry(Transport(wire=httpx.MockTransport(script or Script())))
    return Registry(Repository.parse(repository), lambda: http, layout_root=root, mirrors=mirrors)


def put(registry: Registry, reference: str) -> None:
    parsed = Reference.parse(reference)
    registry.put_blob(parsed.repository, _CONFIG)
    registry.put_manifest(_MANIFEST, parsed)


# ── from the environment ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "environ", "named"),
    [
        (
            "a.example/x",
            {"HASHTAG_REPOSITORY": "b.example/x", "CI_REGISTRY_IMAGE": "c.example/x"},
            "a.example/x",
        ),
        (None, {"HASHTAG_REPOSITORY": "b.example/x", "CI_REGISTRY_IMAGE": "c.example/x"}, "b.example/x"),
        (None, {"HASHTAG_REPOSITORY": "", "CI_REGISTRY_IMAGE": "c.example/x"}, "c.example/x"),
        ("oci-layout:images", {}, "oci-layout:images"),
    ],
    ids=["given", "ours", "GitLab's", "a folder"],
)
def test_the_repository_is_the_one_given_else_the_environments(given, environ, named):
    assert str(Registry.from_environment(given, environ=environ).repository) == named


def test_without_any_repository_there_is_a_hint():
    with pytest.raises(ConfigError, match="no repository is named") as caught:
        Registry.from_environment(environ={})

    assert "--repository" in caught.value.hint


def test_the_process_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("HASHTAG_REPOSITORY", "from.example/process")

    assert str(Registry.from_environment().repository) == "from.example/process"


def test_what_is_no_repository_is_refused():
    with pytest.raises(InvalidReference):
        Registry.from_environment("a.example/UPPER", environ={})


def test_creds_that_are_none_are_refused():
    with pytest.raises(CredentialsError):
        Registry.from_environment("a.example/x", creds="nobody", environ={})


def test_no_secret_stands_in_the_repr():
    registry = Registry.from_environment("a.example/x", creds="bob:SECRET", ca="PEM", environ={})

    assert repr(registry) == "Registry('a.example/x')"


def test_a_registry_closes_itself():
    with Registry.from_environment("a.example/x", environ={}) as registry:
        assert registry.repository.name == "x"


def test_the_package_has_the_names_it_says_and_no_others():
    for name in hashtag.registry.__all__:
        assert getattr(hashtag.registry, name).__name__ == name
    with pytest.raises(AttributeError, match="nonsense"):
        _ = hashtag.registry.nonsense


# ── folders and servers ──────────────────────────────────────────────────────────────────────────


def test_each_reference_goes_to_its_own_registry(tmp_path):
    script = Script().on("HEAD", "https://a.example/v2/x/manifests/1", _GOOD)
    registry = opened("a.example/x", script, tmp_path)
    put(registry, "oci-layout:images:web:1")

    assert registry.resolve(Reference.parse("a.example/x:1")) == _MANIFEST.descriptor
    assert registry.resolve(Reference.parse("oci-layout:images:web:1")) == _MANIFEST.descriptor
    assert registry.manifest(Reference.parse("oci-layout:images:web:1")) == _MANIFEST
    assert list(registry.tags(Repository.parse("oci-layout:images:web"))) == ["1"]
    assert (tmp_path / "images" / "index.json").exists()


def test_writing_and_listing_go_to_the_server(tmp_path):
    base = "https://a.example/v2/x"
    script = Script().on("HEAD", f"{base}/blobs/{Digest.of(_CONFIG)}", Reply(200))
    script.on("PUT", f"{base}/manifests/1", Reply(201)).on(
        "GET", f"{base}/tags/list", Reply(200, b'{"tags": ["1"]}')
    )
    registry = opened("a.example/x", script, tmp_path)
    put(registry, "a.example/x:1")

    assert list(registry.tags(registry.repository)) == ["1"]


def test_a_base_in_our_own_folder_is_served_from_there(tmp_path):
    registry = opened("oci-layout:images", Script(), tmp_path)
    web = Reference.parse("oci-layout:images:web:1")
    put(registry, str(web))
    folder = tmp_path / "images"
    index = json.loads((folder / "index.json").read_text())
    index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] = "docker.io/library/debian:12"
    (folder / "index.json").write_text(json.dumps(index))

    for base in ("debian:12", f"debian:12@{_MANIFEST.digest}"):
        assert registry.resolve(Reference.parse(base)) == _MANIFEST.descriptor
        assert pin(registry, Reference.parse(base), LINUX_AMD64).config == {"User": "nobody"}


def test_a_base_that_is_not_in_our_folder_is_asked_for_over_http(tmp_path):
    base = "https://registry-1.docker.io/v2/library/debian"
    script = Script().on("HEAD", f"{base}/manifests/12", _GOOD).on("GET", f"{base}/manifests/12", _GOOD)
    script.on("GET", f"{base}/blobs/{Digest.of(_CONFIG)}", Reply(200, _CONFIG))
    registry = opened("oci-layout:images", script, tmp_path)

    assert registry.resolve(Reference.parse("debian:12")) == _MANIFEST.descriptor
    assert pin(registry, Reference.parse("debian:12"), LINUX_AMD64).digest == _MANIFEST.digest


def test_an_image_that_is_not_in_our_folder_is_missing_and_nobody_is_asked(tmp_path):
    registry = opened("oci-layout:images", Script(), tmp_path)

    assert registry.resolve(Reference.parse("oci-layout:images:web:1")) is None
    with pytest.raises(ManifestMissing):
        registry.manifest(Reference.parse("oci-layout:images:web:1"))
    with pytest.raises(ManifestMissing):
        registry.blob(Repository.parse("oci-layout:images:web"), _MANIFEST.digest)


def test_a_server_is_not_looked_for_in_other_folders(tmp_path):
    script = Script().on("HEAD", "https://a.example/v2/x/manifests/1", Reply(404))
    registry = opened("a.example/x", script, tmp_path)
    put(registry, "oci-layout:images:web:1")

    assert registry.resolve(Reference.parse("a.example/x:1")) is None


# ── mirrors ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("mirror", "base"),
    [
        ("mirror.example/docker.io", "https://mirror.example/v2/docker.io/library/debian"),
        ("mirror.example", "https://mirror.example/v2/library/debian"),
        ("mirror.example:5000/a/b", "https://mirror.example:5000/v2/a/b/library/debian"),
    ],
)
def test_a_base_is_read_from_the_mirror_alone(mirror, base):
    script = Script().on("HEAD", f"{base}/manifests/12", _GOOD).on("GET", f"{base}/manifests/12", _GOOD)
    script.on("GET", f"{base}/blobs/{Digest.of(_CONFIG)}", Reply(200, _CONFIG))
    script.on("GET", f"{base}/tags/list", Reply(200, b'{"tags": ["12"]}'))
    registry = opened("a.example/x", script, **{"docker.io": mirror})

    assert registry.resolve(Reference.parse("debian:12"))
    assert pin(registry, Reference.parse("debian:12"), LINUX_AMD64).digest == _MANIFEST.digest
    assert list(registry.tags(Repository.parse("debian"))) == ["12"]


@pytest.mark.parametrize("name", ["x", "x/web"])
def test_our_own_images_are_never_read_from_a_mirror(name):
    script = Script().on("HEAD", f"https://a.example/v2/{name}/manifests/1", _GOOD)
    registry = opened("a.example/x", script, **{"a.example": "mirror.example"})

    assert registry.resolve(Reference.parse(f"a.example/{name}:1"))


def test_another_repository_of_our_registry_is_read_from_the_mirror():
    script = Script().on("HEAD", "https://mirror.example/v2/xy/manifests/1", _GOOD)
    registry = opened("a.example/x", script, **{"a.example": "mirror.example"})

    assert registry.resolve(Reference.parse("a.example/xy:1"))


def test_nothing_is_written_to_a_mirror():
    script = Script().on("PUT", "https://a.example/v2/other/manifests/1", Reply(201))
    registry = opened("a.example/x", script, **{"a.example": "mirror.example"})

    assert registry.put_manifest(_MANIFEST, Reference.parse("a.example/other:1")) == _MANIFEST.digest
