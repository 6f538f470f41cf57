"""The plot of calibration: how often rows are of a class, against how probable the network says that is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.predictions import Predictions
from models.specification import dataset_of
from reporting.plots.kind import JobPlot, NoOptions, Source
from reporting.plots.rates import DRAWING as DRAWING
from reporting.plots.rates import Rate, Rates, found, in_report, over_seeds

BINS = 15
FEWEST = 10
"""A bin of fewer rows says more of them than of the network."""


def calibration(of: Predictions) -> NDArray[np.float64]:
    """float64 (2, BINS): the mean probability and the share of rows in each bin of equal width; NaN of one with
    fewer rows than FEWEST.

    Of two classes the probability of the second, and the share that is of it; of more that of the likeliest, and the
    share of which it is right. Each bin has its upper end, as the metric `ece`'s have.
    """
    values, truth = of.values, of.labels[:, 0]
    if values.shape[1] == 1:
        probable, right = values[:, 0], truth > 0.5
    else:
        probable, right = values.max(axis=1), values.argmax(axis=1) == truth
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], probable)
    rows = np.bincount(bins, minlength=BINS)
    sums = np.stack([np.bincount(bins, weights=each, minlength=BINS) for each in (probable, right)])
    means: NDArray[np.float64] = np.where(rows >= FEWEST, sums / np.maximum(rows, 1), np.nan)
    return means


def _of_job(job: Source, _options: NoOptions) -> Rates:
    dataset = dataset_of(job.spec)
    made = found(job, "calibration", calibration)
    curves = []
    for name, runs in made.of.items():
        if runs:
            points = over_seeds([each[1] for each in runs], job.band)
            there = [i for i, point in enumerate(points) if point is not None]
            x = np.nanmean(np.stack([each[0] for each in runs])[:, there], axis=0)
            curve = tuple(point for point in points if point is not None)
            curves.append(Rate(name, made.ranks[name], tuple(x.tolist()), curve))
    two = dataset.task.class_count == 2
    second = dataset.labels[1] if dataset.labels else "1"
    return Rates(
        title=f"Calibration on {dataset.called}",
        subtitle=made.subtitle,
        x_label=f"Predicted probability of {second}" if two else "Predicted probability of the likeliest class",
        y_label=f"Share of rows that are {second}" if two else "Share of rows of which it is right",
        curves=tuple(curves),
        marks=True,
        theme=job.theme,
        notes=made.notes,
    )


PLOT = JobPlot(
    "calibration",
    "Draw calibration",
    "How often rows are of a class, against how probable the networks of the chosen epochs say that is: below the "
    "diagonal they are too sure. Bins of fewer than 10 rows are left out. 422 `not_for_task` of a regression.",
    NoOptions,
    _of_job,
    in_report("calibration"),
)
