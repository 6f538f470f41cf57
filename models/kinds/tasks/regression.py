"""Predicting a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.kinds.task import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Regression(Task):
    """A number for each row: the prediction is in the label's own unit.

    label_unit: that unit, in the plural; "" if it has none. deviation: the labels' standard deviation, None if unknown.
    """

    name, title, place = "regression", "regression", 2
    activation, loss, score = "linear", "mean_squared_error", "mean_absolute_error"
    measure, loss_title = "mae", "mean squared error"

    label_unit: str = ""
    deviation: float | None = None

    @property
    def unit(self) -> str:
        return f"{self.label_unit}, squared" if self.label_unit else ""

    @property
    def measure_unit(self) -> str:
        return self.label_unit

    @property
    def units(self) -> int:
        return 1

    @property
    def chance(self) -> float | None:
        """The mean squared error of answering the labels' mean to every row: their variance."""
        return None if self.deviation is None else self.deviation**2

    def losses(self, labels: NDArray[np.float64], outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The squared error."""
        losses: NDArray[np.float64] = ((labels - outputs) ** 2).mean(axis=1)
        return losses
