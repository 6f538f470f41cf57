"""Telling more than two classes apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.kinds.task import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Multiclass(Task):
    """`classes` classes, from 0: a prediction is a probability for each, a label the number of the right one."""

    name, title, place = "multiclass", "classification", 1
    # Keras's categorical cross-entropy and accuracy, of labels that are numbers instead of one-hot rows.
    activation, loss, score = "softmax", "sparse_categorical_crossentropy", "sparse_categorical_accuracy"
    smoothed = "categorical_crossentropy"
    loss_title, unit = "categorical cross-entropy", "nats"
    before, kept = True, "float16"

    classes: int

    @property
    def class_count(self) -> int:
        return self.classes

    @property
    def units(self) -> int:
        return self.classes

    @property
    def chance(self) -> float:
        """The cross-entropy of the same probability for every class."""
        return math.log(self.classes)

    def centred(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The logits below that of the likeliest class, which is 0."""
        largest: NDArray[np.float32] = outputs.max(axis=1, keepdims=True)
        return outputs - largest

    def activated(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability of each class, from the logits."""
        import numpy as np  # only where it is computed

        return np.exp(_log_softmax(outputs))

    def activated_and_losses(
        self, labels: NDArray[np.float64], outputs: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both from the same logarithms."""
        import numpy as np

        logs = _log_softmax(outputs)
        return np.exp(logs), _losses(labels, logs)

    def losses(self, labels: NDArray[np.float64], outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The cross-entropy, from the logits."""
        return _losses(labels, _log_softmax(outputs))


def _losses(labels: NDArray[np.float64], logs: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    return -np.take_along_axis(logs, labels.astype(np.int64), axis=1)[:, 0]


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
