"""pandas reads tables straight from their addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas
import pytest

from ockham_client import Job

History = dict[tuple[str, int], dict[str, Any]]


@pytest.mark.parametrize(
    ("format", "read"),
    [("csv", pandas.read_csv), ("parquet", pandas.read_parquet)],
)
def test_every_epoch_is_a_row(live: str, job: Job, history: History, format: str, read: Callable[..., Any]) -> None:
    frame = read(f"{live}/v1/jobs/{job.id}/history?format={format}")
    assert set(frame["job_id"]) == {job.id}
    assert len(frame) == sum(len(run["epochs"]) for run in history.values())
    for (variant, seed), run in history.items():
        rows = frame[(frame["variant"] == variant) & (frame["seed"] == seed)]
        assert list(rows["epoch"]) == run["epochs"]
        for metric, values in run["metrics"].items():
            pandas.testing.assert_series_equal(
                rows[metric], pandas.Series(values, rows.index, dtype="float64", name=metric), check_exact=True
            )


def test_json_lines_too(live: str, job: Job, history: History) -> None:
    frame = pandas.read_json(f"{live}/v1/history?job={job.id}&format=ndjson", lines=True, precise_float=True)
    assert {key: list(rows["val_acc"]) for key, rows in frame.groupby(["variant", "seed"])} == {
        key: run["metrics"]["val_acc"] for key, run in history.items()
    }
