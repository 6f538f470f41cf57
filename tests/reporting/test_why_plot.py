"""Which variants the plot of why draws if there are many."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from models.errors import NotFound
from models.history import RunHistory
from models.resolution import resolve
from reporting.analysis import analyse
from reporting.plots.kind import Source
from reporting.plots.why_figure import MAX_PANELS, PLOT
from reporting.reading import RunRow

NAMES = [f"net {n}" for n in range(15)]


def source(**given: Any) -> Source:
    """Fifteen variants whose loss falls with their number; none has kept anything."""
    layers = [{"type": "dense", "units": 4, "activation": "relu"}]
    body = {
        "dataset": {"name": "synthetic"}, "baseline": "net 0",
        "variants": [{"name": name, "layers": layers} for name in NAMES],
    }  # fmt: skip
    runs = [RunRow(name, "job", name, 0, "succeeded", 2, None, 10, datetime.now(UTC), None) for name in NAMES]
    histories = [
        RunHistory(name, name, 0, "succeeded", (1, 2), {"val_data_loss": (0.6, 0.5 - n / 100)})
        for n, name in enumerate(NAMES)
    ]
    return Source(
        resolve(body).model_dump(mode="json"),
        runs,
        lambda runs, metrics: iter(()),
        lambda view: analyse(histories, "net 0"),
        **given,
    )


def test_of_many_variants_the_baseline_and_the_best_are_drawn_and_a_note_says_so() -> None:
    drawn = PLOT.prepare(source(), PLOT.options())
    assert list(drawn.panels) == ["net 0", *NAMES[-MAX_PANELS + 1 :]]  # type: ignore[attr-defined]
    assert drawn.notes[0] == (
        "12 of 15 variants are drawn: the baseline, and those with the least best validation cross-entropy."
    )


def test_of_many_that_are_asked_for_the_best() -> None:
    drawn = PLOT.prepare(source(variants=NAMES[1:]), PLOT.options())
    assert list(drawn.panels) == NAMES[-MAX_PANELS:]  # type: ignore[attr-defined]
    assert drawn.notes[0].startswith("12 of 14 variants are drawn: those with the least")
    with pytest.raises(NotFound):
        PLOT.prepare(source(variants=["nobody"]), PLOT.options())
