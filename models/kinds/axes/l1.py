"""The L1 penalty on each hidden layer's kernel."""

from __future__ import annotations

from typing import Any

from models.kinds.axis import Axis, Network
from models.kinds.kind import Penalty


class L1(Axis):
    """The L1 penalty on each hidden layer's kernel."""

    name, title, place = "l1", "L1 penalty", 2
    values = Penalty

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        if value:
            network.dense.setdefault("kernel_regularizer", {})["l1"] = value
