"""The activation of each hidden layer."""

from __future__ import annotations

from typing import Any

from models.kinds.axis import Axis, Network
from models.kinds.layers import dense


class Activation(Axis):
    """The activation of each hidden layer."""

    name, title = "activation", "activation"
    values = dense.Activation

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        network.dense["activation"] = value
