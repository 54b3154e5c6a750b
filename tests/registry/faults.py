"""What tests of faults share: a client of a scripted registry, and its usual answers."""

from __future__ import annotations

import json

import httpx

from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.reference import Reference, Repository
from hashtag.registry.client import HttpRegistry
from hashtag.registry.credentials import Credentials
from hashtag.registry.notices import Notices
from hashtag.registry.retry import Retries
from hashtag.registry.transport import Transport
from servers.scripted import Clock, Reply, Script

REPOSITORY = Repository.parse("registry.example/group/app")
TAG = REPOSITORY.tagged("1")
BASE = "https://registry.example/v2/group/app"
URL = f"{BASE}/manifests/1"
TOKENS = "https://auth.example/token"
CHALLENGE = {"WWW-Authenticate": f'Bearer realm="{TOKENS}",service="registry"'}
OTHER = Digest.of(b"another")
NOW = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


def manifest_of(document: object | bytes = None, media_type: str = OCI_MANIFEST) -> Manifest:
    if isinstance(document, bytes):
        return Manifest(media_type, document)
    plain = {"schemaVersion": 2, "mediaType": media_type, "layers": []}
    return Manifest(media_type, json.dumps(plain if document is None else document).encode())


def index_of(*children: Manifest) -> Manifest:
    listed = [child.descriptor.to_json() for child in children]
    return manifest_of({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}, OCI_INDEX)


MANIFEST = manifest_of()


def good(manifest: Manifest = MANIFEST, status: int = 200, **headers: str | None) -> Reply:
    """Return what a good registry says of a manifest; headers may be replaced, or None to leave them out."""
    usual: dict[str, str | None] = {
        "Content-Type": manifest.media_type,
        "Docker-Content-Digest": str(manifest.digest),
        "Content-Length": str(len(manifest.content)),
    }
    usual |= {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in usual.items() if value is not None}
    return Reply(status, manifest.content, kept)


def error(status: int, code: str = "", message: str = "", **headers: str) -> Reply:
    content = json.dumps({"errors": [{"code": code, "message": message, "detail": None}]}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, content, {"Content-Type": "application/json", **named})


def token(**members: object) -> Reply:
    return Reply(200, json.dumps({"token": "T", **members}).encode())


def client(
    script: Script, clock: Clock | None = None, creds: str | None = None, warned: list[str] | None = None
) -> HttpRegistry:
    clock = clock or Clock()
    credentials = Credentials.from_environment({}, creds=creds, registry="registry.example")
    retries = Retries(sleep=clock.sleep, clock=clock, now=lambda: NOW, jitter=lambda: 0.0)
    notices = Notices(warned.append) if warned is not None else None
    return HttpRegistry(Transport(wire=httpx.MockTransport(script)), credentials, retries, notices)


def blob_of(content: bytes) -> Descriptor:
    return Descriptor("application/octet-stream", Digest.of(content), len(content))


def reference(text: str) -> Reference:
    return Reference.parse(text)
