"""The norm of a layer's kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.metric import WeightMeasure

if TYPE_CHECKING:
    import numpy as np


class Norm(WeightMeasure):
    """The Euclidean norm of the layer's kernel: the root of the sum of its squared weights, biases left out."""

    name, title, place = "norm", "norm of the weights", 0

    @staticmethod
    def value(kernel: np.ndarray) -> float:  # type: ignore[override]
        import numpy as np  # only where it is computed

        # In 64 bits, piece by piece: no copy of the whole kernel.
        return float(np.sqrt(np.einsum("iu,iu->", kernel, kernel, dtype=np.float64, casting="safe")))
