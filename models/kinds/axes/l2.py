"""The L2 penalty on each hidden layer's kernel."""

from __future__ import annotations

from typing import Any

from models.kinds.axis import Axis, Network
from models.kinds.kind import Penalty


class L2(Axis):
    """The L2 penalty on each hidden layer's kernel."""

    name, title, place = "l2", "L2 penalty", 3
    values = Penalty

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        if value:
            network.dense.setdefault("kernel_regularizer", {})["l2"] = value
