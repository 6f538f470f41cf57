"""What every schedule of the learning rate is."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from models.kinds.kind import KerasKind

LEAST = 1.2e-38
"""Networks are trained in 32-bit floats: what is nearer to 0 is 0 there."""


def _held(rate: float) -> float:
    if 0 < rate < LEAST:
        raise ValueError(f"A rate nearer to 0 than {LEAST:g} is 0 in a 32-bit float")
    return rate


# 1e30 is far past where training diverges: whoever wants to see that may.
LearningRate = Annotated[float, Field(gt=0, le=1e30), AfterValidator(_held)]
LowRate = Annotated[float, Field(ge=0, le=1e30), AfterValidator(_held)]
Updates = Annotated[int, Field(ge=1, le=10**9)]


class Schedule(KerasKind):
    """A learning rate that follows from the number of updates so far, one per batch."""

    tag = "schedule"

    schedule: str

    def reaches(self) -> tuple[str, int]:
        """The field that says how long it takes, and the updates that a run must have at least to see it through."""
        raise NotImplementedError
