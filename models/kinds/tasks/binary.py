"""Telling two classes apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.kinds.task import Task


@dataclass(frozen=True)
class Binary(Task):
    """Two classes, 0 and 1: the prediction is the probability of 1."""

    name, title, place = "binary", "binary classification", 0
    activation, loss, score = "sigmoid", "binary_crossentropy", "binary_accuracy"
    smoothed = "binary_crossentropy"
    loss_title, unit = "cross-entropy", "nats"

    @property
    def units(self) -> int:
        return 1

    @property
    def chance(self) -> float:
        """The cross-entropy of answering 0.5 to every row."""
        return math.log(2)
