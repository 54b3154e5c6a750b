"""Bytes on their way, checked against their descriptor. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

from hashtag.errors import RegistryError
from hashtag.oci.manifest import Descriptor


def verified(pieces: Iterable[bytes], blob: Descriptor, where: str) -> Iterator[bytes]:
    """
    Yield the pieces of a blob; the last one not before all are known to be right.

    Raises:
        RegistryError: They are more, fewer, or others than the descriptor says.
    """
    hasher, left = sha256(), blob.size
    for piece in pieces:
        left -= len(piece)
        hasher.update(piece)
        if left < 0 or (left == 0 and hasher.hexdigest() != blob.digest.hex):
            raise RegistryError("the blob's bytes are not those of its digest", where=where)
        yield piece
    if left or hasher.hexdigest() != blob.digest.hex:
        raise RegistryError(f"the blob ends {left} bytes before its end", where=where)
