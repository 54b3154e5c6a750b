"""Durations as Go writes them: `1h2m`, `300ms`, `1.5s` (Go time.ParseDuration)."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^.0-9]+)")
_LARGEST: Final = 2**63 - 1


def nanoseconds(text: str) -> int | None:
    """Return a duration; None where it is malformed or needs more than 64 bits."""
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    total = at = 0
    while at < len(rest) or not rest:
        match = _PART.match(rest, at)
        part = _part(match) if match else None
        if match is None or part is None:
            return None
        total += part
        if total > _LARGEST + 1:
            return None
        at = match.end()
    return None if sign > 0 and total > _LARGEST else sign * total


def _part(match: re.Match[str]) -> int | None:
    digits, fraction, unit = match[1], match[2] or "", _UNITS.get(match[3])
    if unit is None or not (digits or fraction) or len(digits.lstrip("0")) > 19:
        return None
    return int(digits.lstrip("0") or "0") * unit + _fraction(fraction, unit)


def _fraction(digits: str, unit: int) -> int:
    # In floating point, and up to the digits that 63 bits hold, as Go counts it.
    count, scale = 0, 1.0
    for digit in digits:
        longer = count * 10 + int(digit)
        if count > _LARGEST // 10 or longer > _LARGEST + 1:
            break
        count, scale = longer, scale * 10
    return int(float(count) * (float(unit) / scale))
