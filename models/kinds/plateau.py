"""A learning rate that is reduced when training gets no further."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from models.kinds.kind import KerasKind, Model, Penalty
from models.kinds.metrics import METRICS, MetricName
from models.kinds.schedule import LearningRate, LowRate


class Plateau(KerasKind):
    """`keras.callbacks.ReduceLROnPlateau`: times `factor` once `monitor` has not bettered for `patience` epochs.

    It begins with `initial_learning_rate`, the optimizer's own default unless given.
    """

    title, keras = "reduced on a plateau", "callbacks.ReduceLROnPlateau"

    initial_learning_rate: LearningRate | None = None
    monitor: MetricName = "val_loss"
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    patience: Annotated[int, Field(ge=0, le=1000)] = 10
    min_delta: Penalty = 0.0001
    cooldown: Annotated[int, Field(ge=0, le=1000)] = 0
    min_lr: LowRate = 0.0

    def arguments(self) -> dict[str, Any]:
        mode = "max" if METRICS[self.monitor].measure.higher_is_better else "min"
        own = {name: value for name, value in super().arguments().items() if name != "initial_learning_rate"}
        return {**own, "mode": mode}


class ReduceOnPlateau(Model):
    """A learning rate that `keras.callbacks.ReduceLROnPlateau` reduces."""

    reduce_on_plateau: Plateau
