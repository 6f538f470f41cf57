"""Adagrad."""

from __future__ import annotations

from typing import Literal

from models.kinds.kind import Penalty, Positive
from models.kinds.optimizer import Optimizer


class Adagrad(Optimizer):
    """`keras.optimizers.Adagrad`: steps that get smaller the larger a weight's gradients have been."""

    title, keras, place = "Adagrad", "optimizers.Adagrad", 4

    name: Literal["adagrad"] = "adagrad"
    initial_accumulator_value: Penalty = 0.1
    epsilon: Positive = 1e-7

    def slots(self) -> int:
        return 1
