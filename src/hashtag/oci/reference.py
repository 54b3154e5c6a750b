"""References: where an image is, and which one."""

from __future__ import annotations

import re

from attrs import evolve, field, frozen

from hashtag.errors import InvalidReference
from hashtag.oci.digest import Digest

DOCKER_HUB = "docker.io"
LAYOUT = "oci-layout:"

# OCI distribution-spec v1.1.1, «Pulling manifests»: <name> and <reference>.
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_HOST = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)"
    r"(?::[0-9]{1,5})?"
)
_DOCKER_HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io")
_NAME_LIMIT = 255


def check_tag(tag: str) -> str:
    """Return `tag`; raise `InvalidReference` if no registry would take it."""
    if not _TAG.fullmatch(tag):
        wrong = next((c for c in tag if not re.fullmatch(r"[A-Za-z0-9._-]", c)), "")
        why = f"{wrong!r} cannot stand in one" if wrong else "it is empty, too long, or starts with . or -"
        raise InvalidReference(
            f"{tag!r} is not a tag: {why}",
            hint="a tag has at most 128 of A-Z a-z 0-9 _ . - and starts with a letter, a digit or _",
        )
    return tag


@frozen(order=True)
class Repository:
    """
    A registry and a name in it.

    Attributes:
        registry: `host[:port]`, or `oci-layout:FOLDER` for an OCI image layout.
        name: `group/project`; in a layout it may be empty, for the layout itself.
    """

    registry: str
    name: str = field(default="")

    @name.validator
    def _check(self, _: object, name: str) -> None:
        if self.is_layout and not name:
            return
        if not _NAME.fullmatch(name) or len(self.registry) + len(name) > _NAME_LIMIT:
            raise InvalidReference(
                f"{name!r} is not a repository name",
                hint="lower-case letters, digits and . _ - /, as in group/project",
            )

    @classmethod
    def parse(cls, text: str) -> Repository:
        """
        Read `host/name`, a Docker Hub short name, or `oci-layout:FOLDER[:name]`.

        `x`, `library/x`, `docker.io/x` and `index.docker.io/library/x` are one repository.
        """
        if text.startswith(LAYOUT):
            folder, _, name = text.removeprefix(LAYOUT).partition(":")
            if not folder:
                raise InvalidReference(f"{text!r} names no folder", hint="write oci-layout:FOLDER")
            return cls(LAYOUT + folder, name)
        host, slash, rest = text.partition("/")
        if not slash or not ("." in host or ":" in host or host == "localhost" or host != host.lower()):
            host, rest = DOCKER_HUB, text
        if host in _DOCKER_HUB_NAMES:
            host, rest = DOCKER_HUB, rest if "/" in rest else f"library/{rest}"
        if "@" in host:  # without the text: what stands before an @ may be a password
            raise InvalidReference(
                "a user stands before its registry", hint="credentials belong into docker login"
            )
        if not _HOST.fullmatch(host):
            raise InvalidReference(f"{host!r} is not a registry's host", hint="write host[:port]/name")
        return cls(host, rest)

    @property
    def is_layout(self) -> bool:
        """Whether this is a folder, not a server."""
        return self.registry.startswith(LAYOUT)

    @property
    def layout_folder(self) -> str:
        """The folder of a layout, as it was written."""
        return self.registry.removeprefix(LAYOUT)

    @property
    def familiar(self) -> str:
        """The short form that people write for Docker Hub: `debian` for `docker.io/library/debian`."""
        if self.registry != DOCKER_HUB:
            return str(self)
        return self.name.removeprefix("library/")

    def child(self, name: str) -> Repository:
        """Return the repository `name` below this one."""
        return Repository(self.registry, f"{self.name}/{name}" if self.name else name)

    def tagged(self, tag: str) -> Reference:
        """Return this repository's `tag`."""
        return Reference(self, tag)

    def at(self, digest: Digest) -> Reference:
        """Return this repository's manifest `digest`."""
        return Reference(self, None, digest)

    def __str__(self) -> str:
        if self.is_layout:
            return f"{self.registry}:{self.name}" if self.name else self.registry
        return f"{self.registry}/{self.name}"


@frozen(order=True)
class Reference:
    """One image: a repository with a tag, a digest, or both (then the digest decides)."""

    repository: Repository
    tag: str | None = field(default=None)
    digest: Digest | None = None

    @tag.validator
    def _check(self, _: object, tag: str | None) -> None:
        if tag is not None:
            check_tag(tag)

    @classmethod
    def parse(cls, text: str) -> Reference:
        """
        Read `[host/]name[:tag][@digest]`; without tag and digest it is `:latest`.

        In a layout: `oci-layout:FOLDER:name:tag`, `oci-layout:FOLDER:name@digest`.
        """
        rest, at, digest = text.partition("@")
        head, colon, tag = rest.rpartition(":")
        is_layout = rest.startswith(LAYOUT)
        # The colons of a scheme, of a port, and between a layout's folder and a name are no tag's.
        if not colon or "/" in tag or head + colon == LAYOUT or (is_layout and at and rest.count(":") == 2):
            return cls(Repository.parse(rest), None if at else "latest", Digest(digest) if at else None)
        return cls(Repository.parse(head), tag, Digest(digest) if at else None)

    @property
    def version(self) -> str:
        """What stands after `/manifests/`: the digest where there is one, else the tag."""
        return str(self.digest or self.tag)

    @property
    def familiar(self) -> str:
        """As people write it, with Docker Hub's names short."""
        return self.repository.familiar + self._suffix()

    def with_digest(self, digest: Digest) -> Reference:
        """Return the same reference, pinned."""
        return evolve(self, digest=digest)

    def without_digest(self) -> Reference:
        """Return the tag alone, `latest` where there is none."""
        return evolve(self, tag=self.tag or "latest", digest=None)

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return str(self.repository) + self._suffix()
