"""Exponential decay."""

from __future__ import annotations

from typing import Literal

from models.kinds.kind import Positive
from models.kinds.schedule import LearningRate, Schedule, Updates


class ExponentialDecay(Schedule):
    """`keras.optimizers.schedules.ExponentialDecay`: times `decay_rate` in each `decay_steps` updates."""

    title, keras = "exponential decay", "optimizers.schedules.ExponentialDecay"
    starts = {"initial_learning_rate": 0.001, "decay_steps": 100, "decay_rate": 0.9}

    schedule: Literal["exponential_decay"] = "exponential_decay"
    initial_learning_rate: LearningRate
    decay_steps: Updates
    decay_rate: Positive
    staircase: bool = False

    def reaches(self) -> tuple[str, int]:
        return "decay_steps", self.decay_steps
