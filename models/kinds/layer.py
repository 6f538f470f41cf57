"""What every hidden layer is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, ClassVar

from models.kinds.kind import KerasKind

if TYPE_CHECKING:
    import numpy as np

MAX_LAYERS = 16
"""Hidden layers of a network."""


class Layer(KerasKind):
    """A hidden layer, which takes float32 (rows, inputs).

    words: the layer in a network's line, with its fields' values in braces. reads: whether it may be the first
    layer, which reads the data set's rows. noise: whether it changes its inputs in training alone; such layers may
    stand before the first one that reads. tensors: how many arrays of its output's size training holds, at least.
    kernel: whether Keras's layer has a `kernel`, whose weights `training.weights` measures.
    """

    tag = "type"

    words: ClassVar[str]
    reads: ClassVar[bool] = False
    noise: ClassVar[bool] = False
    tensors: ClassVar[int] = 1
    kernel: ClassVar[bool] = False

    type: str

    def width(self, inputs: int) -> int:
        """The features that it gives, of `inputs` features."""
        return inputs

    def weights(self, inputs: int) -> int:
        """Its weights on `inputs` features, the untrained ones included, as `keras.Layer.count_params` counts them."""
        return 0

    def scratch(self, inputs: int) -> int:
        """The numbers that an update of its weights holds beside them, their gradients and the optimizer's own."""
        return 0

    def infer(self, values: np.ndarray, weights: Sequence[np.ndarray]) -> np.ndarray:
        """What Keras's layer gives of `values`, float64 (rows, inputs), when it is not trained.

        `weights`: in Keras's order. A layer without any is taken for one that then changes nothing.
        """
        if weights:
            raise NotImplementedError(f"{type(self).__name__}.infer")
        return values


OUTPUT = "output"
"""The name of a model's output layer."""


def name_of(type: str, place: int) -> str:
    """The name of a model's hidden layer of this type: it is the `place`th of them, counted from 1."""
    return f"{type}_{place}"


def on_inputs(layers: Sequence[Layer]) -> int:
    """How many of a network's layers, the first ones, put noise on the inputs before a layer reads them."""
    return sum(1 for _ in takewhile(lambda layer: layer.noise, layers))


def scaled(values: np.ndarray, weights: Sequence[np.ndarray], scale: bool, center: bool) -> np.ndarray:
    """Normalized `values` by a normalization layer's factors and offsets, those of the two that it has."""
    left = iter(weights)
    if scale:
        values = values * next(left)
    return values + next(left) if center else values
