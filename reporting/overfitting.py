"""What one run's curves say: its best epoch, and when it began to overfit.

Pure functions of one curve: `values[i]` is the value at `epochs[i]`, epochs rising.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage, stats

from models.history import RunHistory
from models.kinds.metric import Of
from models.kinds.metrics import DATA_LOSS, LOSS, METRICS, VAL_DATA_LOSS, VAL_LOSS
from models.kinds.task import Task
from models.kinds.tasks.binary import Binary

SMOOTHING = 3
"""Epochs in the running median."""

PATIENCE = 3
"""Epochs in a row for which the loss has to stay risen."""

TOLERANCE = 0.02
"""How far above its least value so far the loss has to rise, as a fraction of that value."""

View = Literal["data", "keras"]

_LOSSES: dict[View, str] = {"data": DATA_LOSS.name, "keras": LOSS.name}

CURVES = {view: (loss, Of.EVALUATED + loss, Of.VALIDATION + loss) for view, loss in _LOSSES.items()}
"""A view's training loss, its training loss in inference mode, and its validation loss."""

LEARNED = 0.95
"""A run whose least loss of the data is above this part of that of chance has learned nothing to speak of."""


def higher_is_better(metric: str) -> bool:
    """Whether `metric` is, say, an accuracy rather than a loss."""
    return METRICS[metric].measure.higher_is_better


def best(epochs: Sequence[int], values: Sequence[float], metric: str = VAL_LOSS) -> int | None:
    """The epoch of the best finite value, the first of equals; None where no value is finite."""
    finite = [(value, epoch) for epoch, value in zip(epochs, values, strict=True) if math.isfinite(value)]
    if not finite:
        return None
    sign = -1.0 if higher_is_better(metric) else 1.0
    return min(finite, key=lambda pair: (sign * pair[0], pair[1]))[1]


def smooth(values: Sequence[float], width: int = SMOOTHING) -> np.ndarray:
    """The running median of `width` (odd) values, the ends repeated outwards; `values` finite, shape kept.

    A median leaves rising and falling stretches as they are and takes out single noisy epochs
    (Tukey 1977, *Exploratory data analysis*, ch. 7).
    """
    if len(values) == 0:
        return np.empty(0)
    return np.asarray(ndimage.median_filter(np.asarray(values, dtype=float), size=width, mode="nearest"))


