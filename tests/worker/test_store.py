"""Prepared directories are kept as long as there is room, those used last."""

from __future__ import annotations

import os
import time
from pathlib import Path

from worker.data.store import RECENT_SECONDS, kept, read, trim


def test_what_is_longest_unused_goes_first_and_what_is_in_use_stays(tmp_path: Path) -> None:
    def build(partial: Path) -> None:
        (partial / "rows").write_bytes(bytes(1000))

    directories = [kept(tmp_path / f"d{i}", build) for i in range(5)]
    for i, directory in enumerate(directories):
        os.utime(directory, (0, time.time() - 10_000 + i))
    kept(directories[0], build)  # used again
    trim(tmp_path, 3000)
    assert [each.is_dir() for each in directories] == [True, False, False, True, True]
    trim(tmp_path, 0)
    assert [each.is_dir() for each in directories] == [True, False, False, False, False]
    assert not list(tmp_path.glob("*.partial"))
    assert kept(directories[1], build).is_dir()


def test_what_is_read_file_by_file_stays_and_others_go_instead(tmp_path: Path) -> None:
    def build(partial: Path) -> None:
        (partial / "rows").write_bytes(bytes(1000))

    directories = [kept(tmp_path / f"d{i}", build) for i in range(3)]
    for i, directory in enumerate(directories):
        os.utime(directory, (0, time.time() - 10 * RECENT_SECONDS + i))
    with read(directories[0]):
        trim(tmp_path, 2000)
        assert [each.is_dir() for each in directories] == [True, False, True]
        trim(tmp_path, 0)
        assert [each.is_dir() for each in directories] == [True, False, False]
    trim(tmp_path, 0)
    assert not directories[0].exists()
