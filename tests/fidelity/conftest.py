"""What the oracles share: a Docker engine for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers.docker_engine import Engine, start_engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return an engine with Debian's BuildKit; it is ended after the last test."""
    running = start_engine(tmp_path_factory.mktemp("docker-engine"))
    yield running
    running.stop()
