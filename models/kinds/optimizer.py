"""What every optimizer is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.kinds.kind import KerasKind

LearningRate = Annotated[float, Field(gt=0, le=1e30)]  # far past where training diverges: whoever wants to see that


class Optimizer(KerasKind):
    """What updates the weights from their gradients."""

    tag = "name"
    main = ("learning_rate",)

    name: str
    learning_rate: LearningRate = 0.001

    def slots(self) -> int:
        """The optimizer's own variables for each weight."""
        return 2
