"""Nadam."""

from __future__ import annotations

from typing import Literal

from models.kinds.kind import Moment, Positive
from models.kinds.optimizer import Optimizer


class Nadam(Optimizer):
    """`keras.optimizers.Nadam`: Adam with Nesterov's momentum.

    Dozat 2016, "Incorporating Nesterov momentum into Adam", ICLR workshop.
    """

    title, keras = "Nadam", "optimizers.Nadam"

    name: Literal["nadam"] = "nadam"
    beta_1: Moment = 0.9
    beta_2: Moment = 0.999
    epsilon: Positive = 1e-7
