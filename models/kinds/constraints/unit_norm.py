"""A norm of 1."""

from __future__ import annotations

from typing import Literal

from models.kinds.constraint import Constraint


class UnitNorm(Constraint):
    """`keras.constraints.UnitNorm`: the weights into each unit have a Euclidean norm of 1."""

    title, keras, place = "unit norm", "constraints.UnitNorm", 1

    name: Literal["unit_norm"] = "unit_norm"
