"""What every schedule of the learning rate is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.kinds.kind import KerasKind

LearningRate = Annotated[float, Field(gt=0, le=1e30)]  # far past where training diverges: whoever wants to see that
LowRate = Annotated[float, Field(ge=0, le=1e30)]
Updates = Annotated[int, Field(ge=1, le=10**9)]


class Schedule(KerasKind):
    """A learning rate that follows from the number of updates so far, one per batch."""

    tag = "schedule"

    schedule: str

    def reaches(self) -> tuple[str, int]:
        """The field that says how long it takes, and the updates that a run must have at least to see it through."""
        raise NotImplementedError
