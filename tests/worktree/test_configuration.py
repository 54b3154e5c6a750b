"""The configuration file where something else stands in its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hashtag.errors import ConfigError
from hashtag.worktree.configuration import find


@pytest.mark.parametrize("name", ["hashtag.toml", "pyproject.toml"])
def test_a_pipe_in_place_of_the_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)

    with pytest.raises(ConfigError, match="cannot be read: it is not a file") as caught:
        find(tmp_path)

    assert caught.value.where == name
