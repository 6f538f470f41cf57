"""Telling more than two classes apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.kinds.task import Task


@dataclass(frozen=True)
class Multiclass(Task):
    """`classes` classes, from 0: a prediction is a probability for each, a label the number of the right one."""

    name, title, place = "multiclass", "classification", 1
    # Keras's categorical cross-entropy and accuracy, of labels that are numbers instead of one-hot rows.
    activation, loss, score = "softmax", "sparse_categorical_crossentropy", "sparse_categorical_accuracy"
    smoothed = "categorical_crossentropy"
    loss_title, unit = "categorical cross-entropy", "nats"

    classes: int

    @property
    def units(self) -> int:
        return self.classes

    @property
    def chance(self) -> float:
        """The cross-entropy of the same probability for every class."""
        return math.log(self.classes)
