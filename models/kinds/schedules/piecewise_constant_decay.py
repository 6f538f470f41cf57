"""A rate in steps."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.kinds.schedule import LowRate, Schedule, Updates

MAX_BOUNDARIES = 100


class PiecewiseConstantDecay(Schedule):
    """`keras.optimizers.schedules.PiecewiseConstantDecay`: the first of `values` up to the first of `boundaries`, …"""

    title, keras = "piecewise constant", "optimizers.schedules.PiecewiseConstantDecay"
    starts = {"boundaries": (100, 200), "values": (0.001, 0.0005, 0.0001)}

    schedule: Literal["piecewise_constant_decay"] = "piecewise_constant_decay"
    boundaries: Annotated[tuple[Updates, ...], Field(min_length=1, max_length=MAX_BOUNDARIES)]
    values: Annotated[tuple[LowRate, ...], Field(min_length=1, max_length=MAX_BOUNDARIES + 1)]

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if any(later <= earlier for earlier, later in itertools.pairwise(self.boundaries)):
            raise ValueError("the boundaries must increase")
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(f"{len(self.boundaries)} boundaries need {len(self.boundaries) + 1} values")
        return self

    def reaches(self) -> tuple[str, int]:
        return "boundaries", self.boundaries[-1] + 1
