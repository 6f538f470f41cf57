"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Literal

from models.kinds.kind import Moment
from models.kinds.optimizer import AnyLearningRate, Optimizer


class SGD(Optimizer):
    """`keras.optimizers.SGD`: steps along the gradient, with momentum if asked for."""

    title, keras, place = "SGD", "optimizers.SGD", 3

    name: Literal["sgd"] = "sgd"
    learning_rate: AnyLearningRate = 0.01
    momentum: Moment = 0.0
    nesterov: bool = False

    def slots(self) -> int:
        return int(self.momentum > 0)
