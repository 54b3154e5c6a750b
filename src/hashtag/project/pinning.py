"""PIN: external bases to digests, or at its place in a Dockerfile why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag.errors import HashtagError, SeveralErrors, UnknownBase, did_you_mean, raise_all
from hashtag.images.bases import BaseImage, KnownBases
from hashtag.images.linking import Links
from hashtag.images.lowered import External
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference

if TYPE_CHECKING:
    from hashtag.oci.ports import Reader


def pin(
    bases: Iterable[External],
    known: KnownBases,
    registry: Reader | None,
    links: Links,
    stages: Callable[[External], Iterable[str]],
    folder: Path,
) -> dict[External, HashtagError]:
    """
    Pin what a registry knows; return why the others are not pinned.

    Args:
        stages: Returns the names that a base may have been meant to be.
        folder: What the folders of layouts are relative to.

    Raises:
        RegistryError: A registry did not answer, or gave no access: nothing said of any image would be true.
    """
    wanted = {(base.reference, base.platform): base for base in bases}
    answers = {key: _in_layout(base, folder) for key, base in wanted.items() if _is_local(base)}
    answers |= _in_registry({key: base for key, base in wanted.items() if key not in answers}, registry)
    failures: dict[External, HashtagError] = {}
    fatal: list[HashtagError] = []
    for key, answer in answers.items():
        base = wanted[key]
        match answer:
            case BaseImage():
                known.pin(key[0], key[1], answer)
            case UnknownBase(what=what, hint=hint):
                hints = _hints(base, links, stages(base), hint)
                failures[base] = UnknownBase(what, where=base.location, hint=hints)
            case error:
                fatal.append(_placed(error, base, _hints(base, links, stages(base), error.hint)))
    raise_all(fatal)
    return failures


def _is_local(base: External) -> bool:
    """Whether a base is a named context in a folder, not an image that a registry may hold."""
    return base.reference.repository.is_layout


def _in_layout(base: External, folder: Path) -> BaseImage | HashtagError:
    from hashtag.registry.layout_context import pin_in_layout

    try:
        return pin_in_layout(folder / base.reference.repository.layout_folder, base.reference, base.platform)
    except HashtagError as error:
        return error


def _in_registry(
    wanted: Mapping[tuple[Reference, Platform], External], registry: Reader | None
) -> Mapping[tuple[Reference, Platform], BaseImage | HashtagError]:
    if not wanted:
        return {}
    if registry is None:
        return {key: _not_given(base) for key, base in wanted.items()}
    from hashtag.registry.bases import pin_each

    return pin_each(registry, wanted)


def remedy(base: External, links: Links) -> str:
    """Return what to configure where an external base has the name of an image of the project."""
    like = links.looks_internal(base.reference, child="")
    pattern = base.reference.repository.familiar
    return like and (
        f'if {base.reference.familiar} means the image {like} of this project, add known-as = ["{pattern}"] '
        f'to its [[image]]; if not, external = ["{pattern}"]'
    )


def _hints(base: External, links: Links, stages: Iterable[str], otherwise: str) -> str:
    near = did_you_mean(base.written.lower(), stages)
    stage = near.replace("did you mean", "did you mean the stage")
    return "\n".join(filter(None, (stage, remedy(base, links) or otherwise)))


def _placed(error: HashtagError, base: External, hint: str) -> HashtagError:
    """Return a registry's error as one of the Dockerfile's line."""
    if isinstance(error, SeveralErrors):
        return SeveralErrors([_placed(each, base, hint) for each in error.errors])
    place = f"{error.where}: " if error.where else ""
    placed = type(error)(
        f"base {base.reference.familiar}: {place}{error.what}", where=base.location, hint=hint
    )
    placed.__cause__ = error
    return placed


def _not_given(base: External) -> UnknownBase:
    name = base.reference.familiar
    return UnknownBase(
        f"base {name} has no digest, and there is no registry to ask",
        where=base.location,
        hint=f"give it: --base {name}=sha256:…",
    )