def onset(
    epochs: Sequence[int],
    values: Sequence[float],
    *,
    smoothing: int = SMOOTHING,
    patience: int = PATIENCE,
    tolerance: float = TOLERANCE,
) -> int | None:
    """The epoch at which overfitting began, or None where it has not (it is then censored).

    It is the first epoch k for which the smoothed validation loss stays more than `tolerance`
    above its least value before k, for `patience` epochs from k on, and does not come back to that value
    later. Losses are positive, so the tolerance is a fraction: Prechelt's generalisation loss
    GL = 100 · (loss / least loss − 1), held for several epochs as in his UP criterion (Prechelt 1998,
    "Early stopping – but when?", section 2). The median hides a sharp turn for half its width, so k is moved
    back by up to as much, over epochs whose loss itself is already that far above its least before them.
    A curve is read up to its first value that is not finite.
    """
    count = next((i for i, value in enumerate(values) if not math.isfinite(value)), len(values))
    if count <= patience:
        return None
    smoothed = smooth(values[:count], smoothing)
    stays = np.lib.stride_tricks.sliding_window_view(smoothed[1:], patience).min(axis=1)
    least_before = np.minimum.accumulate(smoothed)[: len(stays)]
    least_after = np.minimum.accumulate(smoothed[::-1])[::-1][1 : len(stays) + 1]
    risen = (stays > (1 + tolerance) * least_before) & (least_after > least_before)
    if not risen.any():
        return None
    k = int(risen.argmax()) + 1
    earliest = max(1, k - smoothing // 2)
    while k > earliest and values[k - 1] > (1 + tolerance) * min(values[: k - 1]):
        k -= 1
    return epochs[k]


Word = Literal["overfitting", "underfitting", "good fit", "diverged", "too few epochs"]


@dataclass(frozen=True)
class Reading:
    """What one run's curves say, in one view: losses in the task's unit, epochs from 1, None where nothing can be said.

    - `best_measure`: the task's own measure of the validation set at the best epoch, that of least validation loss.
    - `gap_at_best`, `gap_at_end`: validation loss minus training loss (the generalisation gap: Goodfellow,
      Bengio and Courville 2016, *Deep Learning*, 5.2) at the best and at the last epoch.
    - `slope_after_onset`: loss an epoch, by least squares through the validation losses from the onset on.
    - `area_between`: loss times epochs between validation and training loss, by the trapezoidal rule.
    - `learned`: whether the data's loss ever got below 0.95 times that of chance; true if that is not known.
    - `evaluated`: whether the training loss is that of `training.evaluate_train`, measured as the validation loss is.
    """

    run_id: str
    seed: int
    epochs: int
    best_epoch: int | None
    best_loss: float | None
    best_measure: float | None
    final_loss: float | None
    onset_epoch: int | None
    gap_at_best: float | None
    gap_at_end: float | None
    slope_after_onset: float | None
    area_between: float | None
    penalty: float | None
    learned: bool
    evaluated: bool
    verdict: Word


def read(history: RunHistory, view: View = "data", task: Task = Binary()) -> Reading:  # noqa: B008 (it is frozen)
    """The reading of one run. One with a loss that is not finite has the verdict `diverged`."""
    missing = (math.nan,) * len(history.epochs)
    trained, inferred, validated = CURVES[view]
    evaluated = inferred in history.metrics
    validation = history.metrics.get(validated, missing)
    training = history.metrics.get(inferred if evaluated else trained, missing)
    measure = history.metrics.get(Of.VALIDATION + task.measure, missing)
    epochs = history.epochs
    best_epoch, onset_epoch = best(epochs, validation), onset(epochs, validation)
    at = {epoch: i for i, epoch in enumerate(epochs)}
    gaps = [v - t for v, t in zip(validation, training, strict=True)]

    def value(values: Sequence[float], epoch: int | None) -> float | None:
        found = math.nan if epoch is None else values[at[epoch]]
        return found if math.isfinite(found) else None

    last = epochs[-1] if epochs else None
    after = at[onset_epoch] if onset_epoch is not None else None
    rising = list(zip(epochs, validation, strict=True))[after:] if after is not None else []
    whole = bool(gaps) and all(map(math.isfinite, gaps))
    with_penalty, without = (value(history.metrics.get(m, missing), last) for m in (VAL_LOSS, VAL_DATA_LOSS))
    return Reading(
        run_id=history.run_id,
        seed=history.seed,
        epochs=len(epochs),
        best_epoch=best_epoch,
        best_loss=value(validation, best_epoch),
        best_measure=value(measure, best_epoch),
        final_loss=value(validation, last),
        onset_epoch=onset_epoch,
        gap_at_best=value(gaps, best_epoch),
        gap_at_end=value(gaps, last),
        slope_after_onset=_slope([pair for pair in rising if math.isfinite(pair[1])]),
        area_between=float(np.trapezoid(gaps, epochs)) if whole else None,
        penalty=None if with_penalty is None or without is None else with_penalty - without,
        learned=_learned(history, task.chance),
        evaluated=evaluated,
        verdict=_verdict(history, validation, onset_epoch, task.chance),
    )


def _slope(points: Sequence[tuple[int, float]]) -> float | None:
    if len(points) < 2:
        return None
    epochs, losses = zip(*points, strict=True)
    return float(stats.linregress(epochs, losses).slope)


def _verdict(history: RunHistory, validation: Sequence[float], onset_epoch: int | None, chance: float | None) -> Word:
    """One of a small set of words; the first that fits, in this order.

    - `diverged`: a loss was not finite.
    - `overfitting`: there is an onset.
    - `too few epochs`: fewer than would show one.
    - `underfitting`: the smoothed validation loss still fell by more than the tolerance over the last epochs (as
      many as the patience) and ended within it of its least, or the data's loss never got below 0.95 times
      that of chance, if that is known.
    - `good fit`: none of these.
    """
    losses = (values for name, values in history.metrics.items() if name in METRICS and METRICS[name].measure.loss)
    if any(not math.isfinite(value) for values in losses for value in values):
        return "diverged"
    if onset_epoch is not None:
        return "overfitting"
    if len(validation) <= PATIENCE:
        return "too few epochs"
    smoothed = smooth(validation)
    falling = smoothed[-1] < (1 - TOLERANCE) * smoothed[-1 - PATIENCE]
    falling &= smoothed[-1] <= (1 + TOLERANCE) * smoothed.min()  # else it has turned, if too late for an onset
    return "underfitting" if falling or not _learned(history, chance) else "good fit"


def _learned(history: RunHistory, chance: float | None) -> bool:
    losses = [value for value in history.metrics.get(VAL_DATA_LOSS, ()) if math.isfinite(value)]
    return chance is None or not losses or min(losses) <= LEARNED * chance
