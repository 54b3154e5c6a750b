"""Sizes as people write them: `64m`, `1.5 GiB` (docker/go-units, RAMInBytes)."""

from __future__ import annotations

import re
from typing import Final

_SIZE: Final = re.compile(
    r"\+?([0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18}) ?(?:([kmgtp])(?:i?b)?|b)?", re.IGNORECASE | re.ASCII
)
_POWERS: Final = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def size_in_bytes(text: str) -> int | None:
    """Return a size, units counted by 1024; None where the text is none."""
    match = _SIZE.fullmatch(text)
    if not match:
        return None
    factor: int = 1024 ** _POWERS.get((match[2] or "").lower(), 0)
    return int(float(match[1]) * factor)
