"""The notebook's networks and its ready-made experiment, by name.

Source: the overfitting notebook of *Deep Learning with Python* (chapter 4.4): two hidden layers
of 16 units, and one change to them at a time. Values are raw specifications; whatever is not
named here takes its default in `models.specification`. `reuters` are that book's networks for
newswires (chapter 3.5), whose narrow second layer loses information, and dropout beside them;
`boston_housing` is its network for prices (chapter 3.6) with remedies beside it.
"""

from __future__ import annotations

from typing import Any

Layers = list[dict[str, Any]]


def _hidden(units: int, **arguments: Any) -> Layers:
    return [{"type": "dense", "units": units, "activation": "relu", **arguments} for _ in range(2)]


def _with_dropout(layers: Layers, rate: float) -> Layers:
    return [part for layer in layers for part in (layer, {"type": "dropout", "rate": rate})]


VARIANTS: dict[str, Layers] = {
    "original": _hidden(16),
    "smaller": _hidden(4),
    "bigger": _hidden(512),
    "l2": _hidden(16, kernel_regularizer={"l2": 0.001}),
    "l1": _hidden(16, kernel_regularizer={"l1": 0.001}),
    "l1_l2": _hidden(16, kernel_regularizer={"l1": 0.001, "l2": 0.001}),
    "dropout": _with_dropout(_hidden(16), 0.5),
}

DESCRIPTIONS: dict[str, str] = {
    "original": "two hidden layers of 16 units",
    "smaller": "two hidden layers of 4 units",
    "bigger": "two hidden layers of 512 units",
    "l2": "original with an L2 penalty of 0.001 on its kernels",
    "l1": "original with an L1 penalty of 0.001 on its kernels",
    "l1_l2": "original with L1 and L2 penalties of 0.001 on its kernels",
    "dropout": "original with dropout of 0.5 after each hidden layer",
}

JOBS: dict[str, dict[str, Any]] = {
    "notebook": {
        "name": "notebook",
        "variants": ["original", "smaller", "bigger", "l2", "dropout"],
        "baseline": "original",
    },
    "reuters": {
        "name": "reuters",
        "dataset": {"name": "reuters", "validation": {"holdout": 1000}},
        "variants": [
            {"name": "original", "layers": _hidden(64)},
            {"name": "bottleneck", "layers": [*_hidden(64)[:1], *_hidden(4)[:1]]},
            {"name": "dropout", "layers": _with_dropout(_hidden(64), 0.5)},
        ],
        "baseline": "original",
    },
    "boston_housing": {
        "name": "boston_housing",
        "dataset": {"name": "boston_housing", "validation": {"holdout": 101}},
        "training": {"epochs": 200, "batch_size": 16, "metrics": ["r2"]},
        "variants": [
            {"name": "original", "layers": _hidden(64)},
            {"name": "smaller", "layers": _hidden(8)},
            {"name": "l2", "layers": _hidden(64, kernel_regularizer={"l2": 0.1})},
            {"name": "dropout", "layers": _with_dropout(_hidden(64), 0.2)},
        ],
        "baseline": "original",
        "seeds": [0, 1, 2, 3, 4],
    },
}
