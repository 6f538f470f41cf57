"""The rate of the dropout behind each hidden layer."""

from __future__ import annotations

from typing import Any

from models.kinds.axis import Axis, Network
from models.kinds.kind import Rate


class Dropout(Axis):
    """The rate of the dropout behind each hidden layer."""

    name, title, place = "dropout", "dropout rate", 4
    values = Rate

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        if value:
            network.behind.append({"type": "dropout", "rate": value})
