"""The metrics of runs in brief: the final and the best epoch of each, and their means across seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.history import RunHistory
from reporting.overfitting import best
from reporting.statistics import estimate


def finite(values: Iterable[float]) -> list[float | None]:
    """`values` as JSON may carry them: None for each that is not finite (see `nonfinite`)."""
    return [value if math.isfinite(value) else None for value in values]


def kind(value: float) -> str:
    """What a value that is not finite is: `nan`, `inf` or `-inf`."""
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def nonfinite(history: RunHistory) -> list[dict[str, Any]]:
    """Each value of `history` that JSON shows as null: `{epoch, metric, kind}`, by epoch."""
    return [
        {"epoch": epoch, "metric": metric, "kind": kind(values[i])}
        for i, epoch in enumerate(history.epochs)
        for metric, values in history.metrics.items()
        if not math.isfinite(values[i])
    ]


def by_variant(histories: Iterable[RunHistory]) -> dict[str, list[RunHistory]]:
    """The runs of each variant, variants and runs in the order they come in."""
    groups: dict[str, list[RunHistory]] = {}
    for history in histories:
        groups.setdefault(history.variant, []).append(history)
    return groups


Scores = Mapping[str, Mapping[str, float | None] | None]
"""By a run's id, the test set's score at its chosen epoch; None where there is none (yet)."""


def summarize(histories: Sequence[RunHistory], by: str = "val_loss", scores: Scores | None = None) -> dict[str, Any]:
    """`{"runs": [...], "variants": [...]}`: each run's final and best epoch, and each variant's means.

    A run's best epoch is that of its least finite `by` (its greatest, where `by` is an accuracy), the
    first of equals; null where no epoch has a finite one. A variant's values are over its runs that have
    them, `n` being those with a best epoch; `best_val_acc` is the accuracy at the best epoch. Runs
    that are still training count with the epochs they have, and `unfinished` counts them.

    `scores` are the runs' on the test set, at the epoch that training itself chose, whatever `by` is: a run's
    `test`, and a variant's `test_loss`, `test_acc` and `test_data_loss`, null where none of its runs has one.
    """
    runs = [{**_run(history, by), "test": _score((scores or {}).get(history.run_id))} for history in histories]
    summaries = {id(history): run for history, run in zip(histories, runs, strict=True)}
    variants = [
        _variant(name, group, [summaries[id(history)] for history in group])
        for name, group in by_variant(histories).items()
    ]
    return {"runs": runs, "variants": variants}


def _run(history: RunHistory, by: str) -> dict[str, Any]:
    index = {epoch: i for i, epoch in enumerate(history.epochs)}
    final_epoch = history.epochs[-1] if history.epochs else None
    best_epoch = best(history.epochs, history.metrics.get(by, (math.nan,) * len(history.epochs)), by)

    def at(epoch: int | None) -> dict[str, Any] | None:
        if epoch is None:
            return None
        values = finite(metric[index[epoch]] for metric in history.metrics.values())
        return {"epoch": epoch, **dict(zip(history.metrics, values, strict=True))}

    return {
        "run_id": history.run_id,
        "variant": history.variant,
        "seed": history.seed,
        "status": history.status,
        "final": at(final_epoch),
        "best": at(best_epoch),
        "nonfinite": [entry for entry in nonfinite(history) if entry["epoch"] in (final_epoch, best_epoch)],
    }


def _score(test: Mapping[str, float | None] | None) -> dict[str, float | None] | None:
    if test is None:
        return None
    return {name: value if value is not None and math.isfinite(value) else None for name, value in test.items()}


def _variant(name: str, histories: Sequence[RunHistory], runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    def across(part: str, metric: str) -> dict[str, Any]:
        values = [run[part].get(metric) for run in runs if run[part] is not None]
        over = estimate([value for value in values if value is not None])
        return {"mean": over.mean, "sd": over.sd, "ci95": None if over.ci95 is None else list(over.ci95)}

    return {
        "variant": name,
        "n": sum(run["best"] is not None for run in runs),
        "best_epoch": across("best", "epoch"),
        "best_val_loss": across("best", "val_loss"),
        "best_val_acc": across("best", "val_acc"),
        "best_val_data_loss": across("best", "val_data_loss"),
        "final_val_loss": across("final", "val_loss"),
        "final_val_acc": across("final", "val_acc"),
        "final_val_data_loss": across("final", "val_data_loss"),
        **{
            f"test_{metric}": across("test", metric) if any(run["test"] for run in runs) else None
            for metric in ("loss", "acc", "data_loss")
        },
        "unfinished": sum(history.status not in ("succeeded", "failed", "cancelled") for history in histories),
    }
