"""The area under the ROC curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.metric import Measure

if TYPE_CHECKING:
    import numpy as np


class Auc(Measure):
    """The chance that a row of class 1 gets a greater probability than one of class 0: the area under the ROC curve.

    Ties count half; NaN if all labels are the same. By the ranks of the predictions: Hanley and McNeil 1982, "The
    meaning and use of the area under a receiver operating characteristic (ROC) curve", Radiology 143.
    """

    name, title = "auc", "AUC"
    higher_is_better = True
    bounds = (0.0, 1.0)
    tasks = ("binary",)

    @staticmethod
    def value(labels: np.ndarray, predictions: np.ndarray) -> float:
        import numpy as np  # only where it is computed

        ones = labels[:, 0] > 0.5
        positive, negative = int(ones.sum()), int((~ones).sum())
        if not (positive and negative):
            return float("nan")
        _, place, counts = np.unique(predictions[:, 0], return_inverse=True, return_counts=True)
        ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
        return float((ranks[ones].sum() - positive * (positive + 1) / 2) / (positive * negative))
