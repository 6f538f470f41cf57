"""What one run's curves say: its best epoch, and when it began to overfit.

Pure functions of one curve: `values[i]` is the value at `epochs[i]`, epochs rising.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import ndimage, stats

from models.history import RunHistory
from models.kinds.metric import Of
from models.kinds.metrics import DATA_LOSS, LOSS, METRICS, VAL_DATA_LOSS, VAL_LOSS, metric_of
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

LEARNED = 0.9
"""A run whose least losses, of the data and in training, are above this part of chance's has not learned."""

PACE = 0.004
"""A validation loss that falls by more than this part of itself per epoch still improves."""

END = 4
"""Whether it does is read off the last 1/END of the epochs, and off as many as the patience at least."""


def higher_is_better(metric: str) -> bool:
    """Whether `metric` is, say, an accuracy rather than a loss."""
    found = metric_of(metric)
    return found is not None and found.measure.higher_is_better


def best(epochs: Sequence[int], values: Sequence[float], metric: str = VAL_LOSS) -> int | None:
    """The epoch of the best finite value, the first of equals; None where no value is finite."""
    finite = [(value, epoch) for epoch, value in zip(epochs, values, strict=True) if math.isfinite(value)]
    if not finite:
        return None
    sign = -1.0 if higher_is_better(metric) else 1.0
    return min(finite, key=lambda pair: (sign * pair[0], pair[1]))[1]


def best_of(run: RunHistory, metric: str) -> tuple[int, float] | None:
    """The epoch of the best finite value of a run's metric, and the value; None if it has none."""
    values = run.metrics.get(metric, ())
    epoch = best(run.epochs[: len(values)], values, metric)
    return None if epoch is None else (epoch, values[run.epochs.index(epoch)])


