"""The plot of ROC curves: which share of a class is found, against which share of other rows is taken for it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.predictions import Predictions
from models.specification import dataset_of
from reporting.plots.kind import JobPlot, NoOptions, Source
from reporting.plots.rates import DRAWING as DRAWING
from reporting.plots.rates import Rate, Rates, found, in_report, over_seeds

GRID = np.linspace(0, 1, 201)


def roc(of: Predictions) -> NDArray[np.float64]:
    """float64 (201,): the true positive rate at each false positive rate of `GRID`; NaN if there is but one class.

    Between thresholds straight lines; of more than two classes the mean over those that there are, each against all
    others. Curves of seeds are averaged at equal false positive rates: Fawcett 2006, "An introduction to ROC analysis",
    Pattern Recognition Letters 27, algorithm 3.
    """
    values, truth = of.values, of.labels[:, 0]
    curves = []
    for column, number in enumerate([1] if values.shape[1] == 1 else range(values.shape[1])):
        own = truth == number
        if own.any() and not own.all():
            order = np.argsort(-values[:, column], kind="stable")
            last = np.append(np.flatnonzero(np.diff(values[order, column])), len(order) - 1)
            hit, taken = np.cumsum(own[order])[last], np.cumsum(~own[order])[last]
            false, true = (np.concatenate([[0], each / each[-1]]) for each in (taken, hit))
            curves.append(np.interp(GRID, false, true))  # where the curve is upright, its upper end
    return np.mean(curves, axis=0) if curves else np.full(len(GRID), np.nan)


def _of_job(job: Source, _options: NoOptions) -> Rates:
    dataset = dataset_of(job.spec)
    made = found(job, "ROC curves", roc)
    curves = []
    for name, runs in made.of.items():
        points = over_seeds(runs, job.band) if runs else ()
        curve = tuple(point for point in points if point is not None)
        if curve:
            curves.append(Rate(name, made.ranks[name], tuple(GRID.tolist()), curve))
    two = dataset.task.class_count == 2
    second = dataset.labels[1] if dataset.labels else "1"
    return Rates(
        title=f"ROC curve{'' if two else 's, each class against all others'} on {dataset.called}",
        subtitle=made.subtitle,
        x_label=f"Share of the other rows taken for {second if two else 'the class'}",
        y_label=f"Share of the rows of {second if two else 'the class'} that is found",
        curves=tuple(curves),
        marks=False,
        theme=job.theme,
        notes=made.notes,
    )


PLOT = JobPlot(
    "roc",
    "Draw ROC curves",
    "Which share of a class the networks of the chosen epochs find, against which share of other rows they take for "
    "it; of more than two classes the mean of each against all others. 422 `not_for_task` of a regression.",
    NoOptions,
    _of_job,
    in_report("roc"),
)
