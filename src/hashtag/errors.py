"""One tree of errors: what went wrong, where, and what to do about it.

Every error that a user can cause is a `HashtagError`. It carries a stable `code` (a page of the
documentation each), the exit `status` of the command line, and a `hint` that can be pasted.
Anything else that is raised is a bug of this library.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

FAILED = 1
USAGE = 2
DENIED = 3
UNREACHABLE = 4
REFUSED = 5


class Location(NamedTuple):
    """A place in a text file: `path:line:column`, both counted from 1, and the line itself."""

    path: str
    line: int
    column: int = 1
    source: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class HashtagError(Exception):
    """
    Something that a user, a repository or a registry caused.

    Attributes:
        what: The sentence, without the place.
        where: `path:line:column`, a path, a host or a reference; empty where there is no place.
        location: The place in a file, with the source line, where there is one.
        hint: What to type or change; empty where nothing helps.
        warnings: What was noticed before, and may explain it.
    """

    code: ClassVar[str] = "HT000"
    status: ClassVar[int] = FAILED

    def __init__(self, what: str, *, where: Location | str = "", hint: str = "") -> None:
        super().__init__(f"{where}: {what}" if where else what)
        self.what = what
        self.where = str(where)
        self.location = where if isinstance(where, Location) else None
        self.hint = hint
        self.warnings: tuple[str, ...] = ()


class SeveralErrors(HashtagError):
    """All that is wrong with one input, in the order found; code and status are the first one's."""

    def __init__(self, errors: Sequence[HashtagError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = tuple(errors)
        self.code = errors[0].code  # type: ignore[misc]  # an instance answers for its first error
        self.status = errors[0].status  # type: ignore[misc]


def raise_all(errors: Iterable[HashtagError], warnings: Iterable[str] = ()) -> None:
    """Raise what there is: nothing, the one error, or all together; with what was noticed before."""
    match list(errors):
        case []:
            return
        case [only]:
            error = only
        case several:
            error = SeveralErrors(several)
    error.warnings = (*warnings, *error.warnings)
    raise error


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean 'x'?` for the nearest known word, or nothing."""
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


# ── 00x: names and values ────────────────────────────────────────────────────────────────────────


class InvalidDigest(HashtagError):
    """A text is not `sha256:` and 64 lower-case hex digits."""

    code = "HT001"


class InvalidReference(HashtagError):
    """A text is no image reference, repository or tag of the OCI distribution specification."""

    code = "HT002"
    status = USAGE


class InvalidPlatform(HashtagError):
    """A text is not `os/architecture[/variant]`."""

    code = "HT003"
    status = USAGE


# ── 01x: reading Dockerfiles ─────────────────────────────────────────────────────────────────────


class DockerfileError(HashtagError):
    """BuildKit would refuse this Dockerfile."""

    code = "HT010"


class ExpansionError(DockerfileError):
    """A variable expansion is malformed, or `${name:?message}` found no value."""

    code = "HT011"


class UnknownStage(DockerfileError):
    """A target or `--from` names a stage that is not there."""

    code = "HT012"


class UnsupportedConstruct(DockerfileError):
    """A construct that cannot be understood exactly, so that no fingerprint would be true."""

    code = "HT013"


class UnsetBase(DockerfileError):
    """A FROM names no image, because a variable in it has no value."""

    code = "HT014"


# ── 02x: images and their bases ──────────────────────────────────────────────────────────────────


class Cycle(HashtagError):
    """Images, or stages, that are each other's base."""

    code = "HT020"


class UnknownBase(HashtagError):
    """An external base has no digest: neither given, nor locked, nor found in a registry."""

    code = "HT021"


class UnknownImage(HashtagError):
    """A selected image is not one of this project's."""

    code = "HT022"
    status = USAGE


class DuplicateImage(HashtagError):
    """Two images have one name."""

    code = "HT023"
    status = USAGE


class MissingParent(HashtagError):
    """A base names an image of this project that does not exist or cannot be planned."""

    code = "HT024"


# ── 03x: the build context ───────────────────────────────────────────────────────────────────────


class IgnoreError(HashtagError):
    """A `.dockerignore` that BuildKit would refuse."""

    code = "HT030"


class MissingSource(HashtagError):
    """A COPY, ADD or bind mount names what the build context does not hold."""

    code = "HT031"


class UnreadableFile(HashtagError):
    """A file or folder could not be read."""

    code = "HT032"


class FileChanged(HashtagError):
    """A file changed while it was read."""

    code = "HT033"


class OutputInContext(HashtagError):
    """A file that hashtag itself writes lies in a selected context."""

    code = "HT034"


# ── 04x: configuration and usage ─────────────────────────────────────────────────────────────────


class ConfigError(HashtagError):
    """A setting is unknown, malformed, or missing."""

    code = "HT040"
    status = USAGE


class UsageError(HashtagError):
    """The command line is off."""

    code = "HT041"
    status = USAGE


class InvalidDocument(HashtagError):
    """A saved plan, a file of bases, or another document of ours is malformed or of another version."""

    code = "HT042"


class FileNotWritten(HashtagError):
    """An output of the command could not be written."""

    code = "HT043"


# ── 05x: registries ──────────────────────────────────────────────────────────────────────────────


class RegistryError(HashtagError):
    """A registry answered what the distribution specification does not allow."""

    code = "HT050"


class AccessDenied(RegistryError):
    """A registry refused the credentials, or the rights they carry."""

    code = "HT051"
    status = DENIED


class RegistryUnreachable(RegistryError):
    """A registry gave no usable answer within the budget of retries."""

    code = "HT052"
    status = UNREACHABLE


class ManifestMissing(RegistryError):
    """A manifest or blob that has to be there is not."""

    code = "HT053"


class CredentialsError(RegistryError):
    """A file or variable with logins cannot be read, or is malformed."""

    code = "HT054"
    status = USAGE


class UntrustedAnswer(RegistryError):
    """A registry's redirect, realm or location would send credentials where they do not belong."""

    code = "HT055"
    status = REFUSED


class HelperFailed(CredentialsError):
    """A credential helper is not there, fails, or does not answer."""

    code = "HT056"
    status = DENIED


# ── 06x: refused for safety ──────────────────────────────────────────────────────────────────────


class StalePlan(HashtagError):
    """What a plan was made from is no longer so."""

    code = "HT060"
    status = REFUSED


class TagOccupied(HashtagError):
    """A tag holds something that is not ours to replace."""

    code = "HT061"
    status = REFUSED


class PromotionRefused(HashtagError):
    """A published tag is not moved: it could go back in time, or mean something else."""

    code = "HT062"
    status = REFUSED


class PruneStopped(HashtagError):
    """Nothing more is deleted: something is not known for certain."""

    code = "HT063"
    status = REFUSED


class UntrustedPlan(HashtagError):
    """A plan says what no pipeline of this project would have planned."""

    code = "HT064"
    status = REFUSED


# ── 07x: builders ────────────────────────────────────────────────────────────────────────────────


class BuilderMissing(HashtagError):
    """No builder that can do this build is installed."""

    code = "HT070"


class BuildFailed(HashtagError):
    """A builder ended with an error."""

    code = "HT071"


class UnsupportedBuild(HashtagError):
    """The builder cannot do this build exactly as it was hashed."""

    code = "HT072"
    status = REFUSED
