"""The Brier score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.metric import Measure

if TYPE_CHECKING:
    import numpy as np


class Brier(Measure):
    """The mean squared distance between the probability of class 1 and the label.

    Brier 1950, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78; of two
    classes, as scikit-learn has it, half of his sum over both.
    """

    name, title = "brier", "Brier score"
    bounds = (0.0, 1.0)
    tasks = ("binary",)

    @staticmethod
    def value(labels: np.ndarray, predictions: np.ndarray) -> float:
        return float(((predictions - labels) ** 2).mean())
