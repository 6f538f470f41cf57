"""Telling two classes apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.kinds.task import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Binary(Task):
    """Two classes, 0 and 1: the prediction is the probability of 1."""

    name, title, place = "binary", "binary classification", 0
    activation, loss, score = "sigmoid", "binary_crossentropy", "binary_accuracy"
    smoothed = "binary_crossentropy"
    loss_title, unit = "cross-entropy", "nats"
    before, kept = True, "float16"

    @property
    def class_count(self) -> int:
        return 2

    @property
    def units(self) -> int:
        return 1

    @property
    def chance(self) -> float:
        """The cross-entropy of answering 0.5 to every row."""
        return math.log(2)

    def activated(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability of 1, from its log-odds."""
        import numpy as np  # only where it is computed

        return np.exp(-np.logaddexp(0, -outputs))

    def losses(self, labels: NDArray[np.float64], outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The cross-entropy, from the log-odds."""
        import numpy as np

        losses: NDArray[np.float64] = np.logaddexp(0, np.where(labels > 0.5, -outputs, outputs)).mean(axis=1)
        return losses
