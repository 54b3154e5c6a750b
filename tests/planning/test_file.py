"""Files that the caller names: replaced at once, where they are files."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

from hashtag.planning.file import replace_text


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    replace_text(tmp_path / "a", "new")

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new"}


def test_a_link_stays_one_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")

    replace_text(tmp_path / "link", "new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_pipe_stays_one_and_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()

    replace_text(pipe, "new")

    reader.join()
    assert read == ["new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_stays_one() -> None:
    replace_text("/dev/null", "new")

    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_what_is_open_by_a_name_is_written_to(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+") as file:
        replace_text(f"/dev/fd/{file.fileno()}", "new")

        assert (tmp_path / "out").read_text() == "new"
        assert os.path.samestat(os.fstat(file.fileno()), (tmp_path / "out").stat())
