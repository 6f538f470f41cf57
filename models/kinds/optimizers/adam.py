"""Adam."""

from __future__ import annotations

from typing import Literal

from models.kinds.kind import Moment, Positive
from models.kinds.optimizer import Optimizer


class Adam(Optimizer):
    """`keras.optimizers.Adam`: steps by moving averages of the gradient and of its square."""

    title, keras, place = "Adam", "optimizers.Adam", 1

    name: Literal["adam"] = "adam"
    beta_1: Moment = 0.9
    beta_2: Moment = 0.999
    epsilon: Positive = 1e-7
    amsgrad: bool = False

    def slots(self) -> int:
        return 2 + self.amsgrad
