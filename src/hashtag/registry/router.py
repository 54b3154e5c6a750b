"""The registry that the flow is given: folders and servers behind one door."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Self

from attrs import evolve

from hashtag.oci.digest import Digest
from hashtag.oci.manifest import Descriptor, Manifest
from hashtag.oci.ports import Writer
from hashtag.oci.reference import Reference, Repository
from hashtag.oci.removal import Removal
from hashtag.registry.layout import Layout
from hashtag.registry.settings import RegistrySettings

if TYPE_CHECKING:
    from hashtag.registry.client import HttpRegistry
    from hashtag.registry.login import Login
    from hashtag.registry.messages import Pieces


class Registry:
    """
    Where a project's images are, and all registries that it reads bases from.

    It has all the ports of `hashtag.oci.ports`, and any thread may call it. `oci-layout:FOLDER`
    is served from the folder, every other registry over HTTP. If its own repository is a folder, the
    images of other registries that lie in it are served from there.

    Attributes:
        repository: Its own.
    """

    def __init__(
        self,
        repository: Repository,
        http: Callable[[], HttpRegistry],
        *,
        layout_root: Path | None = None,
        mirrors: Mapping[str, str] | None = None,
    ) -> None:
        """
        Connect nothing yet.

        Args:
            repository: Its own.
            http: Returns the client for all that is not in a folder; called once, when it is needed.
            layout_root: What the folders of layouts are relative to; default: the working directory.
            mirrors: For reading other repositories: registry → `host[/path]` to read from instead.
        """
        self.repository = repository
        self._connect = http
        self._connected: HttpRegistry | None = None
        self._layout_root = layout_root or Path()
        self._mirrors = dict(mirrors or {})
        self._layouts: dict[str, Layout] = {}
        self._lock = Lock()

    @classmethod
    def from_environment(
        cls,
        repository: str | None = None,
        *,
        creds: str | None = None,
        ca: str | Path | None = None,
        environ: Mapping[str, str] | None = None,
        insecure: Collection[str] = (),
        budget_seconds: float = 30,
        layout_root: Path | None = None,
        mirrors: Mapping[str, str] | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> Registry:
        """
        Return the registry that a CI job or a shell is set up for.

        Args:
            repository: `host/name` or `oci-layout:FOLDER`; default: HASHTAG_REPOSITORY or CI_REGISTRY_IMAGE.
            creds: `user:password` for it; default: as Docker, podman and GitLab CI keep them.
            ca: Certificates to trust besides the system's: a file, or PEM text.
            environ: Default: this process's.
            insecure: Hosts that may be spoken to without TLS; loopback ones always may.
            budget_seconds: How long a failing registry is asked again.
            layout_root: What the folders of layouts are relative to.
            mirrors: `{"docker.io": "mirror.example.com/docker.io"}`: where other repositories are read.
            warn: Told what registries warn of, each once; default: the log.

        Raises:
            ConfigError: No repository is named.
        """
        settings = RegistrySettings.gather(repository, creds, ca, environ)
        http = partial(settings.connect, insecure, budget_seconds, warn)
        registry = cls(settings.repository, http, layout_root=layout_root, mirrors=mirrors)
        if not settings.repository.is_layout:  # what is wrong with the settings shows at once
            _ = registry._http
        return registry

    def __repr__(self) -> str:
        return f"Registry({str(self.repository)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def give_up(self) -> None:
        """Ask nothing again that fails: who asked is about to end; a signal's handler may say so."""
        if self._connected is not None:
            self._connected.give_up()

    def close(self) -> None:
        """Close all connections."""
        if self._connected is not None:
            self._connected.close()

    def resolve(self, reference: Reference) -> Descriptor | None:
        """Return the descriptor, or None where it is not there; costs a HEAD."""
        local = self._local(reference.repository)
        found = local.resolve(reference) if local else None
        if found or reference.repository.is_layout:
            return found
        return self._http.resolve(self._mirrored(reference))

    def manifest(self, reference: Reference) -> Manifest:
        """Return the very bytes, verified against their digest; raise `ManifestMissing`."""
        local = self._local(reference.repository)
        if local and (reference.repository.is_layout or local.resolve(reference)):
            return local.manifest(reference)
        return self._http.manifest(self._mirrored(reference))

    def blob(self, repository: Repository, digest: Digest) -> bytes:
        """Return a small blob (at most 16 MiB), verified; raise `ManifestMissing`."""
        local = self._local(repository)
        if local and (repository.is_layout or local.has_blob(repository, digest)):
            return local.blob(repository, digest)
        return self._http.blob(self._mirror(repository), digest)

    def put_manifest(self, manifest: Manifest, reference: Reference) -> Digest:
        """Store the very bytes under the reference; return the digest the registry gave."""
        return self._writer(reference.repository).put_manifest(manifest, reference)

    def put_blob(self, repository: Repository, content: bytes) -> Digest:
        """Store the bytes, if they are not there yet; return their digest."""
        return self._writer(repository).put_blob(repository, content)

    def tags(self, repository: Repository) -> Iterator[str]:
        """Yield every tag, in the registry's order; nothing for a repository that is not there."""
        if repository.is_layout:
            return self._layout(repository).tags(repository)
        return self._http.tags(self._mirror(repository))

    def has_blob(self, repository: Repository, digest: Digest) -> bool:
        """Return whether a blob is there; costs a HEAD."""
        if repository.is_layout:
            return self._layout(repository).has_blob(repository, digest)
        return self._http.has_blob(repository, digest)

    def blob_pieces(self, repository: Repository, blob: Descriptor) -> Iterator[bytes]:
        """Yield a blob's bytes; the last ones not before all are verified."""
        if repository.is_layout:
            return self._layout(repository).blob_pieces(repository, blob)
        return self._http.blob_pieces(self._mirror(repository), blob)

    def put_blob_pieces(self, repository: Repository, blob: Descriptor, pieces: Pieces) -> None:
        """Store the bytes that `pieces` yields, from their start again where the connection breaks."""
        self._writer(repository).put_blob_pieces(repository, blob, pieces)

    def mount_blob(self, digest: Digest, source: Repository, target: Repository) -> bool:
        """Let a repository have a blob of another on the same server; return whether it did."""
        return self._writer(target).mount_blob(digest, source, target)

    def referrers(self, repository: Repository, digest: Digest) -> tuple[Descriptor, ...]:
        """Return the manifests whose subject is this one; nothing where there are none."""
        if repository.is_layout:
            return self._layout(repository).referrers(repository, digest)
        return self._http.referrers(self._mirror(repository), digest)

    def check_access(self, *, push: bool) -> Login | None:
        """
        Return who we are to its own repository, None for a stranger, if it may be read, and written to.

        Nothing is written.

        Raises:
            AccessDenied: It may not.
        """
        if self.repository.is_layout:
            self._layout(self.repository).check_access(push=push)
            return None
        return self._http.check_access(self.repository, push=push)

    def layout_path(self, repository: Repository) -> Path:
        """Return where the folder of a layout is."""
        return self._layout_root / repository.layout_folder

    def remove_tag(self, reference: Reference) -> Removal:
        """Delete a tag alone; other tags of its manifest stay."""
        return self._writer(reference.repository).remove_tag(reference)

    def remove_manifest(self, repository: Repository, digest: Digest) -> Removal:
        """Delete a manifest, and with it every tag that holds it."""
        return self._writer(repository).remove_manifest(repository, digest)

    @property
    def _http(self) -> HttpRegistry:
        with self._lock:
            if self._connected is None:
                self._connected = self._connect()
            return self._connected

    def _writer(self, repository: Repository) -> Writer:
        return self._layout(repository) if repository.is_layout else self._http

    def _local(self, repository: Repository) -> Layout | None:
        """Return the folder to look in first: the reference's own, or the project's."""
        if repository.is_layout:
            return self._layout(repository)
        return self._layout(self.repository) if self.repository.is_layout else None

    def _layout(self, repository: Repository) -> Layout:
        folder = repository.layout_folder
        with self._lock:
            if folder not in self._layouts:
                self._layouts[folder] = Layout(folder, self._layout_root / folder)
            return self._layouts[folder]

    def _mirrored(self, reference: Reference) -> Reference:
        return evolve(reference, repository=self._mirror(reference.repository))

    def _mirror(self, repository: Repository) -> Repository:
        mirror = self._mirrors.get(repository.registry)
        if mirror is None or self._is_own(repository):
            return repository
        host, _, path = mirror.partition("/")
        return Repository(host, f"{path}/{repository.name}" if path else repository.name)

    def _is_own(self, repository: Repository) -> bool:
        own = self.repository
        return repository == own or (
            repository.registry == own.registry and repository.name.startswith(f"{own.name}/")
        )
