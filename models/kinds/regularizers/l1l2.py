"""L1 and L2 penalties."""

from __future__ import annotations

from models.kinds.kind import Penalty
from models.kinds.regularizer import Regularizer


class L1L2(Regularizer):
    """A penalty added to the loss, `l1` times the sum of |w| and `l2` times that of w² (`keras.regularizers.L1L2`)."""

    title, keras, place = "L1 and L2 penalty", "regularizers.L1L2", 0

    l1: Penalty = 0.0
    l2: Penalty = 0.0
