"""Fully connected layers."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from models.kinds.activation import activate
from models.kinds.constraints import AnyConstraint
from models.kinds.layer import Layer
from models.kinds.regularizers import AnyRegularizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

MAX_UNITS = 4096

Activation = Literal[
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "softsign",
    "tanh", "sigmoid", "hard_sigmoid", "exponential", "softmax",
]  # fmt: skip
BiasInitializer = Literal[
    "zeros", "ones", "random_normal", "random_uniform", "truncated_normal", "glorot_normal", "glorot_uniform",
    "he_normal", "he_uniform", "lecun_normal", "lecun_uniform",
]  # fmt: skip
Initializer = Literal[BiasInitializer, "orthogonal"]  # the last is of matrices only


class Dense(Layer):
    """`keras.layers.Dense`: a weighted sum of all inputs for each unit, and an activation."""

    title, keras, place = "dense", "layers.Dense", 0
    words = "{units} {activation}"
    reads = kernel = True
    starts = {"units": 16, "activation": "relu"}
    main = ("units", "activation", "kernel_regularizer")

    type: Literal["dense"] = "dense"
    units: int = Field(ge=1, le=MAX_UNITS)
    activation: Activation = "linear"
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: BiasInitializer = "zeros"
    kernel_regularizer: AnyRegularizer | None = None
    bias_regularizer: AnyRegularizer | None = None
    activity_regularizer: AnyRegularizer | None = None
    # Absent if there is none: a run's key stays what it was before there were any.
    kernel_constraint: AnyConstraint | None = Field(default=None, exclude_if=operator.not_)

    def width(self, inputs: int) -> int:
        return self.units

    def weights(self, inputs: int) -> int:
        return (inputs + self.use_bias) * self.units

    def scratch(self, inputs: int) -> int:
        return 3 * inputs * self.units if self.kernel_constraint else 0

    def infer(self, values: np.ndarray, weights: Sequence[np.ndarray]) -> np.ndarray:
        return self.finish(values @ weights[0], weights)

    def finish(self, product: np.ndarray, weights: Sequence[np.ndarray]) -> np.ndarray:
        """The layer's output of its inputs' product with the kernel."""
        return activate(self.activation, product + weights[1] if self.use_bias else product)