def best_value(run: RunHistory, metric: str) -> float | None:
    """The best finite value of a run's metric; None if it has none."""
    found = best_of(run, metric)
    return None if found is None else found[1]


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

    It is the first epoch k after the best one for which the smoothed validation loss stays more than `tolerance`
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
    first = int(np.argmin(values[:count])) + 1
    risen[: first - 1] = False
    if not risen.any():
        return None
    k = int(risen.argmax()) + 1
    earliest = max(first, k - smoothing // 2)
    while k > earliest and values[k - 1] > (1 + tolerance) * min(values[: k - 1]):
        k -= 1
    return epochs[k]


Word = Literal["overfitting", "still improving", "did not learn", "no onset", "diverged", "too few epochs"]


@dataclass(frozen=True)
class Reading:
    """What one run's curves say, in one view: losses in the task's unit, epochs from 1, None where nothing can be said.

    - `best_measure`: the task's own measure of the validation set at the best epoch, that of least validation loss.
    - `gap_at_best`, `gap_at_end`: validation loss minus training loss (the generalisation gap: Goodfellow,
      Bengio and Courville 2016, *Deep Learning*, 5.2) at the best and at the last epoch.
    - `rise`: the last validation loss minus that of the best epoch.
    - `slope_after_onset`: loss an epoch, by least squares through the validation losses from the onset on.
    - `onset_epoch`: None too if the network has not learned: then there is nothing to overfit.
    - `area_between`: loss times epochs between validation and training loss, by the trapezoidal rule.
    - `learned`: whether the data's loss, in validation or in training, ever got below `LEARNED` times that of chance;
      true if that is not known.
    - `test_loss`, `test_measure`: of the test set, at the epoch that training chose; None without a holdout.
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
    rise: float | None
    slope_after_onset: float | None
    area_between: float | None
    penalty: float | None
    learned: bool
    evaluated: bool
    word: Word
    test_loss: float | None = None
    test_measure: float | None = None

    @property
    def verdict(self) -> str:
        """What was seen, in words."""
        return said(self.word, self.onset_epoch, (self.epochs,))


def same_training(one: Reading, other: Reading) -> bool:
    """Whether two runs of one seed are the same training: they learned, and all that is read of them is the same.

    So are runs of the same specification, and of those that differ in what has no effect: a dropout rate of 0. Networks
    that never learned may have the same losses and nothing else in common.
    """
    return one.learned and replace(one, run_id="", penalty=None) == replace(other, run_id="", penalty=None)


def said(word: Word, onset_epoch: int | None, epochs: Collection[int]) -> str:
    """A verdict for people; `epochs` are the numbers of epochs of the runs that it is of."""
    if word == "overfitting":
        return f"overfitting from epoch {onset_epoch}"
    if word == "no onset":
        low, high = min(epochs), max(epochs)
        return f"no onset in {low} epochs" if low == high else f"no onset in {low} to {high} epochs"
    return "still improving: train longer" if word == "still improving" else word


def read(history: RunHistory, view: View = "data", task: Task = Binary()) -> Reading:  # noqa: B008 (it is frozen)
    """The reading of one run. One with a loss that is not finite has the word `diverged`."""
    missing = (math.nan,) * len(history.epochs)
    trained, inferred, validated = CURVES[view]
    evaluated = inferred in history.metrics
    validation = history.metrics.get(validated, missing)
    training = history.metrics.get(inferred if evaluated else trained, missing)
    measure = history.metrics.get(Of.VALIDATION + task.measure, missing)
    epochs = history.epochs
    best_epoch, onset_epoch = best(epochs, validation), onset(epochs, validation)
    word = _word(history, validation, onset_epoch, task.chance)
    if word == "did not learn":
        onset_epoch = None
    at = {epoch: i for i, epoch in enumerate(epochs)}
    gaps = [v - t for v, t in zip(validation, training, strict=True)]

    def value(values: Sequence[float], epoch: int | None) -> float | None:
        found = math.nan if epoch is None else values[at[epoch]]
        return found if math.isfinite(found) else None

    last = epochs[-1] if epochs else None
    best_loss, final_loss = value(validation, best_epoch), value(validation, last)
    after = at[onset_epoch] if onset_epoch is not None else None
    rising = list(zip(epochs, validation, strict=True))[after:] if after is not None else []
    whole = bool(gaps) and all(map(math.isfinite, gaps))
    with_penalty, without = (value(history.metrics.get(m, missing), last) for m in (VAL_LOSS, VAL_DATA_LOSS))
    return Reading(
        run_id=history.run_id,
        seed=history.seed,
        epochs=len(epochs),
        best_epoch=best_epoch,
        best_loss=best_loss,
        best_measure=value(measure, best_epoch),
        final_loss=final_loss,
        onset_epoch=onset_epoch,
        gap_at_best=value(gaps, best_epoch),
        gap_at_end=value(gaps, last),
        rise=None if best_loss is None or final_loss is None else final_loss - best_loss,
        slope_after_onset=_slope([pair for pair in rising if math.isfinite(pair[1])]),
        area_between=float(np.trapezoid(gaps, epochs)) if whole else None,
        penalty=None if with_penalty is None or without is None else with_penalty - without,
        learned=_learned(history, task.chance),
        evaluated=evaluated,
        word=word,
    )


def _slope(points: Sequence[tuple[int, float]]) -> float | None:
    if len(points) < 2:
        return None
    epochs, losses = zip(*points, strict=True)
    return float(stats.linregress(epochs, losses).slope)


def _word(history: RunHistory, validation: Sequence[float], onset_epoch: int | None, chance: float | None) -> Word:
    """The first of these that fits. docs/analysis.md has a table of cases.

    - `diverged`: a loss was not finite.
    - `too few epochs`: fewer than would show an onset.
    - `still improving`: the smoothed validation loss fell by more than `PACE` per epoch at the end, and its least
      value is in the second half of that.
    - `did not learn`: neither the data's validation loss nor its training loss got below `LEARNED` times that of
      chance, if that is known. A network that learns the training set by heart has learned.
    - `overfitting`: there is an onset.
    - `no onset`: none of these.
    """
    losses = (values for name, values in history.metrics.items() if name in METRICS and METRICS[name].measure.loss)
    if any(not math.isfinite(value) for values in losses for value in values):
        return "diverged"
    if len(validation) <= PATIENCE:
        return "too few epochs"
    smoothed = smooth(validation)
    width = max(PATIENCE, len(smoothed) // END)
    falling = smoothed[-1] < (1 - PACE * width) * smoothed[-1 - width]
    if falling and np.argmin(validation) >= len(validation) - (width + 1) // 2:
        return "still improving"
    if not _learned(history, chance):
        return "did not learn"
    return "no onset" if onset_epoch is None else "overfitting"


def _learned(history: RunHistory, chance: float | None) -> bool:
    both = (history.metrics.get(name, ()) for name in (VAL_DATA_LOSS, DATA_LOSS.name))
    losses = [value for values in both for value in values if math.isfinite(value)]
    return chance is None or not losses or min(losses) <= LEARNED * chance
