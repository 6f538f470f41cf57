"""What a variant's runs score together: an ensemble of its seeds, for no further training."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydantic import Field

from models.kinds.metrics import DATA_LOSS, MEASURES, offered
from models.predictions import Predictions
from reporting.answers import Answer
from reporting.mistakes import probabilities


class Ensemble(Answer):
    """The averaged predictions of a variant's runs, and the runs by themselves: measures by name.

    Of classes the probabilities are averaged, of a regression the values.
    """

    variant: str
    n: int = Field(description="Runs that are averaged")
    rows: int
    single: dict[str, float] = Field(description="What one run scores: the mean over the runs")
    together: dict[str, float] = Field(description="What the averaged predictions score")


class Ensembles(Answer):
    """Of each variant with at least two runs whose predictions of the same rows are kept."""

    variants: list[Ensemble]


def ensemble(variant: str, runs: Iterable[Predictions]) -> Ensemble | None:
    """Of predictions of the same rows; None of fewer than two runs, and of runs whose rows are not the same."""
    scores: list[dict[str, float]] = []
    total = first = None
    for run in runs:
        values = _averaged(run)
        if first is None or total is None:
            first, total = run, np.zeros_like(values)
        elif not np.array_equal(run.rows, first.rows):
            return None
        total += values
        scores.append(_scores(run, values))
    if first is None or total is None or len(scores) < 2:
        return None
    together = _scores(first, total / len(scores))
    names = [name for name in together if np.isfinite([each[name] for each in (*scores, together)]).all()]
    return Ensemble(
        variant=variant,
        n=len(scores),
        rows=len(first.rows),
        single={name: float(np.mean([each[name] for each in scores])) for name in names},
        together={name: together[name] for name in names},
    )


def _averaged(run: Predictions) -> np.ndarray:
    """What is averaged: (rows, classes), or the values of a regression."""
    return run.values if run.task.class_count is None else probabilities(run)


def _scores(run: Predictions, values: np.ndarray) -> dict[str, float]:
    """The measures of these values of the run's rows."""
    task, labels = run.task, run.labels
    if task.class_count is None:
        loss, measure = float(((values - labels) ** 2).mean()), float(np.abs(values - labels).mean())
    else:
        truth = labels[:, 0].astype(np.int64)
        with np.errstate(divide="ignore"):
            loss = float(-np.log(values[np.arange(len(truth)), truth]).mean())
        measure = float((values.argmax(axis=1) == truth).mean())
    predictions = values[:, 1:] if task.class_count is not None and task.units == 1 else values
    asked = [name for name in offered(task) if MEASURES[name].asked]
    return {
        DATA_LOSS.name: loss,
        task.measure: measure,
        **{name: MEASURES[name].value(labels, predictions) for name in asked},
    }
