"""The expected calibration error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.metric import Measure

if TYPE_CHECKING:
    import numpy as np


class Ece(Measure):
    """How far the probability of the likeliest class is from how often it is right, on average: 0 is perfect.

    Rows are put into 15 bins of equal width by that probability, each bin with its upper end, and the distances of the
    bins are weighted by their rows: Guo et al. 2017, "On calibration of modern neural networks", equation 3.
    """

    name, title = "ece", "calibration error"
    bounds = (0.0, 1.0)
    tasks = ("binary", "multiclass")

    @staticmethod
    def value(labels: np.ndarray, predictions: np.ndarray) -> float:
        import numpy as np  # only where it is computed

        if predictions.shape[1] == 1:
            predictions = np.concatenate([1 - predictions, predictions], axis=1)
        confidence, right = predictions.max(axis=1), predictions.argmax(axis=1) == labels[:, 0]
        bins = np.searchsorted(np.linspace(0, 1, 16)[1:-1], confidence)
        sums = [np.bincount(bins, weights=each, minlength=15) for each in (confidence, right)]
        return float(np.abs(sums[0] - sums[1]).sum() / len(labels))
