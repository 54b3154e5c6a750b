"""What tests of several packages share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hashtag.testing import MemoryRegistry
from servers.docker_registry import RunningRegistry, start_registry


@pytest.fixture
def memory_registry() -> MemoryRegistry:
    """Return a registry in memory whose own repository is `registry.example/app`."""
    return MemoryRegistry()


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """Return a real registry without passwords or TLS; tests share it and use repositories of their own."""
    running = start_registry(tmp_path_factory.mktemp("docker-registry"))
    yield running
    running.stop()
