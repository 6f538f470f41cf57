"""Work in a process of its own."""

from __future__ import annotations

import pytest

from models import apart


def test_what_no_pipe_holds_arrives_whole_however_often_is_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[None] = []
    monkeypatch.setattr(apart, "LOOK_SECONDS", 0.001)  # it is looked at before it has begun to read
    asked = "x" * 1_000_000
    told = apart.run_apart("json.tool", asked, 10, 1 << 30, lambda: looks.append(None))
    assert told == {"asked": asked, "seconds": 10, "memory": 1 << 30}, "json.tool says what it was told"
    assert looks
