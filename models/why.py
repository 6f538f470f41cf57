"""Why a run's validation loss rises: what rows it rises by, epoch by epoch, and what that does to the probabilities.

A run's rise is that of its validation loss since the least one so far. It is the sum of what four groups of rows add,
each row being in one of them at an epoch:

- `less_sure`: right then and now, and their loss is greater now;
- `surer`: wrong then and now, and their loss is greater now;
- `changed`: right then and wrong now, or the other way round;
- `eased`: all others, whose loss is not greater now.

Brier score = `calibration` + `refinement` (Murphy 1973, "A new vector partition of the probability score", Journal of
Applied Meteorology 12; in two parts as DeGroot and Fienberg 1983 have it): how far the probabilities are from how often
they come true, and how little they tell rows apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from models.kinds.task import Task

GROUPS = ("less_sure", "surer", "changed", "eased")
BINS = 15
"""Of equal width: the probabilities in one of them count as the same forecast."""

Explained = dict[str, Any]
"""An epoch: `epoch`, `since` (the epoch of the least loss so far), `loss`, `rise`, of each group the `rows` and the
`loss` that they add to the rise, `calibration` and `refinement`. Losses are means over all rows, in the task's unit."""


class Rises:
    """Explains a run's epochs one after another.

    rows: those that it has explained. least: the outputs of the epoch of the least loss so far, float32 (rows, units);
    None before the first. Both are all that it needs to go on from.
    """

    def __init__(self, task: Task, labels: NDArray[np.float64]) -> None:
        self.task, self.labels = task, labels
        self.rows: list[Explained] = []
        self.least: NDArray[np.float32] | None = None
        self._least: _Scored | None = None

    def go_on(self, rows: Sequence[Explained], least: NDArray[np.float32]) -> None:
        """Continues behind these."""
        self.rows, self.least = list(rows), least
        self._least = _Scored.of(self.task, self.labels, least)

    def see(self, outputs: NDArray[np.float32]) -> None:
        """Explains the next epoch, by the network's outputs for each row."""
        now = _Scored.of(self.task, self.labels, outputs)
        since = self.rows[-1]["since"] if self.rows else 1
        explained = _against(self._least or now, now)
        if self._least is None or explained["rise"] < 0:
            # What this epoch is less than the least before it is no rise: the next ones rise from here.
            self.least, self._least = outputs, now
            since, explained = len(self.rows) + 1, _against(now, now)
        self.rows.append({"epoch": len(self.rows) + 1, "since": since, **explained, **_brier(self.labels, now.values)})


def explain(
    task: Task, labels: NDArray[np.float64], least: NDArray[np.floating], now: NDArray[np.floating]
) -> Explained:
    """What an epoch is against an earlier one. labels: (rows, 1); least, now: outputs, float (rows, units)."""
    before, after = (_Scored.of(task, labels, each) for each in (least, now))
    return {**_against(before, after), **_brier(labels, after.values)}


class _Scored(NamedTuple):
    """Of each row the loss and whether it is right, both (rows,), and the predictions, (rows, units)."""

    losses: NDArray[np.float64]
    right: NDArray[np.bool_]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, task: Task, labels: NDArray[np.float64], outputs: NDArray[np.floating]) -> Self:
        (values, losses), truth = task.activated_and_losses(labels, outputs.astype(np.float64)), labels[:, 0]
        answers = values[:, 0] > 0.5 if values.shape[1] == 1 else values.argmax(axis=1)
        return cls(losses, answers == truth, values)


def _against(before: _Scored, after: _Scored) -> Explained:
    difference, same = after.losses - before.losses, before.right == after.right
    up = same & (difference > 0)
    groups = {"less_sure": up & after.right, "surer": up & ~after.right, "changed": ~same, "eased": same & ~up}
    return {
        "loss": float(after.losses.mean()),
        "rise": float(difference.mean()),
        **{
            name: {"rows": int(rows.sum()), "loss": float(difference[rows].sum() / len(difference))}
            for name, rows in groups.items()
        },
    }


def _brier(labels: NDArray[np.float64], values: NDArray[np.float64]) -> dict[str, float]:
    """Of two classes by the probability of the second, as the metric `brier`; of more the sum over all of them."""
    truth = labels if values.shape[1] == 1 else labels == np.arange(values.shape[1])
    brier = float(((values - truth) ** 2).sum(axis=1).mean())
    calibration = 0.0
    for probable, true in zip(values.T, truth.T.astype(np.float64), strict=True):
        bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], probable)
        rows, said, came = (np.bincount(bins, weights=each, minlength=BINS) for each in (None, probable, true))
        there = rows > 0
        calibration += float(((said - came)[there] ** 2 / rows[there]).sum() / len(probable))
    return {"calibration": calibration, "refinement": brier - calibration}


def finite(rows: Iterable[Explained]) -> list[Explained]:
    """Those of epochs whose loss is finite."""
    return [row for row in rows if np.isfinite(row["loss"])]
