"""Whether a remedy still wins once each network's probabilities are recalibrated: what of its gain is calibration."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import minimize_scalar

from models.predictions import Predictions
from reporting.answer import Answer, Interval
from reporting.statistics import paired
from reporting.wording import names_of

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
    before_ci95: Interval | None = Field(description="95% interval of that, as `ci95`")
    difference: float | None = Field(description="The difference of the recalibrated losses; below 0 it still wins")
    ci95: Interval | None = Field(
        description="95% interval of that (Student's t): low, high; null of fewer than 2 seeds"
    )
    p: float | None = Field(description="Of the paired t test, two-sided")
    in_words: str = Field(description="Whether the variant still wins")


class Recalibration(Answer):
    """Of each variant with a run whose predictions are kept, and against the baseline."""

    variants: list[Recalibrated]
    comparisons: list[AfterRecalibration]
    sentence: str = Field(description="Which variants still win, in a sentence")


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
    runs: Iterable[tuple[str, int, Predictions]], variants: Sequence[str], baseline: str, loss_title: str
) -> Recalibration:
    """Of runs, one after another: each the name of its variant, its seed, and what it predicts of at least two rows.

    loss_title: what people call the loss.
    """
    found: dict[str, dict[int, tuple[float, float, float]]] = {}
    rows: dict[str, int] = {}
    for variant, seed, of in runs:
        found.setdefault(variant, {})[seed] = recalibrated(of)
        rows[variant] = len(of.rows)
    told = [name for name in variants if name in found]
    means = [_mean(name, rows[name], list(found[name].values())) for name in told]
    comparisons = [
        _compared(name, baseline, found[name], found[baseline])
        for name in told
        if name != baseline and baseline in found
    ]
    return Recalibration(
        variants=means, comparisons=comparisons, sentence=_sentence(means, comparisons, baseline, loss_title)
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
        before_ci95=before.ci95,
        difference=after.difference,
        ci95=after.ci95,
        p=after.p,
        in_words=in_words(before.ci95, after.ci95),
    )


OUTCOMES = {
    ("lower", "lower"): ("still better", "{names} {is_are} still better than {baseline}"),
    ("lower", "open"): (
        "no longer better by more than luck",
        "{names} {is_are} no longer better than {baseline} by more than luck: the gain may have been calibration alone",
    ),
    ("lower", "higher"): (
        "worse, but better as it is",
        "{names} {is_are} worse than {baseline}, and without recalibration better",
    ),
    ("open", "lower"): (
        "better, but not as it is",
        "{names} {is_are} better than {baseline}, and without recalibration not",
    ),
    ("open", "open"): ("not decided", "whether {names} {is_are} better than {baseline} is not decided"),
    ("open", "higher"): (
        "worse, but not as it is",
        "{names} {is_are} worse than {baseline}, and without recalibration not",
    ),
    ("higher", "lower"): (
        "better, but worse as it is",
        "{names} {is_are} better than {baseline}, and without recalibration worse",
    ),
    ("higher", "open"): ("no longer worse by more than luck", "{names} {is_are} no longer worse than {baseline}"),
    ("higher", "higher"): ("still worse", "{names} {is_are} still worse than {baseline}"),
}
"""By how the loss stands against the baseline's as it is and recalibrated: of one variant in a table, and of those with
the same outcome in a sentence."""


def in_words(before: Interval | None, after: Interval | None) -> str:
    """What the intervals of the differences before and after say together."""
    if before is None or after is None:
        return "not decided: too few seeds"

    def stands(ends: Interval) -> str:
        return "lower" if ends[1] < 0 else "higher" if ends[0] > 0 else "open"

    return OUTCOMES[stands(before), stands(after)][0]


def _sentence(
    means: Sequence[Recalibrated], comparisons: Sequence[AfterRecalibration], baseline: str, loss_title: str
) -> str:
    if not means:
        return "No run has succeeded whose predictions are kept."
    if not comparisons:
        most = max(means, key=lambda each: each.loss - each.recalibrated)
        taken = most.loss - most.recalibrated
        return f"Recalibration takes {taken:.2g} off the {loss_title} of {most.variant}."
    by: dict[str, list[str]] = {}
    for each in comparisons:
        by.setdefault(each.in_words, []).append(each.variant)
    told = [
        sentence.format(names=names_of(by[words]), is_are="is" if len(by[words]) == 1 else "are", baseline=baseline)
        for words, sentence in OUTCOMES.values()
        if words in by
    ]
    if not told:
        return "One seed cannot tell whether a variant is better once probabilities are recalibrated."
    return f"With recalibrated probabilities {'; '.join(told)}."
