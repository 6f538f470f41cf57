"""The F1 score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.metric import Measure

if TYPE_CHECKING:
    import numpy as np


class F1(Measure):
    """The harmonic mean of precision and recall: of two classes, of the second; of more, the mean over the classes.

    The answer is the likeliest class. A class that neither a label nor an answer names does not count; 0 if there is
    no other.
    """

    name, title = "f1", "F1"
    higher_is_better = True
    bounds = (0.0, 1.0)
    tasks = ("binary", "multiclass")

    @staticmethod
    def value(labels: np.ndarray, predictions: np.ndarray) -> float:
        import numpy as np  # only where it is computed

        units = predictions.shape[1]
        truth = labels[:, 0].astype(int)
        answers = (predictions[:, 0] > 0.5).astype(int) if units == 1 else predictions.argmax(axis=1)
        right = np.bincount(truth[truth == answers], minlength=max(2, units))
        named = np.bincount(truth, minlength=max(2, units)) + np.bincount(answers, minlength=max(2, units))
        scores = 2 * right / np.maximum(named, 1)
        if units == 1:
            return float(scores[1])
        return float(scores[named > 0].mean()) if named.any() else 0.0
