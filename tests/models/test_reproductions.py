"""Verdicts on histories with known answers, and where they are stored."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import reproductions
from models.errors import Conflict
from models.reproductions import Difference, compare
from models.tables import Reproduction
from tests.models.conftest import Bench

HISTORY = [{"loss": 0.7, "val_loss": 0.6}, {"loss": 0.5, "val_loss": 0.55}, {"loss": 0.3, "val_loss": math.nan}]


def changed(epoch: int, metric: str, value: float) -> list[dict[str, float]]:
    return [{**values, metric: value} if i == epoch else values for i, values in enumerate(HISTORY, 1)]


@pytest.mark.parametrize(
    ("again", "verdict", "first"),
    [
        (HISTORY, "bitwise", None),
        (changed(2, "loss", math.nextafter(0.5, 1)), "within_tolerance", (2, "loss", 0.5, math.nextafter(0.5, 1))),
        (changed(2, "loss", 0.52), "within_tolerance", (2, "loss", 0.5, 0.52)),
        (changed(2, "loss", 0.56), "diverged", (2, "loss", 0.5, 0.56)),
        (changed(3, "val_loss", 0.6), "diverged", (3, "val_loss", "nan", 0.6)),
        (changed(1, "val_loss", math.inf), "diverged", (1, "val_loss", 0.6, "inf")),
        (HISTORY[:2], "diverged", (3, "loss", 0.3, None)),
        ([*HISTORY, {"loss": 0.1}], "diverged", (4, "loss", None, 0.1)),
    ],
)
def test_known_verdicts(again: list[dict[str, float]], verdict: str, first: tuple[object, ...] | None) -> None:
    found = compare(HISTORY, again)
    assert found.verdict == verdict
    assert found.first_difference == (None if first is None else Difference(*first))  # type: ignore[arg-type]


@given(st.lists(st.floats(), max_size=5), st.lists(st.floats(), max_size=5))
def test_the_verdict_is_the_same_both_ways(one: list[float], other: list[float]) -> None:
    histories = [[{"loss": value} for value in values] for values in (one, other)]
    there, back = compare(*histories), compare(*reversed(histories))
    assert there.verdict == back.verdict
    assert (there.first_difference is None) == (there.verdict == "bitwise")


@pytest.mark.parametrize("vary", [["seed"], ["split", "sample"]], ids="-".join)
def test_the_verdict_is_stored_when_the_reproduction_succeeds(bench: Bench, vary: list[str]) -> None:
    job = bench.submit(vary=vary)
    original = bench.claimed()
    with pytest.raises(Conflict), bench.database.write() as session:
        reproductions.request(session, bench.run(original.run_id), "")
    bench.record(original, 1, 2)
    bench.succeed(original)
    with bench.database.write() as session:
        run = session.get_one(type(bench.run(original.run_id)), original.run_id)
        reproductions.request(session, run, "")
    again = bench.claimed(pid=2)
    assert again.specification == original.specification
    assert again.reuse is False
    bench.record(again, 1, 2)
    bench.succeed(again)
    with bench.database.read() as session:
        assert session.get_one(Reproduction, again.run_id).verdict == "bitwise"
    bench.remove(job)
    assert bench.count("reproductions") == 0
