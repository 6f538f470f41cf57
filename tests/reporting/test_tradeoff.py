"""The figure of a trade-off: costs, places, intervals and the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from models.history import RunHistory
from reporting.plots import draw
from reporting.plots.tradeoff import TradeOff, prepare_tradeoff

START = datetime(2026, 1, 1)


def runs(variant: str, parameters: int, losses: Sequence[float], **changes: Any) -> tuple[list[RunHistory], list[Any]]:
    """Runs whose least loss is in `losses`, a seed each; seed k took k + 1 seconds."""
    histories, rows = [], []
    for seed, loss in enumerate(losses):
        own = {"val_data_loss": (loss + 0.1, loss), "val_acc": (0.5, 1 - loss)}
        histories.append(RunHistory(f"{variant}-{seed}", variant, seed, "succeeded", (1, 2), own))
        ended = {"started_at": START, "finished_at": START + timedelta(seconds=seed + 1), "reused_from": None}
        row = {"variant": variant, "seed": seed, "status": "succeeded", "parameters": parameters, **ended, **changes}
        rows.append(SimpleNamespace(**row))
    return histories, rows


def tradeoff(*each: tuple[list[RunHistory], list[Any]], **options: Any) -> TradeOff:
    histories = [history for own, _ in each for history in own]
    rows = [row for _, own in each for row in own]
    return prepare_tradeoff(histories, rows, **{"swept": {}, "baseline": "original", **options})


SMALL, LARGE = runs("small", 100, (0.40, 0.42)), runs("large", 900, (0.30, 0.32))
ORIGINAL, WASTE = runs("original", 500, (0.34, 0.36)), runs("waste", 700, (0.37, 0.39))


def test_the_front_is_what_nothing_beats_at_its_cost() -> None:
    found = tradeoff(ORIGINAL, SMALL, LARGE, WASTE)
    assert [(o.variant, o.rank, o.x, o.front) for o in found.offers] == [
        ("original", -1, 500, True), ("small", 0, 100, True), ("large", 1, 900, True), ("waste", 2, 700, False),
    ]  # fmt: skip
    original = found.offers[0]
    assert original.y == pytest.approx(0.35)
    assert original.low is not None
    assert original.low < 0.34
    assert original.x_low is None  # every run has as many
    equal = tradeoff(ORIGINAL, runs("twin", 500, (0.34, 0.36)), runs("dear", 501, (0.34, 0.36)))
    assert [o.front for o in equal.offers] == [True, True, False]
    accurate = tradeoff(ORIGINAL, SMALL, LARGE, WASTE, metric="val_acc")
    assert [o.front for o in accurate.offers] == [True, True, True, False]


def test_seconds_are_those_of_runs_that_were_trained_here() -> None:
    found = tradeoff(ORIGINAL, runs("taken over", 5, (0.1,), reused_from="run_1"), against="seconds")
    assert [(o.variant, o.x) for o in found.offers] == [("original", 1.5)]
    assert found.offers[0].x_low is not None
    assert "No epochs yet, or no cost: taken over." in found.notes
    assert found.x_label == "Seconds per run"


def test_what_was_swept_has_places_and_a_front_only_where_less_is_cheaper() -> None:
    places: dict[str, dict[str, float]] = {"small": {"units": 4, "l2": 0.0}, "large": {"units": 16, "l2": 0.001}}
    by_units = tradeoff(ORIGINAL, SMALL, LARGE, swept=places, against="units")
    assert by_units.places == ("4", "16")
    assert [(o.variant, o.x, o.front) for o in by_units.offers] == [("small", 0, True), ("large", 1, True)]
    assert by_units.title.endswith("against units per layer")
    by_penalty = tradeoff(SMALL, LARGE, swept=places, against="l2")
    assert by_penalty.places == ("0", "0.001")
    assert not any(o.front for o in by_penalty.offers)
    assert by_penalty.notes[0] == "No Pareto front: a lower L2 penalty is not cheaper."


@pytest.mark.parametrize("band", ["ci95", "none"])
def test_it_is_drawn_of_none_of_few_and_of_many(band: Any) -> None:
    assert "no epochs yet" in draw(tradeoff(), "svg").decode()
    few = draw(tradeoff(ORIGINAL, SMALL, LARGE, band=band), "svg").decode()
    assert all(name in few for name in ("original", "small", "large", "Pareto front of the means"))
    # Of many those that count have names: the front's only one, and the baseline, which is not on it.
    many = [runs(f"net {i}", 1000 * i * i, (0.3 + i / 100, 0.31 + i / 100)) for i in range(1, 60)]
    found = tradeoff(*many, ORIGINAL, band=band)
    assert found.log
    drawn = draw(found, "svg").decode()
    assert "net 59" not in drawn
    assert ">original<" in drawn


@pytest.mark.parametrize("width", [400, 900])
def test_costs_far_apart_are_written_in_digits(width: int) -> None:
    found = tradeoff(ORIGINAL, runs("small", 40, (0.40,)), runs("large", 5_000_000, (0.30,)))
    assert found.log
    svg = draw(found, "svg", width).decode()
    assert "10,000" in svg
    assert "$" not in svg
    assert "\\mathdefault" not in svg
