"""Predicting a number."""

from __future__ import annotations

from dataclasses import dataclass

from models.kinds.task import Task


@dataclass(frozen=True)
class Regression(Task):
    """A number for each row: the prediction is in the label's own unit.

    deviation: the labels' standard deviation, None if it is not known.
    """

    name, title, place = "regression", "regression", 2
    activation, loss, score = "linear", "mean_squared_error", "mean_absolute_error"
    measure, loss_title, unit = "mae", "mean squared error", "squared units of the label"

    deviation: float | None = None

    @property
    def units(self) -> int:
        return 1

    @property
    def chance(self) -> float | None:
        """The mean squared error of answering the labels' mean to every row: their variance."""
        return None if self.deviation is None else self.deviation**2
