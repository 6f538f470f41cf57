"""A run's history as plain values: what plots, metrics and analysis are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

METRICS = ("loss", "acc", "val_loss", "val_acc", "data_loss", "val_data_loss")
"""What every epoch records. `loss` and `val_loss` are Keras's, penalty included; their `data` twins go without."""

EVALUATED = ("eval_loss", "eval_acc", "eval_data_loss")
"""The training set in inference mode, recorded where `training.evaluate_train` asks for it."""


@dataclass(frozen=True)
class RunHistory:
    """One run's epochs so far.

    `epochs` counts from 1; each of `metrics` has a value an epoch, NaN and infinities included;
    a metric that was not recorded is absent. `recorded_at` has a time an epoch, or is empty where
    nobody asked for it. What is read from the database is in arrays: eight bytes per value.
    """

    run_id: str
    variant: str
    seed: int
    status: str
    epochs: Sequence[int]
    metrics: Mapping[str, Sequence[float]]
    recorded_at: Sequence[datetime] = ()
