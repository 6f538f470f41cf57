"""The activations, by Keras's names, computed with NumPy: predictions need no TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
"""Klambauer et al. 2017, "Self-normalizing neural networks"."""


def activate(name: str, x: np.ndarray) -> np.ndarray:
    """`keras.activations.<name>` of float64 (rows, units), with its default arguments. Raises KeyError."""
    import numpy as np
    from scipy.special import erf, expit

    def softmax() -> np.ndarray:
        powers = np.exp(x - x.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))

    def softplus() -> np.ndarray:
        return np.asarray(np.logaddexp(x, 0))

    computed: dict[str, Callable[[], np.ndarray]] = {
        "linear": lambda: x,
        "relu": lambda: np.maximum(x, 0),
        "relu6": lambda: np.clip(x, 0, 6),
        "leaky_relu": lambda: np.maximum(x, 0.2 * x),
        "elu": lambda: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
        "selu": lambda: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0))),
        "gelu": lambda: x * (1 + erf(x / np.sqrt(2))) / 2,
        "silu": lambda: x * expit(x),
        "mish": lambda: x * np.tanh(softplus()),
        "softplus": softplus,
        "softsign": lambda: x / (1 + np.abs(x)),
        "tanh": lambda: np.tanh(x),
        "sigmoid": lambda: expit(x),
        "hard_sigmoid": lambda: np.clip(x + 3, 0, 6) / 6,
        "exponential": lambda: np.exp(x),
        "softmax": softmax,
    }
    return computed[name]()
