"""What a run would have been, had it stopped early: its epochs up to there are those that it has."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reporting.answer import Answer
from reporting.overfitting import higher_is_better

PATIENCES = (1, 2, 3, 5)
"""In epochs."""


class Stop(Answer):
    """What early stopping by `patience` would have made of a run, by its `chosen_by`; it costs no training to know.

    `epoch`, `value`: the last epoch that it would have trained, and the value there; null if it would not have stopped
    in the epochs that there are. `best_epoch`, `best_value`: those of the best epoch until then, whose weights
    `restore_best` keeps.
    """

    patience: int
    epoch: int | None
    value: float | None
    best_epoch: int | None
    best_value: float | None


def stops(epochs: Sequence[int], values: Sequence[float], metric: str) -> list[Stop]:
    """Of one curve of `metric`, `values[i]` at `epochs[i]`: where each of `PATIENCES` would have ended it.

    By the rule of `keras.callbacks.EarlyStopping`: training ends once the value has not been better than the best for
    so many epochs. A value that is not a number is no better than another.
    """
    return [_stop(epochs, values, metric, patience) for patience in PATIENCES]


def _stop(epochs: Sequence[int], values: Sequence[float], metric: str, patience: int) -> Stop:
    sign = -1.0 if higher_is_better(metric) else 1.0
    least, at, waited = math.inf, None, 0
    for epoch, value in zip(epochs, values, strict=True):
        if sign * value < least:
            least, at, waited = sign * value, epoch, 0
            continue
        waited += 1
        if waited >= patience:
            found = None if at is None else sign * least
            last = value if math.isfinite(value) else None
            return Stop(patience=patience, epoch=epoch, value=last, best_epoch=at, best_value=found)
    return Stop(patience=patience, epoch=None, value=None, best_epoch=None, best_value=None)
