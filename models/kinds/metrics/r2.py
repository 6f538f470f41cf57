"""The coefficient of determination."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from models.kinds.metric import Measure

if TYPE_CHECKING:
    import numpy as np


class R2(Measure):
    """R²: which part of the labels' variance is explained. 1 is perfect, 0 as good as the labels' mean for every row.

    As `keras.metrics.R2Score`, but NaN if all labels are the same: there is no variance then.
    """

    name, title = "r2", "R²"
    higher_is_better = True
    bounds = (-math.inf, 1.0)
    tasks = ("regression",)

    @staticmethod
    def value(labels: np.ndarray, predictions: np.ndarray) -> float:
        total = float(((labels - labels.mean()) ** 2).sum())
        return 1 - float(((labels - predictions) ** 2).sum()) / total if total > 0 else float("nan")
