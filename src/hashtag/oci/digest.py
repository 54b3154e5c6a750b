"""Digests: the addresses of bytes."""

from __future__ import annotations

import re
from hashlib import sha256

from attrs import field, frozen

from hashtag.errors import InvalidDigest

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


@frozen(order=True)
class Digest:
    """The address of some bytes: `sha256:` and 64 lower-case hex digits."""

    text: str = field()

    @text.validator
    def _check(self, _: object, text: str) -> None:
        if not _SHA256.fullmatch(text):
            raise InvalidDigest(
                f"not a digest: {text!r}", hint="a digest is sha256: and 64 hex digits in lower case"
            )

    @classmethod
    def of(cls, content: bytes) -> Digest:
        """Return the digest of these bytes."""
        return cls(f"sha256:{sha256(content).hexdigest()}")

    @property
    def hex(self) -> str:
        """The 64 hex digits."""
        return self.text.removeprefix("sha256:")

    def __str__(self) -> str:
        return self.text
