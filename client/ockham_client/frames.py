"""Answers as pandas frames."""

from __future__ import annotations

import importlib.util
from typing import Any


def has_pandas() -> bool:
    """Whether pandas is installed."""
    return importlib.util.find_spec("pandas") is not None


def frame_of(history: dict[str, Any]) -> Any:
    """A history's frame: a row a run and epoch, a column a metric. Values that are not finite are so here too."""
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
