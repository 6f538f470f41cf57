"""A greatest norm."""

from __future__ import annotations

from typing import Literal

from models.kinds.constraint import Constraint
from models.kinds.kind import Positive


class MaxNorm(Constraint):
    """`keras.constraints.MaxNorm`: the weights into each unit have a Euclidean norm of at most `max_value`.

    Srebro, Rennie and Jaakkola 2004, "Maximum-margin matrix factorization"; with dropout in Srivastava et al. 2014,
    "Dropout: a simple way to prevent neural networks from overfitting", 5.1.
    """

    title, keras, place = "max norm", "constraints.MaxNorm", 0

    name: Literal["max_norm"] = "max_norm"
    max_value: Positive = 2.0
