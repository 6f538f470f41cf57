"""Decay by the inverse of time."""

from __future__ import annotations

from typing import Literal

from models.kinds.kind import Penalty
from models.kinds.schedule import LearningRate, Schedule, Updates


class InverseTimeDecay(Schedule):
    """`keras.optimizers.schedules.InverseTimeDecay`: divided by 1 + `decay_rate` × updates / `decay_steps`."""

    title, keras = "inverse time decay", "optimizers.schedules.InverseTimeDecay"
    starts = {"initial_learning_rate": 0.001, "decay_steps": 100, "decay_rate": 0.5}

    schedule: Literal["inverse_time_decay"] = "inverse_time_decay"
    initial_learning_rate: LearningRate
    decay_steps: Updates
    decay_rate: Penalty
    staircase: bool = False

    def reaches(self) -> tuple[str, int]:
        return "decay_steps", self.decay_steps
