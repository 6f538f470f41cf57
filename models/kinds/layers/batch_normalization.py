"""Batch normalization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from models.kinds.kind import Moment, Positive
from models.kinds.layer import Layer, scaled

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


class BatchNormalization(Layer):
    """`keras.layers.BatchNormalization`: brings each feature to mean 0 and variance 1 over a batch."""

    title, keras, place = "batch normalization", "layers.BatchNormalization", 3
    words = "batch norm"
    tensors = 3

    type: Literal["batch_normalization"] = "batch_normalization"
    momentum: Moment = 0.99
    epsilon: Positive = 0.001
    center: bool = True
    scale: bool = True

    def weights(self, inputs: int) -> int:
        return inputs * (2 + self.center + self.scale)

    def infer(self, values: np.ndarray, weights: Sequence[np.ndarray]) -> np.ndarray:
        *trained, mean, variance = weights
        return scaled((values - mean) / (variance + self.epsilon) ** 0.5, trained, self.scale, self.center)
