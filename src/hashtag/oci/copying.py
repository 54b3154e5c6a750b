"""Copying: an image with all that belongs to it, from one repository to another, through the ports."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from threading import Lock
from typing import Protocol, TypeAlias

from attrs import define, field, frozen

from hashtag.errors import RegistryError
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import Descriptor, Manifest
from hashtag.oci.ports import BlobStreamer, Mounter, Reader, ReferrerLister, Tagger
from hashtag.oci.reference import Reference, Repository
from hashtag.oci.referrers import cosign_tags, fallback_index, fallback_tag

IN_FLIGHT = 4  # streams of blobs, each with two connections and one piece in memory
_DEPTH = 8
_MANIFESTS = 2000

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many bytes of blobs are there, and of how many; from several threads, one at a time."""
Warn: TypeAlias = Callable[[str], None]
"""Told what a user should know of a copy."""


class Copier(Reader, Tagger, BlobStreamer, Mounter, ReferrerLister, Protocol):
    """A registry that images are copied from and to: two of them, behind one door."""


@frozen
class Tree:
    """
    An image with all that belongs to it.

    Attributes:
        manifests: Children before what lists them, the image last but for what refers to it.
        referrers: For a manifest, what lists it as its subject.
        tags: Of its own: cosign's.
    """

    manifests: dict[Digest, Manifest]
    referrers: dict[Digest, tuple[Descriptor, ...]] = field(factory=dict)
    tags: dict[str, Digest] = field(factory=dict)


def copy_image(
    registry: Copier,
    source: Reference,
    target: Reference,
    progress: Progress | None = None,
    warn: Warn | None = None,
) -> Digest:
    """
    Copy an image byte for byte: index, children, attestations, and what refers to each of them.

    Blobs are mounted where both repositories are on one server that can; else they pass through in
    pieces, verified on their way. What is there already is not sent, so that a copy that was
    broken off goes on where it was. The tag comes last: it never names half an image.

    Layers that may not be distributed are left where they are, and nothing is fetched from the URLs
    of a layer.

    Args:
        registry: Both.
        source: With its digest.
        target: A tag.
        progress: Told of bytes.
        warn: Told of the layers that are not copied.

    Raises:
        ManifestMissing: Something of the image is not in the source.
        RegistryError: It is too deep or too large, or its bytes are not those of its digests.
    """
    found = whole_tree(registry, source)
    copy = _Copy(registry, source.repository, target.repository, progress or (lambda *_: None))
    needed = [m for m in found.manifests.values() if not copy.has(m)]
    blobs, foreign = copy.parts(needed)
    for layer in foreign:
        (warn or _nobody)(_left_out(source, layer))
    copy.blobs(blobs)
    for manifest in needed:
        registry.put_manifest(manifest, target.repository.at(manifest.digest))
    for tag, digest in found.tags.items():
        copy.tag(found.manifests[digest], tag)
    for subject, listed in found.referrers.items():
        copy.list_referrers(subject, listed)
    digest = _digest(source)
    registry.put_manifest(found.manifests[digest], target)
    return digest


def whole_tree(registry: Copier, source: Reference) -> Tree:
    """Return an image with its children, what refers to any of them, and cosign's tags."""
    tree = Tree({})
    waiting = [_digest(source)]
    while waiting:
        before = set(tree.manifests)
        _add(registry, source.repository, waiting.pop(), tree, 0)
        for digest in [digest for digest in tree.manifests if digest not in before]:
            waiting += _belonging(registry, source.repository, digest, tree)
    return tree


def _nobody(_: str) -> None:
    """Tell nobody."""


def _left_out(source: Reference, layer: Descriptor) -> str:
    return f"{source}: layer {layer.digest} ({layer.media_type}) is foreign, and is not copied"


def _belonging(registry: Copier, repository: Repository, digest: Digest, tree: Tree) -> Iterator[Digest]:
    if listed := registry.referrers(repository, digest):
        tree.referrers[digest] = listed
        yield from (referrer.digest for referrer in listed)
    for tag in cosign_tags(digest):
        if held := registry.resolve(repository.tagged(tag)):
            tree.tags[tag] = held.digest
            yield held.digest


