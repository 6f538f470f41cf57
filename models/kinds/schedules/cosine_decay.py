"""Cosine decay."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.kinds.schedule import LearningRate, Schedule, Updates


class CosineDecay(Schedule):
    """`keras.optimizers.schedules.CosineDecay`: along half a cosine to `alpha` times the rate, after a linear warm-up.

    Loshchilov and Hutter 2016, "SGDR: stochastic gradient descent with warm restarts". There is a warm-up, of
    `warmup_steps` updates up to `warmup_target`, if the latter is given.
    """

    title, keras, place = "cosine decay", "optimizers.schedules.CosineDecay", 0
    starts = {"initial_learning_rate": 0.001, "decay_steps": 100}

    schedule: Literal["cosine_decay"] = "cosine_decay"
    initial_learning_rate: LearningRate
    decay_steps: Updates
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.0
    warmup_target: LearningRate | None = None
    warmup_steps: Annotated[int, Field(ge=0, le=10**9)] = 0

    def reaches(self) -> tuple[str, int]:
        return "decay_steps", self.decay_steps + (self.warmup_steps if self.warmup_target else 0)
