"""What `-v` and `-vv` show on standard error: what is asked of registries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hashtag.cli.terminal import say

# Requests that are made again, then every request.
_LOGGERS = ("hashtag.registry", "hashtag.requests")


@contextmanager
def logged(verbosity: int) -> Iterator[None]:
    """Print what the library logs while this lasts: with 1 what is asked again, with 2 each request."""
    if not verbosity:
        yield
        return
    import logging  # costs what a run without -v need not pay

    class Printed(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(f"debug: {record.getMessage()}")

    printed = Printed()
    loggers = [logging.getLogger(name) for name in _LOGGERS[:verbosity]]
    before = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.addHandler(printed)
        logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for logger, level in before:
            logger.removeHandler(printed)
            logger.setLevel(level)
