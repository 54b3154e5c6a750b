"""Messages through pipes: the length, then the bytes."""

from __future__ import annotations

import os

_LENGTH = 8


class EndOfPipe(Exception):  # no error: that is how either side learns that the other is gone
    """The other side closed the pipe, or ended."""


def send(descriptor: int, message: bytes) -> None:
    """Write a message; wait where the pipe is full."""
    rest = memoryview(len(message).to_bytes(_LENGTH) + message)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def receive(descriptor: int) -> bytes:
    """Return the next message; raise `EndOfPipe` where there is none."""
    return _read(descriptor, int.from_bytes(_read(descriptor, _LENGTH)))


def _read(descriptor: int, size: int) -> bytes:
    buffer = bytearray(size)
    rest = memoryview(buffer)
    while rest:
        read = os.readv(descriptor, [rest])
        if not read:
            raise EndOfPipe
        rest = rest[read:]
    return bytes(buffer)
