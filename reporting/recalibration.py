"""Whether a remedy still wins once each network's probabilities are recalibrated: what of its gain is calibration."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import minimize_scalar

from models.predictions import Predictions
from reporting.answers import Answer, Interval
from reporting.statistics import paired

HOTTEST = 100.0
"""The greatest temperature that is tried; the least is 1 divided by it."""


class Recalibrated(Answer):
    """A variant's loss before and after, means over its runs. Its accuracy stays what it is."""

    variant: str
    n: int = Field(description="Runs whose predictions are kept")
    rows: int = Field(description="Validation rows of a run")
    temperature: float = Field(description="Above 1 the probabilities were too sure; the geometric mean over the runs")
    loss: float = Field(description="The loss without penalties, as it is")
    recalibrated: float = Field(description="With each run's own temperature")


class AfterRecalibration(Answer):
    """A variant's recalibrated loss minus the baseline's, paired by seed."""

    variant: str
    baseline: str
    n: int = Field(description="Seeds that both have")
    before: float | None = Field(description="The difference of the losses as they are")
    difference: float | None = Field(description="The difference of the recalibrated losses; below 0 it still wins")
    ci95: Interval | None = Field(
        description="95% interval of that (Student's t): low, high; null of fewer than 2 seeds"
    )
    p: float | None = Field(description="Of the paired t test, two-sided")


class Recalibration(Answer):
    """Of each variant with a run whose predictions are kept, and against the baseline."""

    variants: list[Recalibrated]
    comparisons: list[AfterRecalibration]


def temperature_of(of: Predictions, rows: NDArray[np.bool_]) -> float:
    """The temperature T for which the outputs divided by T have the least mean loss over these rows.

    Temperature scaling: Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks",
    International Conference on Machine Learning, section 4.2. The loss is convex in 1 / T; T is between 1 / `HOTTEST`
    and `HOTTEST`.
    """
    labels, outputs = of.labels[rows], of.outputs[rows]

    def loss(logarithm: float) -> float:
        return float(of.task.losses(labels, outputs / math.exp(logarithm)).mean())

    most = math.log(HOTTEST)
    return math.exp(float(minimize_scalar(loss, bounds=(-most, most), method="bounded").x))


def recalibrated(of: Predictions) -> tuple[float, float, float]:
    """Temperature, mean loss before, mean loss after.

    Every second row is scored with the temperature of the others, so that no row is scored by what was fitted to it.
    The temperature is the geometric mean of both.
    """
    odd = np.arange(len(of.rows)) % 2 == 1
    after = np.empty(len(of.rows))
    temperatures = []
    for scored in (odd, ~odd):
        temperatures.append(temperature_of(of, ~scored))
        after[scored] = of.task.losses(of.labels[scored], of.outputs[scored] / temperatures[-1])
    return math.sqrt(math.prod(temperatures)), float(of.losses.mean()), float(after.mean())


def recalibration(
    runs: Iterable[tuple[str, int, Predictions]], variants: Sequence[str], baseline: str
) -> Recalibration:
    """Of runs, one after another: each the name of its variant, its seed, and what it predicts of at least two rows."""
    found: dict[str, dict[int, tuple[float, float, float]]] = {}
    rows: dict[str, int] = {}
    for variant, seed, of in runs:
        found.setdefault(variant, {})[seed] = recalibrated(of)
        rows[variant] = len(of.rows)
    told = [name for name in variants if name in found]
    return Recalibration(
        variants=[_mean(name, rows[name], list(found[name].values())) for name in told],
        comparisons=[
            _compared(name, baseline, found[name], found[baseline])
            for name in told
            if name != baseline and baseline in found
        ],
    )


def _mean(variant: str, rows: int, of: Sequence[tuple[float, float, float]]) -> Recalibrated:
    temperatures, before, after = np.array(of).T
    return Recalibrated(
        variant=variant,
        n=len(of),
        rows=rows,
        temperature=float(np.exp(np.log(temperatures).mean())),
        loss=float(before.mean()),
        recalibrated=float(after.mean()),
    )


def _compared(
    variant: str,
    baseline: str,
    of: Mapping[int, tuple[float, float, float]],
    base: Mapping[int, tuple[float, float, float]],
) -> AfterRecalibration:
    seeds = sorted(of.keys() & base.keys())
    before, after = (paired([of[s][at] for s in seeds], [base[s][at] for s in seeds]) for at in (1, 2))
    return AfterRecalibration(
        variant=variant,
        baseline=baseline,
        n=after.n,
        before=before.difference,
        difference=after.difference,
        ci95=after.ci95,
        p=after.p,
    )
