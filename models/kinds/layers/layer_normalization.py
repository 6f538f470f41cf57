"""Layer normalization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from models.kinds.kind import Positive
from models.kinds.layer import Layer, scaled

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


class LayerNormalization(Layer):
    """`keras.layers.LayerNormalization`: brings the features of each row to mean 0 and variance 1."""

    title, keras, place = "layer normalization", "layers.LayerNormalization", 4
    words = "layer norm"

    type: Literal["layer_normalization"] = "layer_normalization"
    epsilon: Positive = 0.001
    center: bool = True
    scale: bool = True

    def weights(self, inputs: int) -> int:
        return inputs * (self.center + self.scale)

    def infer(self, values: np.ndarray, weights: Sequence[np.ndarray]) -> np.ndarray:
        mean, variance = values.mean(axis=1, keepdims=True), values.var(axis=1, keepdims=True)
        return scaled((values - mean) / (variance + self.epsilon) ** 0.5, weights, self.scale, self.center)
