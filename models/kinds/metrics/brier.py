"""The Brier score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.metric import Measure

if TYPE_CHECKING:
    import numpy as np


class Brier(Measure):
    """The mean squared distance between the probabilities and what is true: 0 is perfect.

    Brier 1950, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78. Of more than
    two classes, his sum over all, up to 2; of two, as scikit-learn has it, half of that: the probability of the second.
    """

    name, title = "brier", "Brier score"
    bounds = (0.0, 2.0)
    tasks = ("binary", "multiclass")

    @staticmethod
    def value(labels: np.ndarray, predictions: np.ndarray) -> float:
        import numpy as np  # only where it is computed

        units = predictions.shape[1]
        truth = labels if units == 1 else labels == np.arange(units)
        return float(((predictions - truth) ** 2).sum(axis=1).mean())
