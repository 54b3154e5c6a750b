"""Testing: a registry in memory, for users' tests and ours.

```python
from hashtag.testing import MemoryRegistry

registry = MemoryRegistry("registry.example/app")
debian = registry.add_image("debian:12", config={"Env": ["PATH=/usr/bin"]})
registry.fail("resolve", RegistryUnreachable("gone", where="registry.example"), times=1)
assert registry.requests == [("HEAD", "registry.example/app/web:1"), ...]
```
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import RLock
from typing import Any, Literal, TypeAlias

from attrs import evolve

from hashtag.errors import HashtagError, ManifestMissing, RegistryError
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference, Repository
from hashtag.oci.removal import Removal, Removed, Unsupported
from hashtag.oci.verified import verified

Operation: TypeAlias = Literal[
    "resolve",
    "manifest",
    "blob",
    "put_manifest",
    "put_blob",
    "has_blob",
    "put_blob_pieces",
    "mount_blob",
    "referrers",
    "tags",
    "remove_tag",
    "remove_manifest",
]
Deletes: TypeAlias = Literal["tags", "digests", "nothing"]

_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


class MemoryRegistry:
    """
    All registries of the world in one object, with all the ports of `hashtag.oci.ports`.

    Any thread may call it. It is as strict as a server: a manifest can only be put where all that
    it names is.

    Attributes:
        repository: The project's own.
        requests: What was asked, in order: `("HEAD", "registry.example/app/web:1")`; `GET` a
            manifest, a blob or `…/tags/list`, `PUT` a manifest, `POST` a blob, `DELETE` a tag or manifest.
        deletes: What it deletes: tags, and manifests too; manifests alone, as distribution 2.8; or nothing.
    """

    def __init__(self, repository: str = "registry.example/app", *, deletes: Deletes = "tags") -> None:
        """Begin with nothing in any registry."""
        self.repository = Repository.parse(repository)
        self.deletes = deletes
        self.requests: list[tuple[str, str]] = []
        self._manifests: dict[Repository, dict[Digest, Manifest]] = {}
        self._blobs: dict[Repository, dict[Digest, bytes]] = {}
        self._tags: dict[Repository, dict[str, Digest]] = {}
        self._faults: list[tuple[Operation, HashtagError, str | None, int]] = []
        self._lock = RLock()

    def __repr__(self) -> str:
        return f"MemoryRegistry({str(self.repository)!r})"

    # ── the ports ────────────────────────────────────────────────────────────────────────────────

    def resolve(self, reference: Reference) -> Descriptor | None:
        """Return the descriptor, or None where there is nothing."""
        with self._lock:
            self._begin("resolve", "HEAD", str(reference))
            manifest = self._found(reference)
            return manifest.descriptor if manifest else None

    def manifest(self, reference: Reference) -> Manifest:
        """Return the very bytes; raise `ManifestMissing`."""
        with self._lock:
            self._begin("manifest", "GET", str(reference))
            manifest = self._found(reference)
            if manifest is None:
                raise ManifestMissing("there is no such manifest", where=str(reference))
            return manifest

    def blob(self, repository: Repository, digest: Digest) -> bytes:
        """Return a blob; raise `ManifestMissing`."""
        with self._lock:
            self._begin("blob", "GET", f"{repository}@{digest}")
            try:
                return self._blobs[repository][digest]
            except KeyError:
                raise ManifestMissing("there is no such blob", where=f"{repository}@{digest}") from None

    def put_manifest(self, manifest: Manifest, reference: Reference) -> Digest:
        """Store the very bytes under the reference; raise `ManifestMissing` if what they name is absent."""
        with self._lock:
            self._begin("put_manifest", "PUT", str(reference))
            return self._stored(manifest, reference)

    def put_blob(self, repository: Repository, content: bytes) -> Digest:
        """Store the bytes; return their digest."""
        with self._lock:
            digest = Digest.of(content)
            self._begin("put_blob", "POST", f"{repository}@{digest}")
            self._blobs.setdefault(repository, {})[digest] = content
            return digest

    def has_blob(self, repository: Repository, digest: Digest) -> bool:
        """Return whether a blob is there."""
        with self._lock:
            self._begin("has_blob", "HEAD", f"{repository}@{digest}")
            return digest in self._blobs.get(repository, {})

    def blob_pieces(self, repository: Repository, blob: Descriptor) -> Iterator[bytes]:
        """Yield a blob's bytes, in two pieces."""
        content = self.blob(repository, blob.digest)
        middle = len(content) // 2
        yield from filter(None, (content[:middle], content[middle:]))

    def put_blob_pieces(
        self, repository: Repository, blob: Descriptor, pieces: Callable[[], Iterator[bytes]]
    ) -> None:
        """Store a blob of known digest and size; nothing where its bytes turn out to be others."""
        where = f"{repository}@{blob.digest}"
        content = b"".join(verified(pieces(), blob, where))
        with self._lock:
            self._begin("put_blob_pieces", "POST", where)
            self._blobs.setdefault(repository, {})[blob.digest] = content

    def mount_blob(self, digest: Digest, source: Repository, target: Repository) -> bool:
        """Let a repository have a blob of another on the same server; return whether it did."""
        with self._lock:
            self._begin("mount_blob", "POST", f"{target}@{digest}")
            content = self._blobs.get(source, {}).get(digest)
            if source.registry != target.registry or content is None:
                return False
            self._blobs.setdefault(target, {})[digest] = content
            return True

    def referrers(self, repository: Repository, digest: Digest) -> tuple[Descriptor, ...]:
        """Return the manifests whose subject is this one, as a registry with the referrers API."""
        with self._lock:
            self._begin("referrers", "GET", f"{repository}/referrers/{digest}")
            found = self._manifests.get(repository, {}).values()
            return tuple(m.descriptor for m in found if _subject(m) == str(digest))

    def tags(self, repository: Repository) -> Iterator[str]:
        """Yield every tag, sorted; nothing for a repository that is not there."""
        with self._lock:
            self._begin("tags", "GET", f"{repository}/tags/list")
            return iter(sorted(self._tags.get(repository, {})))

    def remove_tag(self, reference: Reference) -> Removal:
        """Delete a tag alone, where this registry does that."""
        with self._lock:
            self._begin("remove_tag", "DELETE", str(reference))
            if self.deletes != "tags":
                return Unsupported("the registry answered 400: DIGEST_INVALID")
            self._tags.get(reference.repository, {}).pop(str(reference.tag), None)
            return Removed()

    def remove_manifest(self, repository: Repository, digest: Digest) -> Removal:
        """Delete a manifest with all of its tags, where this registry does that."""
        with self._lock:
            self._begin("remove_manifest", "DELETE", f"{repository}@{digest}")
            if self.deletes == "nothing":
                return Unsupported("the registry answered 405: UNSUPPORTED")
            self._manifests.get(repository, {}).pop(digest, None)
            tags = self._tags.get(repository, {})
            for tag in [tag for tag, held in tags.items() if held == digest]:
                del tags[tag]
            return Removed()

    # ── setting up ───────────────────────────────────────────────────────────────────────────────

    def fail(
        self, operation: Operation, error: HashtagError, *, times: int = 1, reference: str | None = None
    ) -> None:
        """
        Let the next `times` calls of an operation raise an error; they stand in `requests` too.

        Args:
            operation: The port's method: `"resolve"`.
            error: What is raised.
            times: How often.
            reference: Only for this one, as `requests` writes it.
        """
        with self._lock:
            self._faults.append((operation, error, reference, times))

    def lose(self, repository: Repository, digest: Digest) -> None:
        """Let a manifest or blob vanish without a trace in `requests`; what names it stays."""
        with self._lock:
            self._manifests.get(repository, {}).pop(digest, None)
            self._blobs.get(repository, {}).pop(digest, None)

    def add_image(
        self,
        reference_text: str,
        *,
        config: Mapping[str, Any] | None = None,
        platforms: Sequence[str] = ("linux/amd64",),
        layers: Sequence[bytes] = (),
    ) -> Digest:
        """
        Put an image under a reference, without a trace in `requests`; return its digest.

        Args:
            reference_text: As people write it: `debian:12`, `registry.example/app/web:1`.
            config: `Env`, `WorkingDir`, `User`, `OnBuild` and the others.
            platforms: For several the digest is the index's.
            layers: Their bytes, whatever they are.
        """
        reference = Reference.parse(reference_text)
        parsed = [Platform.parse(platform) for platform in platforms]
        with self._lock:
            blobs = [self._layer(reference.repository, content) for content in layers]
            images = [self._image(reference.repository, platform, config or {}, blobs) for platform in parsed]
            if len(images) == 1:
                return self._stored(images[0], reference)
            for image in images:
                self._stored(image, reference.repository.at(image.digest))
            return self._stored(_index(images, parsed), reference)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _begin(self, operation: Operation, method: str, what: str) -> None:
        self.requests.append((method, what))
        for number, (faulty, error, only, times) in enumerate(self._faults):
            if faulty == operation and only in (None, what):
                self._faults[number : number + 1] = [(faulty, error, only, times - 1)] if times > 1 else []
                raise error

    def _found(self, reference: Reference) -> Manifest | None:
        digest = reference.digest or self._tags.get(reference.repository, {}).get(reference.tag or "")
        return self._manifests.get(reference.repository, {}).get(digest) if digest else None

    def _stored(self, manifest: Manifest, reference: Reference) -> Digest:
        repository, digest = reference.repository, manifest.digest
        if reference.digest not in (None, digest):
            raise RegistryError(f"the bytes are {digest}", where=str(reference))
        manifests = self._manifests.setdefault(repository, {})
        for named in manifest.references():
            if named not in manifests and named not in self._blobs.get(repository, {}):
                raise ManifestMissing(f"it names {named}, which is not there", where=str(reference))
        manifests[digest] = manifest
        if reference.digest is None:
            self._tags.setdefault(repository, {})[str(reference.tag)] = digest
        return digest

    def _layer(self, repository: Repository, content: bytes) -> Descriptor:
        digest = Digest.of(content)
        self._blobs.setdefault(repository, {})[digest] = content
        return Descriptor(_LAYER, digest, len(content))

    def _image(
        self, repository: Repository, platform: Platform, config: Mapping[str, Any], layers: list[Descriptor]
    ) -> Manifest:
        diff_ids = [str(layer.digest) for layer in layers]
        document = {
            "os": platform.os,
            "architecture": platform.architecture,
            **({"variant": platform.variant} if platform.variant else {}),
            "config": dict(config),
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
        blob = evolve(self._layer(repository, _json(document)), media_type=_CONFIG)
        content = {"config": blob.to_json(), "layers": [layer.to_json() for layer in layers]}
        return Manifest(OCI_MANIFEST, _json({"schemaVersion": 2, "mediaType": OCI_MANIFEST, **content}))


def _subject(manifest: Manifest) -> str:
    subject = manifest.document().get("subject")
    return str(subject.get("digest")) if isinstance(subject, dict) else ""


def _index(images: Sequence[Manifest], platforms: Sequence[Platform]) -> Manifest:
    pairs = zip(images, platforms, strict=True)
    children = [evolve(image.descriptor, platform=platform).to_json() for image, platform in pairs]
    return Manifest(OCI_INDEX, _json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}))


def _json(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True).encode()
