"""What one run's curves say: its best epoch, and when it began to overfit.

Pure functions of one curve: `values[i]` is the value at `epochs[i]`, epochs rising.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

SMOOTHING = 3
"""Epochs in the running median."""

PATIENCE = 3
"""Epochs in a row for which the loss has to stay risen."""

TOLERANCE = 0.02
"""How far above its least value so far the loss has to rise, as a fraction of that value."""


def higher_is_better(metric: str) -> bool:
    """Whether `metric` is an accuracy rather than a loss."""
    return metric.endswith("acc")


def best(epochs: Sequence[int], values: Sequence[float], metric: str = "val_loss") -> int | None:
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
    above its least value before k, for `patience` epochs from k on. Losses are positive, so the
    tolerance is a fraction: Prechelt's generalisation loss GL = 100 · (loss / least loss − 1), held
    for several epochs as in his UP criterion (Prechelt 1998, "Early stopping – but when?", section 2).
    A curve is read up to its first value that is not finite.
    """
    count = next((i for i, value in enumerate(values) if not math.isfinite(value)), len(values))
    smoothed = smooth(values[:count], smoothing)
    for k in range(1, count - patience + 1):
        if np.all(smoothed[k : k + patience] > (1 + tolerance) * smoothed[:k].min()):
            return epochs[k]
    return None
