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
    values: NDArray[np.float32]


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
    rows: tuple[float, float] | None
    both: tuple[float, float] | None


def spread(one: Mapping[int, OfRows], other: Mapping[int, OfRows]) -> Spread | None:
    """Of the differences `one` minus `other`, both by seed; None if they have no seed in common.

    `rows` is a paired bootstrap over rows (Efron and Tibshirani 1993, "An introduction to the bootstrap", 13.3): the
    percentiles of the sum of each row's share in the mean, over resampled rows; of many rows, their normal limit. A row
    that validates several seeds is one row.

    `both`, if all seeds have the same rows: the variance of a mean over a crossed design with random seeds and random
    rows, (MS of seeds + MS of rows − MS of the rest) / (seeds · rows), with Satterthwaite's degrees of freedom (Searle,
    Casella and McCulloch 1992, "Variance components", 4.4; Satterthwaite 1946). If each seed has rows of its own, they
    vary from seed to seed already, and it is Student's interval over seeds.
    """
    seeds = [seed for seed in one if seed in other and np.array_equal(one[seed].rows, other[seed].rows)]
    seeds = [seed for seed in seeds if len(one[seed].rows)]
    if not seeds:
        return None
    differences = [one[seed].values.astype(np.float64) - other[seed].values for seed in seeds]
    means = np.array([each.mean() for each in differences])
    mean = float(means.mean())
    numbers = [one[seed].rows for seed in seeds]
    crossed = all(np.array_equal(each, numbers[0]) for each in numbers[1:])
    if crossed:
        shares = np.mean([each - m for each, m in zip(differences, means, strict=True)], axis=0) / len(numbers[0])
    else:
        _, places = np.unique(np.concatenate(numbers), return_inverse=True)
        centred = [(each - m) / len(each) for each, m in zip(differences, means, strict=True)]
        shares = np.bincount(places, weights=np.concatenate(centred)) / len(seeds)
    return Spread(
        difference=mean,
        rows=_over_rows(mean, shares),
        both=_crossed(mean, np.array(differences), means) if crossed else _over_seeds(mean, means),
    )


def _over_rows(mean: float, shares: Array) -> tuple[float, float] | None:
    if len(shares) < 2 or np.ptp(shares) == 0:
        return None
    tail = (1 - CONFIDENCE) / 2
    if len(shares) >= MANY:
        half = float(stats.norm.isf(tail)) * math.sqrt(float(np.var(shares)) * len(shares))
        return mean - half, mean + half
    drawn = np.random.default_rng(0).integers(0, len(shares), (RESAMPLES, len(shares)))
    low, high = np.quantile(shares[drawn].sum(axis=1), [tail, 1 - tail])
    return mean + float(low), mean + float(high)


def _over_seeds(mean: float, means: Array) -> tuple[float, float] | None:
    if len(means) < 2:
        return None
    return _student(mean, float(np.var(means, ddof=1)) / len(means), len(means) - 1)


def _crossed(mean: float, differences: Array, means: Array) -> tuple[float, float] | None:
    seeds, rows = differences.shape
    if seeds < 2 or rows < 2:
        return None
    of_rows = differences.mean(axis=0)
    rest = differences - means[:, np.newaxis] - of_rows + mean
    parts = [
        (float(np.var(means, ddof=1)) / seeds, seeds - 1),
        (float(np.var(of_rows, ddof=1)) / rows, rows - 1),
        (-float((rest**2).sum()) / ((seeds - 1) * (rows - 1)) / (seeds * rows), (seeds - 1) * (rows - 1)),
    ]
    # The rest is in each of the first two; the variance is at least what the greater of these says.
    variance = max(sum(part for part, _ in parts), parts[0][0], parts[1][0])
    if variance == 0:
        return None
    return _student(mean, variance, variance**2 / sum(part**2 / freedom for part, freedom in parts))


def _student(mean: float, variance: float, freedom: float) -> tuple[float, float] | None:
    if variance == 0:
        return None
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(variance)
    return mean - half, mean + half
