"""RMSprop."""

from __future__ import annotations

from typing import Literal

from models.kinds.kind import Moment, Positive
from models.kinds.optimizer import Optimizer


class RMSprop(Optimizer):
    """`keras.optimizers.RMSprop`: steps divided by a moving average of the gradient's size."""

    title, keras, place = "RMSprop", "optimizers.RMSprop", 0
    unnamed = True

    name: Literal["rmsprop"] = "rmsprop"
    rho: Moment = 0.9
    momentum: Moment = 0.0
    epsilon: Positive = 1e-7
    centered: bool = False

    def slots(self) -> int:
        return 1 + (self.momentum > 0) + self.centered
