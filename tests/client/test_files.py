"""A file has the length that was told when it is sent, whatever others write to it meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from ockham_client import Client
from ockham_client.files import Measured


def test_a_file_without_a_length_is_refused(live: str) -> None:
    with Client(live) as client, pytest.raises(ValueError, match="no longer has 0 bytes"):
        client.add_dataset("/proc/cpuinfo", "y")


@pytest.mark.parametrize("change", [b"a,y\n1,2\n3,4\n", b"a,y"])
def test_a_file_that_changes_is_refused(live: str, tmp_path: Path, change: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"a,y\n1,2\n")
    with path.open("rb") as opened:
        sent: Any = Measured(opened)
        path.write_bytes(change)
        with pytest.raises(ValueError, match=r"table\.csv no longer has 8 bytes"):
            httpx.post(f"{live}/v1/datasets", files={"train": ("table.csv", sent)})


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(bytes(range(10)))
    with path.open("rb") as opened:
        sent = Measured(opened)
        assert sent.seek(0, 2) == 10
        assert sent.seek(4) == sent.tell() == 4
        assert sent.read(3) + sent.read() + sent.read() == bytes(range(4, 10))
