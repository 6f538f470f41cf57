"""No negative weights."""

from __future__ import annotations

from typing import Literal

from models.kinds.constraint import Constraint


class NonNeg(Constraint):
    """`keras.constraints.NonNeg`: no weight is below 0."""

    title, keras, place = "not negative", "constraints.NonNeg", 2

    name: Literal["non_neg"] = "non_neg"
