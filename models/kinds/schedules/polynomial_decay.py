"""Polynomial decay."""

from __future__ import annotations

from typing import Literal

from models.kinds.kind import Positive
from models.kinds.schedule import LearningRate, LowRate, Schedule, Updates


class PolynomialDecay(Schedule):
    """`keras.optimizers.schedules.PolynomialDecay`: to `end_learning_rate` in `decay_steps` updates, by a power."""

    title, keras = "polynomial decay", "optimizers.schedules.PolynomialDecay"
    starts = {"initial_learning_rate": 0.001, "decay_steps": 100}

    schedule: Literal["polynomial_decay"] = "polynomial_decay"
    initial_learning_rate: LearningRate
    decay_steps: Updates
    end_learning_rate: LowRate = 0.0001
    power: Positive = 1.0
    cycle: bool = False

    def reaches(self) -> tuple[str, int]:
        return "decay_steps", self.decay_steps