def _add(registry: Reader, repository: Repository, digest: Digest, tree: Tree, depth: int) -> None:
    if digest in tree.manifests:
        return
    where = f"{repository}@{digest}"
    if depth > _DEPTH:
        raise RegistryError(f"an index in an index, {_DEPTH} deep", where=where)
    manifest = registry.manifest(repository.at(digest))
    if manifest.is_index:
        for child in manifest.children():
            _add(registry, repository, child.digest, tree, depth + 1)
    if len(tree.manifests) >= _MANIFESTS:
        raise RegistryError(f"more than {_MANIFESTS} manifests belong to it", where=where)
    tree.manifests[digest] = manifest


@define
class _Copy:
    registry: Copier
    source: Repository
    target: Repository
    progress: Progress
    _done: int = 0
    _total: int = 0
    _is_ended: bool = False
    _lock: Lock = field(factory=Lock)

    def has(self, manifest: Manifest) -> bool:
        """Return whether the target has a manifest, and so, as registries see to it, what it names."""
        return self.registry.resolve(self.target.at(manifest.digest)) is not None

    def parts(self, manifests: Iterable[Manifest]) -> tuple[list[Descriptor], list[Descriptor]]:
        """Return the blobs to copy, and the layers that stay where they are; each once."""
        blobs: dict[Digest, Descriptor] = {}
        foreign: dict[Digest, Descriptor] = {}
        for manifest in manifests:
            blobs |= {blob.digest: blob for blob in manifest.blobs()}
            foreign |= {layer.digest: layer for layer in manifest.foreign_layers()}
        for digest, layer in foreign.items():
            if not _is_restricted(layer) and self.registry.has_blob(self.source, digest):
                blobs[digest] = layer  # the URLs are only one more place
        return list(blobs.values()), [layer for digest, layer in foreign.items() if digest not in blobs]

    def blobs(self, wanted: Collection[Descriptor]) -> None:
        """Bring blobs to the target, some at once; the first error, or an interrupt, ends it."""
        self._total = sum(blob.size for blob in wanted)
        self._count(0)
        pool = ThreadPoolExecutor(max_workers=IN_FLIGHT)
        try:
            futures: list[Future[None]] = [pool.submit(self._blob, blob) for blob in wanted]
            for future in as_completed(futures):
                future.result()
        except BaseException:
            self._is_ended = True
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def tag(self, manifest: Manifest, tag: str) -> None:
        """Give a manifest a tag in the target, unless it has it."""
        held = self.registry.resolve(self.target.tagged(tag))
        if held is None or held.digest != manifest.digest:
            self.registry.put_manifest(manifest, self.target.tagged(tag))

    def list_referrers(self, subject: Digest, listed: tuple[Descriptor, ...]) -> None:
        """Let the target list what refers to a manifest: by itself, or else under the fallback tag."""
        there = self.registry.referrers(self.target, subject)
        if not {each.digest for each in listed} <= {each.digest for each in there}:
            self.tag(fallback_index((*there, *listed)), fallback_tag(subject))

    def _blob(self, blob: Descriptor) -> None:
        is_there = self.registry.mount_blob(blob.digest, self.source, self.target)
        if is_there or self.registry.has_blob(self.target, blob.digest):
            self._count(blob.size)
            return
        counted = 0

        def pieces() -> Iterator[bytes]:
            nonlocal counted
            self._count(-counted)  # an upload that begins again
            counted = 0
            for piece in self.registry.blob_pieces(self.source, blob):
                if self._is_ended:
                    raise RegistryError("the copy was ended", where=f"{self.target}@{blob.digest}")
                yield piece
                counted += len(piece)
                self._count(len(piece))

        self.registry.put_blob_pieces(self.target, blob, pieces)

    def _count(self, size: int) -> None:
        with self._lock:
            self._done += size
            self.progress(self._done, self._total)


def _is_restricted(layer: Descriptor) -> bool:
    """Whether a layer may not be distributed: OCI image-spec v1.1.1, layer.md; Docker's foreign layers."""
    return ".nondistributable." in layer.media_type or ".foreign." in layer.media_type


def _digest(source: Reference) -> Digest:
    if source.digest is None:
        raise RegistryError("only an image by its digest can be copied", where=str(source))
    return source.digest
