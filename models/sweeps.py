"""Sweeps: a grid of values becomes a variant each, after the notebook's advice.

"Start with relatively few layers and parameters, and increase until you see diminishing returns."
Every variant is the notebook's kind of network: `depth` hidden layers of `units` units (relu), with
penalties on their kernels and dropout behind each.
"""

from __future__ import annotations

import itertools
import math
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from models.kinds.kind import Model, Penalty, Rate
from models.kinds.layers.dense import MAX_UNITS
from models.specification import MAX_LAYERS, TrainSamples


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise ValueError("the values must differ")
    return values


Axis = Field(default=None, min_length=1, max_length=50)
Units = Annotated[int, Field(ge=1, le=MAX_UNITS)]
Depth = Annotated[int, Field(ge=0, le=MAX_LAYERS // 2)]


class Grid(Model):
    """The values of each axis; every combination of them is a variant."""

    units: Annotated[tuple[Units, ...] | None, AfterValidator(lambda v: v and _distinct(v))] = Axis
    depth: Annotated[tuple[Depth, ...] | None, AfterValidator(lambda v: v and _distinct(v))] = Axis
    l1: Annotated[tuple[Penalty, ...] | None, AfterValidator(lambda v: v and _distinct(v))] = Axis
    l2: Annotated[tuple[Penalty, ...] | None, AfterValidator(lambda v: v and _distinct(v))] = Axis
    dropout: Annotated[tuple[Rate, ...] | None, AfterValidator(lambda v: v and _distinct(v))] = Axis
    train_samples: Annotated[tuple[TrainSamples, ...] | None, AfterValidator(lambda v: v and _distinct(v))] = Axis

    def axes(self) -> dict[str, tuple[float, ...]]:
        """The axes that are given, in the order above."""
        return {name: values for name in type(self).model_fields if (values := getattr(self, name)) is not None}


class Sweep(Model):
    """`{"grid": {axis: values}}`."""

    grid: Grid

    def size(self) -> int:
        """How many variants it has; none where no axis is given."""
        axes = self.grid.axes()
        return math.prod(len(values) for values in axes.values()) if axes else 0

    def variants(self) -> list[dict[str, Any]]:
        """A raw variant a combination, named by it: `units=16 l2=0.001`. The last axis varies fastest."""
        axes = self.grid.axes()
        combinations = itertools.product(*axes.values()) if axes else ()
        return [_variant(dict(zip(axes, values, strict=True))) for values in combinations]


def _variant(swept: dict[str, float]) -> dict[str, Any]:
    at = {"units": 16, "depth": 2, "l1": 0.0, "l2": 0.0, "dropout": 0.0, **swept}
    dense: dict[str, Any] = {"type": "dense", "units": at["units"], "activation": "relu"}
    if at["l1"] or at["l2"]:
        dense["kernel_regularizer"] = {"l1": at["l1"], "l2": at["l2"]}
    block = [dense, {"type": "dropout", "rate": at["dropout"]}] if at["dropout"] else [dense]
    variant = {
        "name": " ".join(f"{axis}={value:.12g}" for axis, value in swept.items()),
        "layers": block * int(at["depth"]),
        "swept": swept,
    }
    if "train_samples" in swept:
        variant["dataset"] = {"train_samples": swept["train_samples"]}
    return variant
