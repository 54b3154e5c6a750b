"""Named contexts that are images of a layout folder: `oci-layout://FOLDER[:NAME][@DIGEST]`."""

from __future__ import annotations

from pathlib import Path

from hashtag.errors import UnknownBase, did_you_mean
from hashtag.images.bases import BaseImage
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference
from hashtag.registry.bases import pin
from hashtag.registry.layout import Layout


def pin_in_layout(folder: Path, reference: Reference, platform: Platform) -> BaseImage:
    """
    Return the image that a reference of a layout names.

    By a name that the layout's index has; the name of a tag alone may be ours, `image:TAG`; and if there
    is but one image, it is that one (buildx build, resolveDigest; BuildKit ociindex, GetSingle).

    Raises:
        UnknownBase: It is not there, or not for this platform.
        RegistryError: What lies there is no layout.
    """
    repository = reference.repository
    layout = Layout(repository.layout_folder, folder)
    if reference.digest is not None:
        return pin(layout, reference, platform)
    index = layout.index()
    name = f"{repository.name}:{reference.tag}" if repository.name else str(reference.tag)
    found = index.named(name) or index.named(f"image:{name}") or index.only()
    if found is None:
        names = [each for each in index.names() if each]
        if not names:
            raise UnknownBase(f"there is no layout in {folder}, or no named image in it")
        raise UnknownBase(
            f"the layout {folder} has no image {name!r}",
            hint=did_you_mean(name, names) or f"it has: {', '.join(names[:10])}",
        )
    return pin(layout, repository.at(found.digest), platform)
