"""Sweeps: each combination of a grid's values becomes a variant, after the notebook's advice.

"Start with relatively few layers and parameters, and increase until you see diminishing returns."
Every variant is the notebook's kind of network, changed by the axes that are swept (`models.kinds.axes`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model

from models.kinds.axes import AXES
from models.kinds.axis import Network
from models.kinds.kind import Model

MAX_VALUES = 50
"""Values of an axis."""


class _Grid(Model):
    def axes(self) -> dict[str, tuple[float | str, ...]]:
        """The axes that are given, in the catalogue's order."""
        return {name: values for name in AXES if (values := getattr(self, name)) is not None}


if TYPE_CHECKING:
    Grid = _Grid
else:
    Grid = create_model(
        "Grid",
        __base__=_Grid,
        __doc__="The values of each axis; every combination of them is a variant.",
        **{
            name: (
                tuple[axis.values, ...] | None,
                Field(default=None, min_length=1, max_length=MAX_VALUES),
            )
            for name, axis in AXES.items()
        },
    )


class Sweep(Model):
    """`{"grid": {axis: values}}`."""

    grid: Grid

    def size(self) -> int:
        """How many variants it has; none if no axis is given."""
        axes = self.grid.axes()
        return math.prod(len(values) for values in axes.values()) if axes else 0

    def variants(self) -> list[dict[str, Any]]:
        """A raw variant for each combination, named by it: `units=16 l2=0.001`. The last axis varies fastest."""
        axes = self.grid.axes()
        combinations = itertools.product(*axes.values()) if axes else ()
        return [variant_of(dict(zip(axes, values, strict=True))) for values in combinations]


def variant_of(swept: Mapping[str, float | str]) -> dict[str, Any]:
    """The raw variant with these values, named by them."""
    network = Network()
    for name, value in swept.items():
        AXES[name].vary(network, value)
    named = " ".join(f"{name}={value if isinstance(value, str) else f'{value:.12g}'}" for name, value in swept.items())
    return {"name": named, "swept": dict(swept), **network.raw()}
