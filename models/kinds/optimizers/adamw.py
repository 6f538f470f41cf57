"""AdamW."""

from __future__ import annotations

from typing import Literal

from models.kinds.kind import Moment, Penalty, Positive
from models.kinds.optimizer import BareOptimizer


class AdamW(BareOptimizer):
    """`keras.optimizers.AdamW`: Adam with decoupled weight decay."""

    title, keras, place = "AdamW", "optimizers.AdamW", 2

    name: Literal["adamw"] = "adamw"
    beta_1: Moment = 0.9
    beta_2: Moment = 0.999
    epsilon: Positive = 1e-7
    amsgrad: bool = False
    weight_decay: Penalty = 0.004

    def slots(self) -> int:
        return 2 + self.amsgrad
