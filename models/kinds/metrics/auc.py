"""The area under the ROC curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.metric import Measure

if TYPE_CHECKING:
    import numpy as np


class Auc(Measure):
    """The chance that a row of a class gets a greater probability of it than another: the area under the ROC curve.

    Of two classes, of the second; of more, the mean over the classes, each against all others. Ties count half; a class
    of which there is no row, or none else, does not count, and the value is NaN if there is no other. By the ranks of
    the predictions: Hanley and McNeil 1982, "The meaning and use of the area under a receiver operating characteristic
    (ROC) curve", Radiology 143.
    """

    name, title = "auc", "AUC"
    higher_is_better = True
    bounds = (0.0, 1.0)
    tasks = ("binary", "multiclass")

    @staticmethod
    def value(labels: np.ndarray, predictions: np.ndarray) -> float:
        import numpy as np  # only where it is computed

        classes = [1] if predictions.shape[1] == 1 else range(predictions.shape[1])
        areas = []
        for column, number in enumerate(classes):
            own = labels[:, 0] == number
            positive, negative = int(own.sum()), int((~own).sum())
            if positive and negative:
                _, place, counts = np.unique(predictions[:, column], return_inverse=True, return_counts=True)
                ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
                areas.append((ranks[own].sum() - positive * (positive + 1) / 2) / (positive * negative))
        return float(np.mean(areas)) if areas else float("nan")
