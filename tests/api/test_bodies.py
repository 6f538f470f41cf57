"""Answers that were made before are given again, until something changes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.conditional import Bodies
from models.database import Database
from reporting import plots
from tests.api.conftest import Trainer, submit


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for each figure that is drawn."""
    draw, lines = plots.draw, list[str]()

    def counted(*given: Any) -> bytes:
        lines.append("drawn")
        return draw(*given)

    monkeypatch.setattr(plots, "draw", counted)
    return lines


def test_a_figure_is_drawn_once_until_an_epoch_is_recorded(
    http: httpx.Client, database: Database, drawn: list[str]
) -> None:
    job, trainer = submit(http), Trainer(database)
    held = trainer.claim()
    trainer.record(held, 1)
    address = f"/v1/jobs/{job['id']}/plots/val_loss.png"
    first, again = http.get(address), http.get(address)
    assert (first.content, first.headers["ETag"]) == (again.content, again.headers["ETag"])
    assert (again.headers["Content-Type"], again.headers["Cache-Control"]) == ("image/png", "private, no-cache")
    assert len(drawn) == 1
    assert http.get(address, headers={"If-None-Match": again.headers["ETag"]}).status_code == 304
    trainer.record(held, 2)
    assert http.get(address).content != first.content
    assert http.get(address, params={"theme": "dark"}).content != first.content
    assert len(drawn) == 3


def test_what_is_made_from_numbers_is_given_again_as_it_was(http: httpx.Client, database: Database) -> None:
    job = submit(http)
    Trainer(database).train(2)
    for resource in ("metrics", "analysis", "report.html"):
        first, again = (http.get(f"/v1/jobs/{job['id']}/{resource}") for _ in range(2))
        assert first.content == again.content
        assert first.headers["Content-Type"] == again.headers["Content-Type"]
    assert http.delete(f"/v1/jobs/{job['id']}").status_code == 204
    assert http.get(f"/v1/jobs/{job['id']}/metrics").status_code == 404


def test_kept_answers_are_bounded_and_the_longest_unused_go_first() -> None:
    bodies = Bodies(most_bytes=80)
    for name in "abcdefgh":
        bodies.keep(name, b"0123456789", "text/plain")
    assert bodies.find("a") == (b"0123456789", "text/plain")
    bodies.keep("a", b"9876543210", "text/plain")
    bodies.keep("i", b"0123456789", "text/plain")
    assert bodies.find("b") is None
    assert bodies.find("a") == (b"9876543210", "text/plain")
    bodies.keep("large", b"01234567890", "text/plain")
    assert bodies.find("large") is None, "one that leaves no room for others is not kept"
