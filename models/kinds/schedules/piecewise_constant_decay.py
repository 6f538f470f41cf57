"""A rate in steps."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from models.kinds.schedule import LowRate, Schedule, Updates

MAX_BOUNDARIES = 100


class PiecewiseConstantDecay(Schedule):
    """`keras.optimizers.schedules.PiecewiseConstantDecay`: the first of `values` up to the first of `boundaries`, …"""

    title, keras = "piecewise constant", "optimizers.schedules.PiecewiseConstantDecay"
    starts = {"boundaries": (100, 200), "values": (0.001, 0.0005, 0.0001)}

    schedule: Literal["piecewise_constant_decay"] = "piecewise_constant_decay"
    boundaries: Annotated[tuple[Updates, ...], Field(min_length=1, max_length=MAX_BOUNDARIES)]
    values: Annotated[tuple[LowRate, ...], Field(min_length=1, max_length=MAX_BOUNDARIES + 1)]

    @field_validator("boundaries")
    @classmethod
    def _increase(cls, boundaries: tuple[int, ...]) -> tuple[int, ...]:
        if any(later <= earlier for earlier, later in itertools.pairwise(boundaries)):
            raise ValueError("the boundaries must increase")
        return boundaries

    @field_validator("values")
    @classmethod
    def _fit(cls, values: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        boundaries = info.data.get("boundaries")
        if boundaries is not None and len(values) != len(boundaries) + 1:
            raise ValueError(f"{len(boundaries)} boundaries need {len(boundaries) + 1} values")
        return values

    def reaches(self) -> tuple[str, int]:
        return "boundaries", self.boundaries[-1] + 1
