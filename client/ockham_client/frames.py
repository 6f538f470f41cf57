"""Answers as pandas frames."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any


def has_pandas() -> bool:
    """Whether pandas is installed."""
    return importlib.util.find_spec("pandas") is not None


def frame_of(history: dict[str, Any]) -> Any:
    """A history's frame: one row per run and epoch, one column per metric. Infinities and NaN stay."""
    import pandas

    parts = []
    for run in history["runs"]:
        part = pandas.DataFrame({"epoch": run["epochs"], **run["metrics"]})
        part = part.astype(dict.fromkeys(run["metrics"], "float64"))
        for value in run.get("nonfinite", ()):
            part.loc[part["epoch"] == value["epoch"], value["metric"]] = float(value["kind"])
        for place, name in enumerate(("job_id", "run_id", "variant", "seed")):
            part.insert(place, name, run.get(name, history.get(name)))
        parts.append(part)
    return pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame()


def frame_of_rows(listed: dict[str, Any]) -> Any:
    """The frame of a list's rows."""
    import pandas

    return pandas.DataFrame(listed["data"])


def frame_of_metrics(metrics: dict[str, Any]) -> Any:
    """The frame of a summary: a row per variant; of a mean over seeds its `_sd`, `_low` and `_high` stand beside it."""
    import pandas

    return pandas.DataFrame([_flat(each) for each in metrics["variants"]])


def frame_of_analysis(analysis: dict[str, Any]) -> Any:
    """The frame of an analysis: a row per comparison with the baseline and metric.

    `low` and `high` are the interval that its `finding` goes by: `ci_anytime` if it is `sequential` or equivalent, else
    `ci95`.
    """
    import pandas

    left_out = ("pairing", "intervals", "ci95", "ci_anytime", "ci95_bootstrap")
    rows = [
        {
            **{name: value for name, value in each.items() if name not in left_out},
            **dict(zip(("low", "high"), interval_of(each) or (None, None), strict=True)),
        }
        for each in analysis["comparisons"]
    ]
    return pandas.DataFrame(rows)


def interval_of(comparison: Mapping[str, Any]) -> list[float] | None:
    """The interval that a comparison's `finding` goes by."""
    at_every_look = comparison.get("sequential") or comparison.get("finding") == "equivalent"
    ends: list[float] | None = comparison["ci_anytime" if at_every_look else "ci95"]
    return ends


def _flat(variant: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in variant.items():
        if isinstance(value, dict) and "mean" in value:
            low, high = value.get("ci95") or (None, None)
            row |= {name: value["mean"], f"{name}_sd": value.get("sd"), f"{name}_low": low, f"{name}_high": high}
        elif not isinstance(value, dict | list):
            row[name] = value
    return row
