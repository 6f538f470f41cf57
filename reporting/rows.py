"""Intervals of a difference between two variants over the rows that validate, beside those over seeds.

Differences are paired by row and by seed. `rows`: of these trainings, had other rows of the same kind validated them.
`both`: other seeds and other rows at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from models.predictions import Predictions
from reporting.answer import Interval
from reporting.statistics import CONFIDENCE

RESAMPLES = 999
"""Of the rows; the generator's seed is fixed, so that the same runs give the same interval."""
MANY = 2000
"""From so many rows on the bootstrap's normal limit is taken: it is nearer than resampling itself is exact."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OfRows:
    """What a run scores row by row. rows: (n,), their numbers, rising. values: (n,), such as each row's loss."""

    rows: NDArray[np.int64]
    values: NDArray[np.floating]


@dataclass(frozen=True)
class RunRows:
    """What a run scores of each validation row at `epoch`: the data's loss, and the task's measure if it is a mean."""

    epoch: int
    losses: OfRows
    measures: OfRows | None


def of_predictions(predictions: Predictions, epoch: int) -> RunRows:
    """What these predictions, of that epoch, score."""
    task, values, labels = predictions.task, predictions.values, predictions.labels
    measures: NDArray[np.float64] | None = None
    if task.measure == "acc":
        classes = values.argmax(axis=1) if values.shape[1] > 1 else values[:, 0] > 0.5
        measures = (classes == labels[:, 0]).astype(np.float64)
    elif task.measure == "mae":
        measures = np.abs(labels - values).mean(axis=1)
    return RunRows(
        epoch,
        OfRows(predictions.rows, predictions.losses.astype(np.float32)),
        None if measures is None else OfRows(predictions.rows, measures.astype(np.float32)),
    )


def standard_error(runs: Sequence[OfRows]) -> float | None:
    """Of a run's mean over its rows, the mean over the runs: by how much other rows of the same kind change it."""
    errors = [float(each.values.std(ddof=1)) / math.sqrt(len(each.values)) for each in runs if len(each.values) > 1]
    return math.fsum(errors) / len(errors) if errors else None


@dataclass(frozen=True)
class Spread:
    """The mean difference over seeds and rows, and its 95% intervals; None where there is too little to say."""

    difference: float
    rows: Interval | None
    both: Interval | None


def spread(one: Mapping[int, OfRows], other: Mapping[int, OfRows], over_seeds: Interval | None = None) -> Spread | None:
    """Of the differences `one` minus `other`, both by seed; None if they have no seed in common.

    `over_seeds`: Student's interval of the mean difference over these seeds.

    `rows` is a paired bootstrap over rows (Efron and Tibshirani 1993, "An introduction to the bootstrap", 13.3): the
    percentiles of the sum of each row's share in the mean, over resampled rows; of many rows, their normal limit. A row
    that validates several seeds is one row.

    `both` is the variance of a mean over random seeds and random rows: that of the seeds' means, divided by their
    number, and the covariance of two seeds' means, by the rows that they share. If all seeds have the same rows it is
    (MS of seeds + MS of rows − MS of the rest) / (seeds · rows), as in a crossed design (Searle, Casella and McCulloch
    1992, "Variance components", 4.4), with Satterthwaite's degrees of freedom (1946). If each seed draws its own rows,
    two draws have some in common, and Student's interval over seeds would take them for independent. With few seeds
    it has more degrees of freedom than `over_seeds` and may be the narrower one: `both` contains the other two always.
    """
    seeds = [seed for seed in one if seed in other and np.array_equal(one[seed].rows, other[seed].rows)]
    seeds = [seed for seed in seeds if len(one[seed].rows)]
    if not seeds:
        return None
    runs = [OfRows(one[seed].rows, one[seed].values.astype(np.float64) - other[seed].values) for seed in seeds]
    means = np.array([run.values.mean() for run in runs])
    mean = float(means.mean())
    shares = _by_row(runs, [(run.values - m) / len(run.rows) for run, m in zip(runs, means, strict=True)]) / len(runs)
    over_rows, both = _over_rows(mean, shares), _over_both(mean, means, shares, covariance(runs))
    parts = [each for each in (over_seeds, over_rows, both) if each is not None]
    hull = None if both is None else (min(low for low, _ in parts), max(high for _, high in parts))
    return Spread(mean, over_rows, hull)


def covariance(runs: Sequence[OfRows]) -> float:
    """Of the means of two of `runs`, on an average of all pairs, by the rows that both have; 0 if none have any.

    A row that is hard for one run is hard for the others.
    """
    runs = [run for run in runs if len(run.rows) > 1]
    if len(runs) < 2:
        return 0.0
    scaled = []
    for run in runs:
        n, values = len(run.rows), run.values.astype(np.float64)
        scaled.append((values - values.mean()) / math.sqrt(n * (n - 1)))
    own = math.fsum(float(np.square(each).sum()) for each in scaled)
    return (float(np.square(_by_row(runs, scaled)).sum()) - own) / (len(runs) * (len(runs) - 1))


def _by_row(runs: Sequence[OfRows], values: Sequence[Array]) -> Array:
    """The sums of what the runs have of each row: of all rows that there are."""
    numbers = np.concatenate([run.rows for run in runs])
    sums: Array = np.bincount(numbers, weights=np.concatenate(values)).astype(np.float64, copy=False)
    return sums[np.bincount(numbers) > 0]


def _over_rows(mean: float, shares: Array) -> Interval | None:
    if len(shares) < 2 or np.ptp(shares) == 0:
        return None
    tail = (1 - CONFIDENCE) / 2
    if len(shares) >= MANY:
        half = float(stats.norm.isf(tail)) * math.sqrt(float(np.var(shares)) * len(shares))
        return mean - half, mean + half
    drawn = np.random.default_rng(0).integers(0, len(shares), (RESAMPLES, len(shares)))
    low, high = np.quantile(shares[drawn].sum(axis=1), [tail, 1 - tail])
    return mean + float(low), mean + float(high)


def _over_both(mean: float, means: Array, shares: Array, common: float) -> Interval | None:
    if len(means) < 2 or len(shares) < 2:
        return None
    of_seeds, freedom = float(np.var(means, ddof=1)) / len(means), len(means) - 1
    # At least what other rows alone would change.
    variance = max(of_seeds + max(0.0, common), float(np.var(shares, ddof=1)) * len(shares))
    if variance == 0:
        return None
    parts = of_seeds**2 / freedom + common**2 / (len(shares) - 1)
    # With seeds whose means are the same, and that have no rows in common that matter, the variance is of the rows.
    freedom_of_both = variance**2 / parts if parts else len(shares) - 1
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom_of_both)) * math.sqrt(variance)
    return mean - half, mean + half
