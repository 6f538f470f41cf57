"""The greatest norm of the weights into each unit."""

from __future__ import annotations

from typing import Any

from models.kinds.axis import Axis, Network
from models.kinds.kind import Positive


class MaxNorm(Axis):
    """The greatest norm of the weights into each unit of the hidden layers."""

    name, title, place = "max_norm", "max norm", 4
    values = Positive

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        network.dense["kernel_constraint"] = {"name": "max_norm", "max_value": value}
