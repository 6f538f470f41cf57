"""How many weights of a layer's kernel are next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.metric import WeightMeasure

if TYPE_CHECKING:
    import numpy as np


class NearZero(WeightMeasure):
    """The share of the layer's kernel whose weights are below 0.001 in size, biases left out.

    Not those that are 0: an L1 penalty added to the loss moves a weight across 0 and back, by a step of the optimizer.
    """

    name, title = "near_zero", "share of weights near zero"
    bounds = (0.0, 1.0)

    @staticmethod
    def value(kernel: np.ndarray) -> float:  # type: ignore[override]
        return float(((kernel > -1e-3) & (kernel < 1e-3)).mean())
