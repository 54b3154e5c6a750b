"""Names: of an image after its Dockerfile, and where it lives."""

from __future__ import annotations

import posixpath
import re
from hashlib import sha256

from hashtag.errors import ConfigError, InvalidReference
from hashtag.oci.reference import DOCKER_HUB, LAYOUT, Repository

# Ignore files; templates, which another tool renders first; what editors and merges leave behind.
_NO_DOCKERFILES = (
    ".dockerignore", ".j2", ".jinja", ".jinja2", ".tmpl", ".tpl", ".template", ".in", ".erb", ".m4",
    ".orig", ".rej", ".bak", ".swp", "~",
)  # fmt: skip
ROOT = "image"  # the name of the image of the Dockerfile at the top
_PLAIN = ("Dockerfile", "Containerfile")
_SLUG_DIGITS = 8  # of a digest: two of a project's thousand branches meet once in ten thousand projects


def is_dockerfile(name: str) -> bool:
    """Whether a file of this name is taken for a Dockerfile."""
    if name.endswith(_NO_DOCKERFILES):
        return False
    return (
        name in _PLAIN
        or (name.startswith("Dockerfile.") and name != "Dockerfile.")
        or (name.endswith((".Dockerfile", ".docker")) and not name.startswith("."))
    )


def is_plain(dockerfile: str) -> bool:
    """Whether the image is named after the folder, not after the file."""
    return posixpath.basename(dockerfile) in _PLAIN


def is_root(dockerfile: str) -> bool:
    """Whether this is the Dockerfile at the top: its image lives at the repository itself."""
    return dockerfile in _PLAIN


def stem(dockerfile: str) -> str:
    """Return the short name: `web` of `web.Dockerfile`, `web.docker`, `Dockerfile.web`, `web/Dockerfile`."""
    if is_root(dockerfile):
        return ROOT
    name = posixpath.basename(dockerfile)
    if name in _PLAIN:
        return posixpath.basename(posixpath.dirname(dockerfile))
    if name.startswith("Dockerfile."):
        return name.removeprefix("Dockerfile.")
    return name.rsplit(".", 1)[0] or name


def long_name(dockerfile: str) -> str:
    """Return the name with all folders: `services/a/docker` of `services/a/docker/Dockerfile`."""
    folder = posixpath.dirname(dockerfile)
    return folder if is_plain(dockerfile) and folder else posixpath.join(folder, stem(dockerfile))


def printable(text: str) -> str:
    """Return the text as it can be shown: with escapes where a terminal would obey, or could not show it."""
    return text if text.isprintable() else ascii(text)[1:-1]


def is_name(text: str) -> bool:
    """Whether an image can have this name: the part of a repository's name behind its group."""
    try:
        Repository("localhost", text)
    except InvalidReference:
        return False
    return True


def slug(text: str, *, limit: int = 60) -> str:
    """
    Return a text that can be a tag, or a part of one.

    A text of lower-case letters, digits and `-`, not too long, is its own slug. Any other ends in
    a digest of the whole, so that `a/b` and `a-b` stay apart; so does one that seems to end so.
    """
    is_plain_text = re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", text) and not re.search(
        r"(?:^|-)[0-9a-f]{8}$", text
    )
    if len(text) <= limit and is_plain_text:
        return text
    readable = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    digest = sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_SLUG_DIGITS]
    return f"{readable[: limit - _SLUG_DIGITS - 1].rstrip('-')}-{digest}".lstrip("-")


def fill(template: str, **values: str) -> str:
    """Fill in `{repository}` and `{name}`; raise `ConfigError` for any other word in braces."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            known = " and ".join(f"{{{name}}}" for name in values)
            raise ConfigError(f"{found.group()!r} has no meaning here", hint=f"known are {known}")
        return values[found[1]]

    return re.sub(r"\{([^{}]*)\}", value, template)


def repository_of(template: str, repository: str | None, **values: str) -> Repository | None:
    """
    Return where a template such as `{repository}/{name}` leads; None where it needs what is not known.

    The text is put together before it is read: `docker.io/org` is a group, `docker.io/org/web` an image.
    """
    if "{repository}" not in template:
        return Repository.parse(fill(template, **values))
    if not template.startswith("{repository}"):
        raise ConfigError(
            f"{template!r} has to start with {{repository}}, or to do without it",
            hint='the default is "{repository}/{name}"',
        )
    rest = fill(template.removeprefix("{repository}"), **values)
    if repository is None:
        return None
    if repository.startswith(LAYOUT):
        layout = Repository.parse(repository)
        return Repository(layout.registry, (layout.name + rest).lstrip("/"))
    # docker.io/org, once parsed, reads docker.io/library/org; below library/ there is one level only.
    is_group = rest.startswith("/") and repository.startswith(f"{DOCKER_HUB}/library/")
    return Repository.parse((repository.replace("library/", "", 1) if is_group else repository) + rest)
