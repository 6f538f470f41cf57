"""The memory estimate: it grows with whatever a run needs more memory for."""

from __future__ import annotations

from typing import Any

import pytest

from models.estimates import PROCESS, cost_of
from models.resolution import resolve


def estimate(
    units: int = 16,
    dataset: dict[str, Any] | None = None,
    constraint: dict[str, Any] | None = None,
    noise: float | None = None,
    **training: Any,
) -> int:
    first = [] if noise is None else [{"type": "gaussian_noise", "stddev": noise}]
    layers = [
        *first,
        {"type": "dense", "units": units, "kernel_constraint": constraint},
        {"type": "dense", "units": units},
    ]
    job = {"variants": [{"name": "v", "layers": layers}], "training": training, "dataset": dataset or {}}
    return cost_of(resolve(job).run("v", 0)).memory


@pytest.mark.parametrize(
    "more",
    [
        {"units": 512},
        {"batch_size": 5000},
        {"optimizer": {"name": "adam"}},
        {"dataset": {"num_words": 50_000}},
        {"dataset": {"name": "synthetic", "reviews": 100_000}},
        {"dataset": {"name": "synthetic_table", "samples": 100_000, "columns": 500}},
        {"early_stopping": {"restore_best": True}},
        {"constraint": {"name": "max_norm"}},
        {"noise": 0.1},
    ],
    ids=str,
)
def test_more_needs_more(more: dict[str, Any]) -> None:
    assert estimate(**more) > estimate()


def test_the_notebook_fits_and_the_largest_does_not() -> None:
    assert PROCESS < estimate(512) < 1.4 * 2**30
    assert estimate(4096, {"num_words": 100_000}) > 8 * 2**30
    assert estimate(dataset={"train_samples": 100}) < estimate()
